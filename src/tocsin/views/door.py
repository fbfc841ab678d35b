"""How commands find a running daemon: a note in its state folder, and HTTP."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tocsin.model.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NOTE = "door.json"
_TIMEOUT = 35.0
_REFUSED = 400


class Door(Struct, frozen=True):
    """Where a daemon answers, and the token that it wants."""

    url: str
    token: str

    @classmethod
    def of(cls, folder: Path) -> Door:
        """Return the door of the daemon whose state is in a folder.

        Raises:
            SourceError: There is none.
        """
        try:
            found = json.loads((folder / NOTE).read_text(encoding="utf-8"))
            return cls(found["url"], found["token"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"{folder}: no daemon is running with this state"
            hint = "start it with `tocsin run`, or say which with --state FOLDER"
            raise SourceError(f"{message}\n  hint: {hint}") from error

    def write(self, folder: Path) -> None:
        """Leave the note, for our own user alone."""
        draft = folder / f"{NOTE}.draft"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump({"url": self.url, "token": self.token}, file)
        draft.rename(folder / NOTE)

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        """Return the answer to a request.

        Raises:
            UsageError: The daemon refuses it, and says why.
            SourceError: It cannot be reached.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(  # noqa: S310 - it is our own
            self.url + path, data, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = json.load(error).get("error", "")
            raise UsageError(said or f"the daemon answers {error.code}") from error
        except (OSError, ValueError) as error:
            message = "the daemon cannot be reached; is it still running?"
            raise SourceError(message) from error
