"""The server log of PostgreSQL, with its usual prefixes."""

from tocsin.formats.declared import Declaration
from tocsin.formats.options import Joins
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_UTC = rf"^(?P<time>{_STAMP} (?:UTC|GMT|[+-][0-9:]+)) "
_LOCAL = rf"^(?P<time>{_STAMP})(?: [A-Z]{{2,5}})? "
_LEVEL = (
    r"(?P<level>DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC|DETAIL|HINT|QUERY"
    r"|CONTEXT|LOCATION|STATEMENT): +"
)
_WHO = r"(?:\[(?P<pid>[0-9]+)\] )?(?:(?P<user>[^ @:]+)@(?P<database>[^ ]+) )?"
_TOOK = r"(?P<message>duration: (?P<took>[0-9.]+) ms.*)$"
_MESSAGE = r"(?P<message>.*)$"

POSTGRES = Declaration(
    name="postgres",
    about="the server log of PostgreSQL: level, user, database, message, duration",
    regexes=tuple(
        rf"{stamp}{_WHO}{_LEVEL}{end}"
        for stamp in (_UTC, _LOCAL)
        for end in (_TOOK, _MESSAGE)
    ),
    joins=Joins(continues=r"^\t"),
    fields=(
        Capture("pid", about="the process"),
        Capture("user", about="the user of the session"),
        Capture("database", about="its database"),
        Capture("level", about="such as LOG, ERROR or STATEMENT"),
        Capture("message", about="what was said, with all its lines"),
        Capture("took", FieldType.DURATION, "ms", about="how long a statement took"),
    ),
    names={"severity": "level", "duration": "took", "db": "database", "msg": "message"},
    samples={
        b"2019-02-07 21:11:01.123 UTC [4242] shop@orders ERROR:  deadlock detected": {
            "time": "2019-02-07T21:11:01.123000Z",
            "pid": "4242",
            "user": "shop",
            "database": "orders",
            "level": "ERROR",
            "message": "deadlock detected",
            "took": None,
        },
        b"2019-02-07 21:11:01 CET [4242] LOG:  duration: 12.5 ms  statement: SELECT 1": {
            "level": "LOG",
            "took": 0.0125,
        },
        b"2019-02-07 21:11:01.123 UTC [4242] LOUD:  no level": None,
    },
)
