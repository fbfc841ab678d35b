"""The built-in alarms that are written out are those that are made."""

from __future__ import annotations

import subprocess
import sys

from tocsin.config import values
from tocsin.config.build_builtin import standard
from tocsin.config.untold import untold


def test_what_is_written_out_is_what_is_made() -> None:
    config = values.Config(
        sources=(
            values.SourceConfig(name="log", path=()),
            values.SourceConfig(name="other", path=()),
        ),
        metrics=(
            values.MetricConfig(
                name="requests",
                type="RATE",
                source="log",
                period=120 * values.SECOND,
                every=values.SECOND,
            ),
        ),
    )
    assert untold(config) == standard(config)
    assert untold(config).watched() == standard(config).watched()
    assert len(untold(config).watched().builtin.alarms) == 8


def test_no_shape_of_a_document_is_loaded_for_it() -> None:
    program = (
        "import sys; from tocsin.config.untold import untold; "
        "from tocsin.config import values; untold(values.Config()); "
        "sys.exit('pydantic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
