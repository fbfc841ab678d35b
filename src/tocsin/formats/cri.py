"""Container logs as Kubernetes nodes keep them (CRI: containerd, CRI-O)."""

from tocsin.formats.declared import Declaration
from tocsin.formats.plan import Capture

CRI = Declaration(
    name="cri",
    about="container logs of Kubernetes: time, stream, F or P (part of a line), message",
    regexes=(
        (
            r"^(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ ]+) (?P<stream>stdout|stderr) "
            r"(?P<tag>[FP](?::[^ ]*)?) (?P<message>.*)$"
        ),
    ),
    form="iso",
    fields=(
        Capture("stream", about="stdout or stderr"),
        Capture("tag", about="F: a full line; P: a part of one, more follows"),
        Capture("message", about="what the container wrote"),
    ),
    names={"log": "message", "msg": "message"},
    samples={
        b"2016-10-06T00:17:09.669794202Z stdout F The content of the log entry 1": {
            "time": "2016-10-06T00:17:09.669794Z",
            "stream": "stdout",
            "tag": "F",
            "message": "The content of the log entry 1",
        },
        b"2016-10-06T02:17:10.113242941+02:00 stderr P half a l": {
            "time": "2016-10-06T00:17:10.113242Z",
            "stream": "stderr",
            "tag": "P",
        },
        b"2016-10-06T00:17:09.669794202Z stdlog F neither of the two": None,
    },
)
