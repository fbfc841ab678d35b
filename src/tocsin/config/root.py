"""A whole document as one shape, which its published schema is made of."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tocsin.config.alarm_models import AlarmPart, MessagesPart
from tocsin.config.channel_models import AnyChannel
from tocsin.config.consumer_models import ConsumerPart
from tocsin.config.format_models import FormatPart
from tocsin.config.masking_models import MaskingPart
from tocsin.config.metric_models import CalculatedPart, MetricPart
from tocsin.config.notify_models import (
    DowntimePart,
    InhibitPart,
    NotificationsPart,
    RoutePart,
    SchedulePart,
    SilencePart,
)
from tocsin.config.part import Part
from tocsin.config.rabbit_models import RabbitmqPart
from tocsin.config.report_models import ReportPart
from tocsin.config.source_models import SourcePart
from tocsin.config.state_models import StatePart


class Root(Part):
    """A configuration of Tocsin."""

    version: Any = 1
    sources: list[SourcePart] = Field(default_factory=list)
    formats: list[FormatPart] = Field(default_factory=list)
    metrics: list[MetricPart] = Field(default_factory=list)
    calculated_metrics: list[CalculatedPart] = Field(default_factory=list)
    alarms: list[AlarmPart] = Field(default_factory=list)
    raw_log_consumers: list[ConsumerPart] = Field(default_factory=list)
    channels: list[AnyChannel] = Field(default_factory=list)
    masking: MaskingPart = MaskingPart()
    rabbitmq: RabbitmqPart | None = None
    routes: list[RoutePart] = Field(default_factory=list)
    inhibit: list[InhibitPart] = Field(default_factory=list)
    silences: list[SilencePart] = Field(default_factory=list)
    schedules: list[SchedulePart] = Field(default_factory=list)
    downtimes: list[DowntimePart] = Field(default_factory=list)
    notifications: NotificationsPart = NotificationsPart()
    report: ReportPart = ReportPart()
    messages: MessagesPart = MessagesPart()
    state: StatePart = StatePart()
    builtin_alarms: Any = True
