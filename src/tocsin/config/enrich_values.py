"""What is found out about the events of a source beyond what its lines say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS, AGENT, PATH = "remote_addr", "user_agent", "path"
"""The fields that are looked at, unless others are named."""


class EnrichConfig(Struct, frozen=True, kw_only=True):
    """What is looked up, and for which field.

    `networks` are pairs of a network (CIDR) and its name, `databases` files in MaxMind's
    format. `routes` are the user's own templates of paths; None finds no routes at all.
    """

    networks: tuple[tuple[str, str], ...] = ()
    databases: tuple[Path, ...] = ()
    user_agent: bool = False
    routes: tuple[str, ...] | None = None
    address: str = ADDRESS
    agent: str = AGENT
    path: str = PATH

    @property
    def fields(self) -> dict[str, tuple[str, FieldType]]:
        """The fields that there are because of it: of which field, and their types."""
        found: dict[str, tuple[str, FieldType]] = {}
        if self.networks:
            found["network"] = (self.address, FieldType.STRING)
        if self.databases:
            found["country"] = (self.address, FieldType.STRING)
            found["asn"] = (self.address, FieldType.INT)
            found["as_name"] = (self.address, FieldType.STRING)
        if self.user_agent:
            found["browser"] = (self.agent, FieldType.STRING)
            found["os"] = (self.agent, FieldType.STRING)
            found["bot"] = (self.agent, FieldType.BOOL)
        if self.routes is not None:
            found["route"] = (self.path, FieldType.STRING)
        return found
