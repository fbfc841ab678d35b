"""Read a configuration for a command, with the fields of its formats checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.config.values import Config, FormatConfig
    from tocsin.model.message import MessageType


def read_config(path: Path) -> Config:
    """Return the configuration in a file, every name in it checked.

    Raises:
        ConfigError: With all the problems of the file.
    """
    from tocsin.config import load  # noqa: PLC0415 - loads the parsers

    return load(path, message_types=message_of)


def message_of(form: FormatConfig) -> MessageType | None:
    """Return the fields of a format; None when they are known only from the log."""
    from tocsin import formats  # noqa: PLC0415 - loaded when there is a format to check
    from tocsin.runners.opening import options_of_format  # noqa: PLC0415

    if form.type == "auto":
        return None
    return formats.message_type(form.type, options_of_format(form))
