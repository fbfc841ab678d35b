"""The built-in alarms that are written out are those that are made."""

from __future__ import annotations

import subprocess
import sys

from tocsin.config import values
from tocsin.config.build_builtin import standard
from tocsin.config.untold import untold

NAMES = ("log", "of {braces}", "without keys")
METRICS = (
    ("hits", "log", 120, 1, ()),
    ("by path", "log", 3600, 3600, ("path",)),
    ("by status", "log", 60, 10, ("status",)),
    ("odd", "of {braces}", 497, 497, ("path", "status")),
)


def test_what_is_written_out_is_what_is_made() -> None:
    config = values.Config(
        sources=tuple(values.SourceConfig(name=name, path=()) for name in NAMES),
        metrics=tuple(
            values.MetricConfig(
                name=name,
                source=source,
                period=period * values.SECOND,
                every=every * values.SECOND,
                group_by=key,
            )
            for name, source, period, every, key in METRICS
        ),
    )
    assert untold(config) == standard(config)
    assert untold(config).watched() == standard(config).watched()
    assert len(untold(config).watched().builtin.alarms) == 3 * 3 + 2 + 2


def test_no_shape_of_a_document_is_loaded_for_it() -> None:
    program = (
        "import sys; from tocsin.config.untold import untold; "
        "from tocsin.config import values; untold(values.Config()); "
        "sys.exit('pydantic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
