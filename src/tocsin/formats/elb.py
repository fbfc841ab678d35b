"""The access log of Amazon's classic load balancer."""

from tocsin.formats.declared import Declaration
from tocsin.formats.plan import Capture
from tocsin.model.message import FieldType

_URL = r"(?:[a-z]+://[^/ \"?]*)?(?P<path>[^ \"]*)"
REQUEST = rf'"(?P<request>(?P<method>[A-Z-]+) {_URL} (?P<protocol>[^ \"]*))"'
ODD_REQUEST = r'"(?P<request>[^"]*)"'
TIMES = (
    r"(?P<request_time>[0-9.-]+) (?P<target_time>[0-9.-]+) (?P<response_time>[0-9.-]+) "
    r"(?P<status>[0-9-]+) (?P<target_status>[0-9-]+) "
    r"(?P<received>[0-9]+) (?P<bytes>[0-9]+) "
)
PEERS = r"(?P<remote_addr>[^ ]+):(?P<port>[0-9]+) (?P<target>[^ ]+) "
_HEAD = rf"^(?P<time>[0-9]{{4}}-[^ ]+) (?P<elb>[^ ]+) {PEERS}{TIMES}"
_TAIL = r'(?: "(?P<user_agent>[^"]*)" (?P<cipher>[^ ]+) (?P<tls>[^ ]+))?(?: .*)?$'
FIELDS = (
    Capture("elb", about="the name of the load balancer"),
    Capture("remote_addr", FieldType.IP, about="the client"),
    Capture("port", FieldType.INT, about="the client's port"),
    Capture("target", about="who answered, with its port; - if none"),
    Capture("request_time", FieldType.DURATION, about="until it was passed on"),
    Capture(
        "target_time", FieldType.DURATION, about="until the answer began; -1: never"
    ),
    Capture(
        "response_time", FieldType.DURATION, about="until the answer was passed on"
    ),
    Capture("status", FieldType.INT, about="the status of the answer"),
    Capture("target_status", FieldType.INT, about="the status that the target gave"),
    Capture("received", FieldType.BYTES, about="size of the request"),
    Capture("bytes", FieldType.BYTES, about="size of the answer"),
    Capture("request", about="the request line, as it was logged"),
    Capture("method", about="first word of the request"),
    Capture("path", about="the path of its URL, with the query"),
    Capture("protocol", about="such as HTTP/1.1"),
    Capture("user_agent", about="the client's program"),
    Capture("cipher", about="the cipher of TLS, or -"),
    Capture("tls", about="the version of TLS, or -"),
)
NAMES = {
    "backend": "target", "backend_status_code": "target_status", "elb_status_code": "status",
    "backend_processing_time": "target_time", "target_processing_time": "target_time",
    "request_processing_time": "request_time", "response_processing_time": "response_time",
    "target_status_code": "target_status", "sent_bytes": "bytes", "received_bytes": "received",
    "ssl_cipher": "cipher", "ssl_protocol": "tls", "timestamp": "time",
}  # fmt: skip

ELB = Declaration(
    name="elb",
    about="access logs of Amazon's classic load balancer",
    regexes=(f"{_HEAD}{REQUEST}{_TAIL}", f"{_HEAD}{ODD_REQUEST}{_TAIL}"),
    form="iso",
    fields=FIELDS,
    names=NAMES,
    samples={
        b"2015-05-13T23:39:43.945958Z my-elb 192.168.131.39:2817 10.0.0.1:80 0.000073 "
        b'0.001048 0.000057 200 200 0 29 "GET http://www.example.com:80/a/b HTTP/1.1" '
        b'"curl/7.38.0" - -': {
            "time": "2015-05-13T23:39:43.945958Z",
            "remote_addr": "192.168.131.39",
            "target": "10.0.0.1:80",
            "target_time": 0.001048,
            "status": 200,
            "bytes": 29,
            "method": "GET",
            "path": "/a/b",
            "section": "/a",
            "user_agent": "curl/7.38.0",
        },
        b"2015-05-13T23:39:43.945958Z my-elb 192.168.131.39:2817 - -1 -1 -1 503 0 0 0 "
        b'"- - - " "-" - -': {"status": 503, "target": "-", "request": "- - - "},
        b"2015-05-13T23:39:43.945958Z my-elb 192.168.131.39:2817 10.0.0.1:80": None,
    },
)
