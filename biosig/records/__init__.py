"""Files on disk become recordings in physical units."""

from biosig.records.reading import read, read_bids
from biosig.records.recording import Annotations, Layout, MemorySamples, Recording, Samples
from biosig.records.wfdb_annotations import write_annotations

__all__ = ["Annotations", "Layout", "MemorySamples", "Recording", "Samples", "read", "read_bids", "write_annotations"]
