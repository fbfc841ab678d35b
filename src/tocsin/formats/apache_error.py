"""The error log of Apache's web server, 2.2 and 2.4."""

from tocsin.formats.declared import Declaration
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

_TIME = (
    r"^\[[A-Z][a-z]{2} (?P<time>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9})? [0-9]{4})\] "
)
_CLIENT = r"(?:\[client (?P<remote_addr>[^\]]*?)(?::(?P<port>[0-9]+))?\] )?"
_MESSAGE = r"(?P<message>.*)$"

APACHE_ERROR = Declaration(
    name="apache_error",
    about="the error log of Apache: module, level, client and message",
    regexes=(
        (
            rf"{_TIME}\[(?P<module>[0-9a-z_-]*):(?P<level>[0-9a-z]+)\] \[pid (?P<pid>[0-9]+)"
            rf"(?::tid (?P<tid>[0-9]+))?\] (?:(?P<source>\([0-9]+\)[^\[]*: ))?{_CLIENT}{_MESSAGE}"
        ),
        rf"{_TIME}\[(?P<level>[0-9a-z]+)\] {_CLIENT}{_MESSAGE}",
    ),
    form="%b %e %H:%M:%S%.f %Y",
    fields=(
        Capture("level", about="from trace8 to emerg"),
        Capture("module", about="the module that spoke (2.4)"),
        Capture("pid", about="the process"),
        Capture("tid", about="the thread"),
        Capture("source", about="the system's error, such as (13)Permission denied"),
        Capture("remote_addr", FieldType.IP, about="the client"),
        Capture("port", FieldType.INT, about="the client's port"),
        Capture("message", about="what went wrong"),
    ),
    names={"client": "remote_addr", "severity": "level", "msg": "message"},
    samples={
        b"[Thu Feb 07 21:11:01.123456 2019] [core:error] [pid 12:tid 345] "
        b"[client 10.0.0.1:50000] AH00128: File does not exist: /a/b": {
            "time": "2019-02-07T21:11:01.123456Z",
            "module": "core",
            "level": "error",
            "pid": "12",
            "remote_addr": "10.0.0.1",
            "port": 50000,
            "message": "AH00128: File does not exist: /a/b",
        },
        b"[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied": {
            "time": "2000-10-11T14:32:52Z",
            "level": "error",
            "remote_addr": "127.0.0.1",
            "port": None,
            "message": "client denied",
        },
        b"[Wed Oct 11 14:32:52 2000] no level": None,
    },
)
