"""`tocsin silence`: see `cli_incidents`."""

from tocsin.views.cli_incidents import silence as command

__all__ = ["command"]
