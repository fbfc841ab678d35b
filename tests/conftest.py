"""What all tests share."""

from pathlib import Path

import pytest


@pytest.fixture
def shared_data() -> Path:
    """The folder of real logs with counted facts; skips the test where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real logs (../shared/data) are not on this machine")
    return folder
