"""`tocsin ack`: see `cli_incidents`."""

from tocsin.views.cli_incidents import ack as command

__all__ = ["command"]
