"""What tests share: the folder of real recordings, where there is one."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of database folders named by BIOSIG_DATA; the test is skipped where there is none."""
    folder = os.environ.get("BIOSIG_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs BIOSIG_DATA, a folder of database folders")
    return Path(folder)
