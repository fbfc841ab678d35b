"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def shared_data() -> Path:
    """The folder of real logs with counted facts; skips the test where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real logs (../shared/data) are not on this machine")
    return folder
