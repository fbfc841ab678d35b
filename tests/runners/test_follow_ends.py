"""How following ends, and what is past when it begins."""

import os
from pathlib import Path

import pytest
from tests.runners.test_follow import report_of
from tests.runners.world import SOURCE, World, lines

from tocsin.model.errors import SourceError
from tocsin.testing import ScriptedSource


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_a_pipe_that_never_says_anything_known_is_refused_at_its_end() -> None:
    out, into = os.pipe()
    world = World()
    world.follow.add_pipe(out, SOURCE)
    os.write(into, b"nothing that anyone knows\n")
    world.clock.at(3, lambda: os.close(into))
    with pytest.raises(SourceError, match="stdin: no line matched"):
        world.follow.run()
    os.close(out)
    assert any("waiting for one that does" in text for text in world.notices)


def test_what_is_past_has_no_ticks_and_shows_progress(log: Path) -> None:
    log.write_bytes(lines([1, 2]))
    world = World(began=2)
    world.follow.live = False
    script = [(0.0, lines([1, 2])), (60.0, lines([3]))]
    world.follow.add("s", SOURCE, ScriptedSource(world.clock, script))
    world.follow.run()
    assert world.hits == {0: 3}
    assert world.view.first(report_of(0)) >= 60
    assert not world.view.statuses
    assert world.view.steps[-1][0] == len(lines([1, 2, 3]))
