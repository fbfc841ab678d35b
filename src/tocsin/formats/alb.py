"""The access log of Amazon's application load balancer."""

from tocsin.formats.declared import Declaration
from tocsin.formats.elb import FIELDS, NAMES, ODD_REQUEST, PEERS, REQUEST, TIMES
from tocsin.formats.plan import Capture

_HEAD = (
    r"^(?P<type>https?|h2|grpcs|wss?) (?P<time>[0-9]{4}-[^ ]+) (?P<elb>[^ ]+) "
    rf"{PEERS}{TIMES}"
)
_TAIL = (
    r' "(?P<user_agent>[^"]*)" (?P<cipher>[^ ]+) (?P<tls>[^ ]+) (?P<target_group>[^ ]+)'
    r'(?: "(?P<trace_id>[^"]*)")?(?: "(?P<domain>[^"]*)")?(?: .*)?$'
)

ALB = Declaration(
    name="alb",
    about="access logs of Amazon's application load balancer",
    regexes=(f"{_HEAD}{REQUEST}{_TAIL}", f"{_HEAD}{ODD_REQUEST}{_TAIL}"),
    form="iso",
    fields=(
        Capture("type", about="http, https, h2, grpcs, ws or wss"),
        *FIELDS,
        Capture("target_group", about="the target group"),
        Capture("trace_id", about="the contents of X-Amzn-Trace-Id"),
        Capture("domain", about="the domain that the client asked for"),
    ),
    names={**NAMES, "target_group_arn": "target_group", "domain_name": "domain"},
    samples={
        b"https 2018-07-02T22:23:00.186641Z app/my-alb/50dc6c495c0c9188 192.168.131.39:2817 "
        b'10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/a/b?c '
        b'HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x '
        b'"Root=1-58337281" "www.example.com" "arn:aws:y" 1 2018-07-02T22:22:48.364000Z '
        b'"authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-"': {
            "time": "2018-07-02T22:23:00.186641Z",
            "type": "https",
            "remote_addr": "192.168.131.39",
            "target_time": 0.048,
            "path": "/a/b?c",
            "section": "/a",
            "bytes": 57,
            "tls": "TLSv1.2",
            "trace_id": "Root=1-58337281",
            "domain": "www.example.com",
        },
        b"smtp 2018-07-02T22:23:00.186641Z app/my-alb/50dc6c495c0c9188": None,
    },
)
