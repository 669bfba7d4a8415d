"""What tests share: the folder of real recordings, where there is one, and how Hypothesis runs."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test depends on time passing: a slow machine must not fail an example.
settings.register_profile("biosig", deadline=None)
settings.load_profile("biosig")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of database folders named by BIOSIG_DATA; the test is skipped where there is none."""
    folder = os.environ.get("BIOSIG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs BIOSIG_DATA, a folder of database folders")
    return Path(folder)
