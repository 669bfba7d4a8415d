"""Databases by the name a recipe gives them."""

from __future__ import annotations

from pathlib import Path

from biosig.datasets.chbmit import ChbMit
from biosig.datasets.cinc2017 import Cinc2017
from biosig.datasets.corpus import Corpus
from biosig.datasets.eegmat import EegMat
from biosig.datasets.eegmmidb import EegMmidb
from biosig.datasets.guinea_bissau import GuineaBissau
from biosig.datasets.mitbih import MitBih
from biosig.datasets.pictures import MedNist, Pictures, PneumoniaMnist
from biosig.datasets.sleep_edf import SleepEdf
from biosig.options import lookup

__all__ = ["DATASETS", "open_corpus"]

DATASETS: dict[str, type[Corpus]] = {
    "chbmit": ChbMit,
    "cinc2017": Cinc2017,
    "eegmat": EegMat,
    "eegmmidb": EegMmidb,
    "guinea_bissau": GuineaBissau,
    "mednist": MedNist,
    "mitbih": MitBih,
    "pictures": Pictures,
    "pneumoniamnist": PneumoniaMnist,
    "sleep-edf": SleepEdf,
}


def open_corpus(name: str, folder: Path | None = None) -> Corpus:
    """The named database in ``folder``, in ``BIOSIG_DATA``, or its shipped sample."""
    return lookup(DATASETS, name, "dataset").open(folder)
