"""The section `rabbitmq`: its address looked at without showing it, its names checked."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tocsin.config.rabbit_values import RabbitConfig
from tocsin.config.secret import Secret, read_secret

if TYPE_CHECKING:
    from tocsin.config.document import Path
    from tocsin.config.problems import Problems
    from tocsin.config.rabbit_models import RabbitmqPart

_MOST_BYTES = 200
"""Names of queues may have 255 bytes, and ours are made longer: `.retry.300s`."""


def build_rabbit(
    part: RabbitmqPart | None, path: Path, problems: Problems, base: FilePath | None
) -> RabbitConfig | None:
    """Return how a broker is spoken to; None where there is no section about it."""
    if part is None:
        return None
    for key in ("exchange", "queue"):
        _name(getattr(part, key), (*path, key), problems)
    return RabbitConfig(
        url=_url(part.url, (*path, "url"), problems, base or FilePath()),
        exchange=part.exchange,
        queue=part.queue,
        attempts=part.attempts,
        prefetch=part.prefetch,
    )


def _name(name: str, path: Path, problems: Problems) -> None:
    if name.startswith("amq."):
        hint = "choose another: these belong to the broker"
        problems.add(path, "a name that begins with 'amq.' cannot be declared", hint)
    elif len(name.encode()) > _MOST_BYTES:
        problems.expected(path, f"a name of at most {_MOST_BYTES} bytes", name)


def _url(value: str, path: Path, problems: Problems, base: FilePath) -> Secret:
    try:
        read = value.startswith("file:")
        found = read_secret(value, base) if read else Secret(str(value))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "it is not short UTF-8 text"
        problems.expected(path, f"a file that can be read ({said})", value)
        return Secret("")
    if not _is_address(found.reveal()):
        wanted = "an address such as amqps://user:password@host:5671/vhost"
        hint = "signs such as / and @ in a password are written %2F and %40"
        problems.expected(path, wanted, Secret(""), hint)
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return parts.scheme in {"amqp", "amqps"} and bool(host) and plain
