"""What the tortures share."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder, in memory where it can be: nothing here waits for a real disk."""
    there = os.access(IN_MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if there else None) as folder:
        yield Path(folder)
