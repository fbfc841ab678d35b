"""A log whose next file has another header: its lines are read by that one."""

from pathlib import Path

import pytest
from tests.runners.crewed import near_crew
from tests.runners.world import T0, World, rules

from tocsin.model.instant import SECOND, iso
from tocsin.runners.wishes import Wishes


def at(second: int) -> str:
    return iso((T0 + second) * SECOND)


def w3c(second: int) -> str:
    return at(second)[:-1].replace("T", " ")


OLD = "time,status,bytes\n"
CASES = {
    "csv: more columns, in another order": (
        "csv",
        OLD + f"{at(1)},200,5\n" * 3,
        f"bytes,who,time,status\n7,ann,{at(3)},200\n" + f"7,bob,{at(4)},200\n" * 3,
        (9, 7, 0), True,
    ),
    "csv: the same header": (
        "csv", OLD + f"{at(1)},200,5\n" * 3, OLD + f"{at(3)},200,5\n" * 2, (7, 5, 0), False),
    "csv: no header in the next file": (
        "csv", OLD + f"{at(1)},200,5\n" * 3, f"{at(3)},200,5\n" * 2, (6, 5, 0), False),
    "csv: a next file that fits neither": (
        "csv", OLD + f"{at(1)},200,5\n" * 3, "so,it,goes,on\n" * 2, (6, 3, 2), False),
    "w3c: more fields": (
        "w3c",
        f"#Fields: date time sc-status\n{w3c(1)} 200\n",
        f"#Fields: date time c-ip sc-status\n{w3c(3)} 10.0.0.1 200\n" * 2,
        (6, 3, 0), True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2], ids=["read here", "read by workers"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_lines_of_the_next_file_are_read_by_its_own_header(
    tmp_path: Path, case: tuple[str, str, str, tuple[int, int, int], bool], workers: int
) -> None:
    form, old, new, told, renewed = case
    log = tmp_path / "app.log"
    log.write_text(old)
    world = World(rules(form=form), began=1, wishes=Wishes()).files(log)
    if workers:
        world.follow.share(near_crew(world.session, world.clock, workers))

    def rotate() -> None:
        log.rename(tmp_path / "app.log.1")
        log.write_text(new)

    world.clock.at(5, rotate)
    world.until(20)
    names = ("lines", "events", "parse_errors")
    assert tuple(world.summary.total(name) for name in names) == told
    said = [text for text in world.notices if "another header" in text]
    assert len(said) == renewed
