"""Syslog, as files and daemons write it: RFC 5424, and what went before (RFC 3164)."""

from tocsin.formats.declared import Declaration
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

_BSD = r"(?P<time>[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"
_ISO = r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.,]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
_TAG = r"(?P<program>[^ \[:]+)(?:\[(?P<pid>[^\]]*)\])?: ?(?P<message>.*)$"
_UNTAGGED = r"(?P<message>.*)$"
_DATA = r'(?P<data>-|(?:\[(?:[^\]"\\]|"(?:[^"\\]|\\.)*"|\\.)*\])+)'
_WORDS = r"(?P<host>[^ ]+) (?P<program>[^ ]+) (?P<pid>[^ ]+) (?P<msgid>[^ ]+)"
_NEW = (
    rf"^<(?P<priority>[0-9]{{1,3}})>[1-9][0-9]? (?P<time>[^ ]+) {_WORDS} {_DATA}"
    r"(?: (?P<message>.*))?$"
)
_PRI = r"^(?:<(?P<priority>[0-9]{1,3})>)?"

SYSLOG = Declaration(
    name="syslog",
    about="syslog, RFC 3164 (with or without a priority, also with ISO times) and 5424",
    regexes=(
        rf"{_PRI}{_BSD} (?P<host>[^ ]+) {_TAG}",
        _NEW,
        rf"{_PRI}{_ISO} (?P<host>[^ ]+) {_TAG}",
        rf"{_PRI}{_BSD} (?P<host>[^ ]+) {_UNTAGGED}",
        rf"{_PRI}{_ISO} (?P<host>[^ ]+) {_UNTAGGED}",
    ),
    form="%b %e %H:%M:%S|iso",
    fields=(
        Capture("host", about="the machine that spoke"),
        Capture("program", about="the program that spoke"),
        Capture("pid", about="its process"),
        Capture("message", about="what it said"),
        Capture("priority", FieldType.INT, about="eight times facility, and severity"),
        Capture("facility", FieldType.INT, about="the part of the system: 4 is security"),
        Capture("severity", FieldType.INT, about="from 0, an emergency, to 7, debugging"),
        Capture("msgid", about="the kind of message (RFC 5424)"),
        Capture("data", about="structured data as it was written (RFC 5424)"),
    ),
    names={"hostname": "host", "ident": "program", "app": "program", "appname": "program",
           "procid": "pid", "msg": "message"},
    samples={
        b"Mar 27 13:06:56 ip-10-77-20-248 sshd[1291]: Server listening on :: port 22.": {
            "time": "2019-03-27T13:06:56Z",
            "host": "ip-10-77-20-248",
            "program": "sshd",
            "pid": "1291",
            "message": "Server listening on :: port 22.",
            "priority": None,
        },
        b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed on /dev/pts/8": {
            "time": "2018-10-11T22:14:15Z",
            "program": "su",
            "pid": None,
            "priority": 34,
            "facility": 4,
            "severity": 2,
        },
        b'<165>1 2003-10-11T22:14:15.003Z host app - ID47 [x@1 a="b \\" ]"] An event': {
            "time": "2003-10-11T22:14:15.003000Z",
            "program": "app",
            "pid": "-",
            "msgid": "ID47",
            "data": '[x@1 a="b \\" ]"]',
            "message": "An event",
            "severity": 5,
        },
        b"2019-02-07T21:11:01.5+01:00 web1 cron[7]: (root) CMD (true)": {
            "time": "2019-02-07T20:11:01.500000Z",
            "program": "cron",
        },
        b"Feb  7 21:11:01 web1 last message repeated 2 times": {
            "program": None,
            "message": "last message repeated 2 times",
        },
        b"<14>2019-02-07T21:11:01.5Z 10.0.0.1 a program that sends no tag": {
            "program": None,
            "host": "10.0.0.1",
            "message": "a program that sends no tag",
        },
        b"Feb 31 21:11:01 web1 cron: what day is that?": None,
        b"web1 cron: no time at all": None,
    },
)  # fmt: skip
