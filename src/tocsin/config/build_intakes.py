"""Sources that are no files: what is written of them, checked."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tocsin.config.intake_values import (
    SCHEMES,
    CommandConfig,
    IntakeConfig,
    ListenConfig,
)
from tocsin.config.problems import did_you_mean
from tocsin.config.secret import Secret, read_secret

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.source_models import SourcePart

_KINDS: Final = ("path", "command", "listen")
_EXAMPLE: Final = "udp://127.0.0.1:5514, tcp://, tls://, http:// or https://HOST:PORT"
_FOR: Final = {
    "framing": ("tcp", "tls"),
    "tls": ("tls", "https"),
    "token": ("http", "https"),
    "max_body": ("http", "https"),
}
"""The schemes that each key is for."""
_HOME: Final = "127.0.0.1"
_SHORTEST_TOKEN: Final = 16
_ROUTE: Final = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")


def build_intake(
    part: SourcePart, path: Path, problems: Problems, base: FilePath | None
) -> IntakeConfig | None:
    """Return where a source takes its lines in; None if they are in files."""
    _check_one(part, path, problems)
    if part.command is not None:
        return CommandConfig(argv=part.command)
    if part.listen is None:
        return None
    return _Listen(part, path, problems, base or FilePath()).config(part.listen)


def check_places(intakes: list[tuple[Path, IntakeConfig]], problems: Problems) -> None:
    """Note sources that would take their lines from one place, or one port."""
    taken: dict[str, Path] = {}
    for path, intake in intakes:
        key = "command" if isinstance(intake, CommandConfig) else "listen"
        first = taken.setdefault(_port(intake), path)
        if first != path:
            place = problems.document.place(first)
            message = f"{problems.document.shown(first)} at {place} has this already"
            hint = "one source for each command, and for each port"
            problems.add((*path, key), message, hint)


def _port(intake: IntakeConfig) -> str:
    if isinstance(intake, CommandConfig):
        return intake.place
    kind = "udp" if intake.datagrams else "tcp"
    return f"{kind} {intake.host} {intake.port}"


def _check_one(part: SourcePart, path: Path, problems: Problems) -> None:
    given = [str(key) for key in _KINDS if key in part.model_fields_set]
    for key in given[1:]:
        hint = "a source has one of path, command and listen"
        problems.add((*path, key), f"given beside '{given[0]}'", hint)
    scheme = "" if part.listen is None else part.listen.partition(":")[0]
    for key, schemes in _FOR.items():
        if key in part.model_fields_set and scheme not in schemes:
            told = " and ".join(f"{one}://" for one in schemes)
            message = f"it means nothing here: it is for listen: {told}"
            problems.add((*path, key), message, "remove it")


class _Listen:
    def __init__(
        self, part: SourcePart, path: Path, problems: Problems, base: FilePath
    ) -> None:
        self.part = part
        self.path = path
        self.problems = problems
        self.base = base

    def config(self, written: str) -> ListenConfig | None:
        try:
            url = urlsplit(written)
            port = url.port
        except ValueError:
            url, port = urlsplit(""), None
        if not self._is_address(written, url, port):
            return None
        assert port is not None
        certificate, key, authorities = self._tls(url.scheme)
        return ListenConfig(
            scheme=url.scheme,
            host=url.hostname or _HOME,
            port=port,
            path=url.path or "/",
            framing=self.part.framing,
            token=self._token(url.scheme),
            max_body=self.part.max_body,
            certificate=certificate,
            key=key,
            client_ca=authorities,
        )

    def _is_address(self, written: str, url: SplitResult, port: int | None) -> bool:
        way = (*self.path, "listen")
        if url.scheme not in SCHEMES:
            hint = did_you_mean(url.scheme, SCHEMES, what="one of")
            self.problems.expected(way, f"an address such as {_EXAMPLE}", written, hint)
            return False
        extra = url.query or url.fragment or url.username is not None
        fine = _ROUTE.fullmatch(url.path or "/") is not None
        if url.path not in {"", "/"} and not url.scheme.startswith("http"):
            fine = False
        if not port or extra or not fine:
            wanted = f"an address such as {url.scheme}://{_HOME}:5514"
            self.problems.expected(way, wanted, written)
            return False
        return True

    def _token(self, scheme: str) -> Secret | None:
        way = (*self.path, "token")
        if not scheme.startswith("http"):
            return None
        value = self.part.token
        if value is None:
            hint = "add token: ${PUSH_TOKEN}, or token: file:push.token"
            self.problems.miss(self.path, "token", hint)
            return None
        try:
            read = value.startswith("file:")
            found = read_secret(value, self.base) if read else Secret(str(value))
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or "it is not short UTF-8 text"
            self.problems.expected(way, f"a file that can be read ({said})", value)
            return None
        text = found.reveal()
        if len(text) < _SHORTEST_TOKEN or not text.isascii() or not text.isprintable():
            wanted = f"at least {_SHORTEST_TOKEN} printable characters of ASCII"
            self.problems.expected(way, wanted, Secret(""))
        return found

    def _tls(self, scheme: str) -> tuple[str, str, str]:
        tls = self.part.tls
        if scheme not in _FOR["tls"]:
            return "", "", ""
        if tls is None:
            hint = "add tls: {certificate: host.pem, key: host.key}"
            self.problems.miss(self.path, "tls", hint)
            return "", "", ""
        names = (tls.certificate, tls.key, tls.client_ca or "")
        found = tuple(str(self.base / name) if name else "" for name in names)
        self._check_files(found[0], found[1], found[2])
        return found[0], found[1], found[2]

    def _check_files(self, certificate: str, key: str, authorities: str) -> None:
        import ssl  # noqa: PLC0415 - a rare need

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        way = (*self.path, "tls")
        try:
            context.load_cert_chain(certificate, key, password=lambda: "")
        except (OSError, ValueError) as error:
            wanted = f"a certificate and its key ({_why(error)})"
            written = self.part.tls and self.part.tls.certificate
            self.problems.expected((*way, "certificate"), wanted, written)
        try:
            if authorities:
                context.load_verify_locations(authorities)
        except (OSError, ValueError) as error:
            wanted = f"a file of certificates ({_why(error)})"
            written = self.part.tls and self.part.tls.client_ca
            self.problems.expected((*way, "client_ca"), wanted, written)


def _why(error: Exception) -> str:
    """Return what OpenSSL, or the system, says, without the place in its code."""
    said = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(said or error).lower().replace("_", " ")
