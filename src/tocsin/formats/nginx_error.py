"""The error log of nginx."""

from tocsin.formats.declared import Declaration
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

_HEAD = (
    r"^(?P<time>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) \[(?P<level>[a-z]+)\] "
    r"(?P<pid>[0-9]+)#(?P<tid>[0-9]+): (?:\*(?P<connection>[0-9]+) )?"
)
_CLIENT = r", client: (?P<remote_addr>[^, ]+)(?:, server: (?P<server>[^,]*))?"
_MORE = (
    r'(?:, request: "(?P<request>[^"]*)")?(?:, subrequest: "[^"]*")?'
    r'(?:, upstream: "(?P<upstream>[^"]*)")?(?:, host: "(?P<host>[^"]*)")?'
    r'(?:, referrer: "(?P<referer>[^"]*)")?$'
)

NGINX_ERROR = Declaration(
    name="nginx_error",
    about="the error log of nginx: level, message, and the request it is about",
    regexes=(
        rf"{_HEAD}(?P<message>[^,]*){_CLIENT}{_MORE}",
        rf"{_HEAD}(?P<message>.*?){_CLIENT}{_MORE}",
        rf"{_HEAD}(?P<message>.*)$",
    ),
    form="%Y/%m/%d %H:%M:%S",
    fields=(
        Capture("level", about="from debug to emerg"),
        Capture("pid", about="the worker process"),
        Capture("tid", about="its thread"),
        Capture("connection", FieldType.INT, about="the number of the connection"),
        Capture("message", about="what went wrong"),
        Capture("remote_addr", FieldType.IP, about="the client"),
        Capture("server", about="the server block"),
        Capture("request", about="the request line"),
        Capture("upstream", about="where it was passed to"),
        Capture("host", about="the host that was asked for"),
        Capture("referer", about="the referring page"),
    ),
    names={"client": "remote_addr", "severity": "level", "msg": "message"},
    samples={
        b'2019/02/07 21:11:01 [error] 4242#0: *99 open() "/a/b" failed (2: No such file), '
        b'client: 10.0.0.1, server: shop, request: "GET /a/b HTTP/1.1", host: "shop.example"': {
            "time": "2019-02-07T21:11:01Z",
            "level": "error",
            "connection": 99,
            "message": 'open() "/a/b" failed (2: No such file)',
            "remote_addr": "10.0.0.1",
            "section": "/a",
            "host": "shop.example",
            "upstream": None,
        },
        b"2019/02/07 21:11:01 [notice] 1#1: signal 15 (SIGTERM) received, exiting": {
            "level": "notice",
            "message": "signal 15 (SIGTERM) received, exiting",
            "connection": None,
        },
        b"2019/02/31 21:11:01 [error] 1#1: what day is that?": None,
    },
)  # fmt: skip
