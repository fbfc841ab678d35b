"""What Python's `logging` writes in the usual ways, with tracebacks joined."""

from tocsin.formats.declared import Declaration
from tocsin.formats.options import Joins
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

LEVEL = r"(?P<level>(?:TRACE|DEBUG|INFO|NOTICE|SUCCESS|WARN(?:ING)?|ERROR|CRITICAL|FATAL)) *"
TIME = r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)"
_NAME = r"(?P<logger>[0-9A-Za-z_.$-]+)"
_PLACE = r"(?P<logger>[^ :]+):(?P<function>[^ :]+):(?P<row>[0-9]+)"
_MESSAGE = r"(?P<message>.*)$"
CONTINUES = (
    r"^[ \t]|^Traceback \(|^During handling of|^The above exception|^Caused by: "
    r"|^[0-9A-Za-z_.$]*(?:Error|Exception|Exit|Interrupt|Warning)(?:: |$)|^\.\.\. [0-9]+ more"
)

PYTHON = Declaration(
    name="python",
    about="Python's logging: time, logger, level and message, tracebacks joined",
    regexes=(
        rf"^{TIME} - {_NAME} - {LEVEL}- {_MESSAGE}",
        rf"^{TIME} \| {LEVEL}\| {_PLACE} - {_MESSAGE}",
        rf"^\[{TIME}\] {LEVEL}in {_NAME}: {_MESSAGE}",
        rf"^\[{TIME}: {LEVEL}/(?P<process>[^\]]+)\] {_MESSAGE}",
        rf"^{TIME} \[{LEVEL}\] {_NAME}: {_MESSAGE}",
        rf"^{TIME} {LEVEL}{_NAME}: {_MESSAGE}",
        rf"^{TIME} - {LEVEL}- {_MESSAGE}",
        rf"^{TIME} \[{LEVEL}\] {_MESSAGE}",
        rf"^{TIME} {LEVEL}:? {_MESSAGE}",
    ),
    form="iso",
    joins=Joins(continues=CONTINUES),
    fields=(
        Capture("level", about="such as INFO or ERROR"),
        Capture("logger", about="the name of the logger"),
        Capture("message", about="what was said, and a traceback if one follows"),
        Capture("function", about="where it was said, if the format tells"),
        Capture("row", FieldType.INT, about="the line of source code, if the format tells"),
        Capture("process", about="the worker, if the format tells"),
    ),
    names={"levelname": "level", "severity": "level", "name": "logger", "msg": "message"},
    samples={
        b"2019-02-07 21:11:01,123 - shop.pay - ERROR - no such card": {
            "time": "2019-02-07T21:11:01.123000Z",
            "logger": "shop.pay",
            "level": "ERROR",
            "message": "no such card",
        },
        b"2019-02-07 21:11:01,123 WARNING shop.pay: slow": {
            "logger": "shop.pay",
            "level": "WARNING",
            "message": "slow",
        },
        b"2019-02-07 21:11:01.123 | INFO     | shop.pay:charge:17 - done": {
            "level": "INFO",
            "logger": "shop.pay",
            "function": "charge",
            "row": 17,
        },
        b"[2019-02-07 21:11:01,123: INFO/MainProcess] ready": {
            "process": "MainProcess",
            "message": "ready",
        },
        b"2019-02-07 21:11:01,123 - shop.pay - LOUD - no level": None,
    },
)  # fmt: skip
