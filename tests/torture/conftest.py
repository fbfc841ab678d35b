"""What the tortures share."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.torture.judging import Told, come_to
from tests.torture.lives import Nursery, Order
from tests.torture.story import Story

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder, in memory where it can be: nothing here waits for a real disk."""
    there = os.access(IN_MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if there else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where lives of a run begin."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def writers() -> Iterator[Nursery]:
    """Where those begin who write meanwhile."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="session")
def undisturbed(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("undisturbed")
    Story(folder, made_up_times=True)
    assert nursery.live(Order(str(folder), tells=True)) == 0
    return come_to(folder)
