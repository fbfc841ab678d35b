"""What Log4j, Logback and Spring Boot write, with stack traces joined."""

from tocsin.formats.declared import Declaration
from tocsin.formats.options import Joins
from tocsin.formats.plan import Capture
from tocsin.formats.python import CONTINUES, LEVEL, TIME

_LOGGER = r"(?P<logger>[0-9A-Za-z_.$\[\]/-]+)"
_THREAD = r"\[(?P<thread>[^\]]*)\]"
_MESSAGE = r"(?P<message>.*)$"

LOG4J = Declaration(
    name="log4j",
    about="Log4j, Logback and Spring Boot: time, level, thread, logger; traces joined",
    regexes=(
        rf"^{TIME} {_THREAD} {LEVEL}{_LOGGER} - {_MESSAGE}",
        rf"^{TIME} +{LEVEL}{_THREAD} {_LOGGER}(?: -|:) {_MESSAGE}",
        (
            rf"^{TIME}(?:Z|[+-][0-9:]+)? +{LEVEL}(?P<pid>[0-9]+) --- (?:\[[^\]]*\] )?"
            rf"{_THREAD} {_LOGGER} *: {_MESSAGE}"
        ),
        rf"^{TIME} {_THREAD} {LEVEL}{_LOGGER}: {_MESSAGE}",
        rf"^{TIME} {_THREAD} {LEVEL}{_MESSAGE}",
    ),
    form="iso",
    joins=Joins(continues=CONTINUES),
    fields=(
        Capture("level", about="such as INFO or ERROR"),
        Capture("thread", about="the thread that spoke"),
        Capture("logger", about="the class that spoke"),
        Capture("message", about="what was said, and a stack trace if one follows"),
        Capture("pid", about="the process (Spring Boot)"),
    ),
    names={"severity": "level", "class": "logger", "msg": "message"},
    samples={
        b"2019-02-07 21:11:01,123 [main] INFO  com.shop.Pay - ready": {
            "time": "2019-02-07T21:11:01.123000Z",
            "thread": "main",
            "level": "INFO",
            "logger": "com.shop.Pay",
            "message": "ready",
        },
        b"2019-02-07 21:11:01.123  WARN 4242 --- [nio-8080-exec-1] c.shop.Pay      : slow": {
            "pid": "4242",
            "thread": "nio-8080-exec-1",
            "logger": "c.shop.Pay",
            "message": "slow",
        },
        b"2019-02-07 21:11:01,123 ERROR [worker-1] com.shop.Pay: no card": {
            "level": "ERROR",
            "thread": "worker-1",
            "logger": "com.shop.Pay",
            "message": "no card",
        },
        b"21:11:01 [main] INFO com.shop.Pay - no date": None,
    },
)
