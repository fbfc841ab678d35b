"""Text to typed values: the only room that words a config error.

Comes in: a document in YAML, JSON or TOML. Goes out: a frozen `Config` in which every
name means something, or a `ConfigError` with all problems, each with its place, wish,
finding and remedy. Refuses: guessing. `tocsin.config.values` loads no parser; what
reads documents is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.config.durations import as_text, duration
from tocsin.config.secret import Secret
from tocsin.config.state_values import RetentionConfig, StateConfig
from tocsin.config.values import (
    AlarmConfig,
    CalculatedMetricConfig,
    ChannelConfig,
    Config,
    ConsumerConfig,
    FormatConfig,
    MaskingConfig,
    MessagesConfig,
    MetricConfig,
    ReportConfig,
    SourceConfig,
)

if TYPE_CHECKING:
    from tocsin.config.build_sources import MessageTypes
    from tocsin.config.expressions import expression
    from tocsin.config.reading import from_data, load, parse
    from tocsin.config.schema import json_schema

__all__ = [
    "AlarmConfig",
    "CalculatedMetricConfig",
    "ChannelConfig",
    "Config",
    "ConsumerConfig",
    "FormatConfig",
    "MaskingConfig",
    "MessageTypes",
    "MessagesConfig",
    "MetricConfig",
    "ReportConfig",
    "RetentionConfig",
    "Secret",
    "SourceConfig",
    "StateConfig",
    "as_text",
    "duration",
    "expression",
    "from_data",
    "json_schema",
    "load",
    "parse",
]

_LATER = {
    "MessageTypes": "tocsin.config.build_sources",
    "expression": "tocsin.config.expressions",
    "from_data": "tocsin.config.reading",
    "json_schema": "tocsin.config.schema",
    "load": "tocsin.config.reading",
    "parse": "tocsin.config.reading",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what reads documents when it is first asked for."""
    from importlib import import_module  # noqa: PLC0415

    if name not in _LATER:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_LATER[name]), name)
