"""HAProxy's HTTP log, with or without what syslog puts before it."""

from tocsin.formats.declared import Declaration
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

_PREFIX = r"^(?:[^\]\[\"]* )?(?:(?P<program>[^ \[]+)\[(?P<pid>[0-9]+)\]: )?"
_PEER = (
    r"(?P<remote_addr>[^ ]+):(?P<port>[0-9]+) "
    r"\[(?P<time>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3}\.[0-9]{3})\] "
    r"(?P<frontend>[^ ]+) (?P<backend>[^ /]+)/(?P<server>[^ ]+) "
)
_HTTP = (
    r"(?P<request_time>-?[0-9]+)/(?P<queue_time>-?[0-9]+)/(?P<connect_time>-?[0-9]+)/"
    r"(?P<response_time>-?[0-9]+)/\+?(?P<total_time>-?[0-9]+) (?P<status>-?[0-9]+) "
    r"\+?(?P<bytes>[0-9]+) [^ ]+ [^ ]+ (?P<termination>[^ ]{4}) "
    r"(?P<connections>[0-9]+)/[0-9]+/[0-9]+/[0-9]+/\+?(?P<retries>[0-9]+) "
    r"(?P<queue>[0-9]+)/[0-9]+(?: \{[^}]*\})*"
)
_REQUEST = r' "(?P<request>[^"]*)"?(?: .*)?$'
_TCP = (
    r"(?P<queue_time>-?[0-9]+)/(?P<connect_time>-?[0-9]+)/\+?(?P<total_time>-?[0-9]+) "
    r"\+?(?P<bytes>[0-9]+) (?P<termination>[^ ]{2}) "
    r"(?P<connections>[0-9]+)/[0-9]+/[0-9]+/[0-9]+/\+?(?P<retries>[0-9]+) "
    r"(?P<queue>[0-9]+)/[0-9]+$"
)


def _time(name: str, about: str) -> Capture:
    return Capture(name, FieldType.DURATION, "ms", about)


HAPROXY = Declaration(
    name="haproxy",
    about="HAProxy's HTTP and TCP logs, with or without syslog's words before them",
    regexes=(
        f"{_PREFIX}{_PEER}{_HTTP}{_REQUEST}",
        f"{_PREFIX}{_PEER}{_TCP}",
    ),
    form="%d/%b/%Y:%H:%M:%S%.f",
    fields=(
        Capture("program", about="the name of the process"),
        Capture("pid", about="the process"),
        Capture("remote_addr", FieldType.IP, about="the client"),
        Capture("port", FieldType.INT, about="the client's port"),
        Capture("frontend", about="the frontend, with ~ for TLS"),
        Capture("backend", about="the backend"),
        Capture("server", about="the server, or <NOSRV>"),
        _time("request_time", "until the request was there; -1: never"),
        _time("queue_time", "in the queues"),
        _time("connect_time", "until the server was connected"),
        _time("response_time", "until the server answered"),
        _time("total_time", "in all"),
        Capture("status", FieldType.INT, about="the status of the answer"),
        Capture("bytes", FieldType.BYTES, about="what was sent to the client"),
        Capture("termination", about="how it ended, such as ---- or sH--"),
        Capture("connections", FieldType.INT, about="connections of the process"),
        Capture("retries", FieldType.INT, about="connections that were tried again"),
        Capture(
            "queue", FieldType.INT, about="requests before it in the server's queue"
        ),
        Capture("request", about="the request line"),
    ),
    names={"status_code": "status", "bytes_read": "bytes", "client": "remote_addr"},
    samples={
        b"Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 "
        b"[06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- "
        b'1/1/1/1/0 0/0 {1wt.eu} {} "GET /a/index.html HTTP/1.1"': {
            "time": "2009-02-06T12:14:14.655000Z",
            "program": "haproxy",
            "pid": "14389",
            "remote_addr": "10.0.1.2",
            "backend": "static",
            "server": "srv1",
            "response_time": 0.069,
            "total_time": 0.109,
            "status": 200,
            "bytes": 2750,
            "termination": "----",
            "section": "/a",
        },
        b"10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0": {
            "server": "srv1",
            "total_time": 5.007,
            "bytes": 212,
            "retries": 3,
            "status": None,
        },
        b"Feb  6 12:14:14 localhost haproxy[14389]: Proxy http-in started.": None,
    },
)
