"""ECG and EEG from file to score, causally: what a model saw in training is what it sees live.

>>> import biosig
>>> recording = biosig.read("mitdb/100")
>>> bundle = biosig.train("ecg")
>>> bundle.score(recording)
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from biosig.bundle import Bundle, load
    from biosig.errors import BiosigError, BundleError, DatasetError, RecipeError, RecordError, SourceError
    from biosig.records.mne_files import from_mne
    from biosig.records.reading import read
    from biosig.records.recording import Annotations, Layout, Recording
    from biosig.runs import cluster, cross_validate, evaluate, evaluate_alarms, monitor, train

__version__ = "0.1.0"

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bundle": ["Bundle", "load"],
        "errors": ["BiosigError", "BundleError", "DatasetError", "RecipeError", "RecordError", "SourceError"],
        "records.mne_files": ["from_mne"],
        "records.reading": ["read"],
        "records.recording": ["Annotations", "Layout", "Recording"],
        "runs": ["cluster", "cross_validate", "evaluate", "evaluate_alarms", "monitor", "train"],
    },
)

__all__ = [
    "Annotations",
    "BiosigError",
    "Bundle",
    "BundleError",
    "DatasetError",
    "Layout",
    "RecipeError",
    "RecordError",
    "Recording",
    "SourceError",
    "cluster",
    "cross_validate",
    "evaluate",
    "evaluate_alarms",
    "from_mne",
    "load",
    "monitor",
    "read",
    "train",
]
