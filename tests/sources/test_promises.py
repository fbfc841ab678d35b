"""What sources promise stands on their page, word for word; its examples are accepted."""

import re
import shutil
from pathlib import Path

import pytest

from tocsin.config import load
from tocsin.sources import PROMISES, FollowReader, PipeReader

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
KEYS = Path(__file__).parents[1] / "channels"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", PROMISES)
def test_the_page_has_the_promise(kind: str) -> None:
    promise = PROMISES[kind]
    cells = (
        kind,
        promise.position,
        promise.resumes,
        promise.may_lose,
        promise.pressure,
    )
    assert f"\n| {' | '.join(cells)} |\n" in PAGE


def test_readers_say_what_they_promise() -> None:
    assert FollowReader.promise.resumes.startswith("yes")
    assert PipeReader.promise.resumes == "no"


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_are_accepted(text: str, tmp_path: Path) -> None:
    (tmp_path / "push.token").write_text("0123456789abcdef\n", encoding="utf-8")
    for name in ("host.pem", "host.key", "ours.pem"):
        shutil.copy(KEYS / f"localhost{Path(name).suffix}", tmp_path / name)
    path = tmp_path / "tocsin.yaml"
    path.write_text(text, encoding="utf-8")
    config = load(path)
    assert all(source.path or source.intake for source in config.sources)
