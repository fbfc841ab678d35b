"""Log formats of web servers, as they stand in the servers' own configurations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.formats.options import FormatError
from tocsin.formats.stamps import shape_of
from tocsin.formats.template import Slot, near
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from tocsin.formats.template import Piece

_INT, _BYTES = FieldType.INT, FieldType.BYTES
_DURATION, _TIME, _IP = FieldType.DURATION, FieldType.TIME, FieldType.IP

_NGINX: dict[str, tuple[FieldType, str]] = {
    "time_local": (_TIME, "clf"), "time_iso8601": (_TIME, "iso"), "msec": (_TIME, "s"),
    "status": (_INT, ""), "upstream_status": (FieldType.STRING, ""),
    "body_bytes_sent": (_BYTES, ""), "bytes_sent": (_BYTES, ""),
    "request_length": (_BYTES, ""), "request_time": (_DURATION, "s"),
    "upstream_response_time": (_DURATION, "s"), "upstream_connect_time": (_DURATION, "s"),
    "upstream_header_time": (_DURATION, "s"), "connection": (_INT, ""),
    "connection_requests": (_INT, ""), "remote_addr": (_IP, ""), "remote_port": (_INT, ""),
    "server_port": (_INT, ""), "pid": (_INT, ""), "content_length": (_BYTES, ""),
    "gzip_ratio": (FieldType.FLOAT, ""),
}  # fmt: skip
_APACHE: dict[str, tuple[str, FieldType, str]] = {
    "h": ("remote_addr", _IP, ""), "a": ("remote_addr", _IP, ""),
    "A": ("server_addr", _IP, ""), "l": ("ident", FieldType.STRING, ""),
    "u": ("remote_user", FieldType.STRING, ""), "t": ("time", _TIME, "clf"),
    "r": ("request", FieldType.STRING, ""), "s": ("status", _INT, ""),
    "b": ("bytes", _BYTES, ""), "B": ("bytes", _BYTES, ""), "O": ("bytes_out", _BYTES, ""),
    "I": ("bytes_in", _BYTES, ""), "S": ("bytes_moved", _BYTES, ""),
    "D": ("duration", _DURATION, "us"), "T": ("duration_s", _DURATION, "s"),
    "m": ("method", FieldType.STRING, ""), "U": ("path", FieldType.STRING, ""),
    "q": ("query", FieldType.STRING, ""), "H": ("protocol", FieldType.STRING, ""),
    "v": ("server_name", FieldType.STRING, ""), "V": ("host", FieldType.STRING, ""),
    "p": ("server_port", _INT, ""), "P": ("pid", _INT, ""), "k": ("keepalive", _INT, ""),
    "f": ("file", FieldType.STRING, ""), "X": ("connection_status", FieldType.STRING, ""),
    "L": ("log_id", FieldType.STRING, ""), "R": ("handler", FieldType.STRING, ""),
}  # fmt: skip
_HEADERS = {
    "i": "",
    "o": "out_",
    "e": "env_",
    "C": "cookie_",
    "n": "note_",
    "x": "tls_",
}
_DIRECTIVE = re.compile(r"%(?:%|[!0-9,]*[<>]?(?:\{([^}]*)\})?(\^t[io]|[A-Za-z])?)")
_VARIABLE = re.compile(r"\$(?:\{([0-9A-Za-z_]+)\}|([0-9A-Za-z_]+))?")
_NGINX_STATEMENT = re.compile(
    r"^\s*log_format\s+\S+\s+(?:escape=\S+\s+)?(?=['\"])(.*?);?\s*$", re.DOTALL
)
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_APACHE_STATEMENT = re.compile(
    r'^\s*(?:LogFormat|CustomLog\s+\S+)\s+"((?:[^"\\]|\\.)*)"(?:\s+\S+)*\s*$',
    re.IGNORECASE,
)


def parse(text: str) -> list[Piece]:
    """Return the pieces of a log format of nginx (`$name`) or of Apache (`%h`).

    The whole statement may be pasted, or its format alone.

    Raises:
        FormatError: With the place in the text.
    """
    statement = _NGINX_STATEMENT.match(text)
    if statement:
        parts = [one or two for one, two in _QUOTED.findall(statement[1])]
        return _nginx("".join(parts).replace("\\'", "'").replace('\\"', '"'))
    apache = _APACHE_STATEMENT.match(text)
    if apache:
        return _apache(apache[1].replace('\\"', '"').replace("\\t", "\t"))
    bare = text.replace('\\"', '"')
    if re.search(r"\$[a-z{]", text):
        return _nginx(bare)
    if "%" in text:
        return _apache(bare)
    hint = "nginx writes $status, Apache %>s"
    raise FormatError("there is no field in it", hint=hint)


def _nginx(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    last = 0
    for found in _VARIABLE.finditer(text):
        _add(pieces, text[last : found.start()])
        last = found.end()
        name = found[1] or found[2]
        if not name:
            raise FormatError("a '$' without a name", at=found.start())
        kind, form = _NGINX.get(name, (FieldType.STRING, ""))
        pieces.append(Slot(name, kind, form, found.start(), _shape(kind, form)))
    _add(pieces, text[last:])
    return pieces


def _apache(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    last = 0
    for found in _DIRECTIVE.finditer(text):
        _add(pieces, text[last : found.start()])
        last = found.end()
        if found[0] == "%%":
            _add(pieces, "%")
        elif found[2] == "t" and not found[1]:
            _add(pieces, "[")
            pieces.append(
                Slot("time", _TIME, "clf", found.start(), _shape(_TIME, "clf"))
            )
            _add(pieces, "]")
        else:
            pieces.append(_directive(found[2] or "", found[1] or "", found.start()))
    _add(pieces, text[last:])
    return pieces


def _directive(sign: str, inside: str, at: int) -> Slot:
    if sign == "t":
        form = _strftime(inside)
        return Slot("time", _TIME, form, at, shape_of(form, at))
    if sign == "T":
        unit = inside or "s"
        name = "duration" if unit == "us" else f"duration_{unit}"
        return Slot(name, _DURATION, unit, at)
    if sign in _HEADERS and inside:
        name = inside.lower().replace("-", "_")
        prefix = "" if name in ("referer", "user_agent", "host") else _HEADERS[sign]
        return Slot(prefix + name, at=at)
    if sign not in _APACHE:
        hint = near(f"%{sign}", [f"%{known}" for known in _APACHE], "directives")
        raise FormatError(f"'%{sign}' is no directive that is known", hint=hint, at=at)
    name, kind, form = _APACHE[sign]
    return Slot(name, kind, form, at)


_EPOCHS = {"sec": "s", "msec": "ms", "usec": "us"}


def _strftime(inside: str) -> str:
    """Return our form of what stands in `%{...}t`."""
    bare = re.sub(r"^(?:begin|end):", "", inside)
    return _EPOCHS.get(bare, bare)


def _shape(kind: FieldType, form: str) -> str:
    return shape_of(form) if kind is _TIME else ""


def _add(pieces: list[Piece], literal: str) -> None:
    if not literal:
        return
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] += literal
    else:
        pieces.append(literal)
