"""From a database to labelled windows."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from biosig.datasets.corpus import Corpus
from biosig.datasets.pictures import Pictures
from biosig.datasets.virtual import render, suits
from biosig.errors import DatasetError, RecipeError
from biosig.recipe import Recipe
from biosig.records.reading import read
from biosig.records.recording import Recording
from biosig.windows.index import Windows
from biosig.windows.picture import Picture
from biosig.windows.stream import cut_recording

__all__ = ["Positions", "Say", "count_labels", "prepare", "prepare_virtual", "quiet"]

Say = Callable[[str], None]
Positions = Literal["detected", "reference"]


def quiet(line: str) -> None:
    """Say nothing."""


def prepare(
    corpus: Corpus,
    records: Sequence[str],
    recipe: Recipe,
    *,
    positions: Positions | None = None,
    say: Say = quiet,
) -> Windows:
    """Labelled windows of these records, cut as the recipe says.

    ``positions`` overrides whether windows are cut at detected or at annotated beats.
    """
    if corpus.labels_beats and recipe.cutter.positions is None:
        raise DatasetError(f"{corpus.name} labels heart beats: windows.cut must be 'beats', got {recipe.windows.cut!r}")
    if isinstance(corpus, Pictures):
        return _pictures(corpus, records, recipe, say)
    say(f"reading and filtering {len(records)} records of {corpus.title} ({corpus.folder.name})")
    at = positions or recipe.cutter.positions
    return Windows.join([_labelled(corpus, _read(corpus, record, recipe), recipe, at) for record in records])


def _pictures(corpus: Pictures, records: Sequence[str], recipe: Recipe, say: Say) -> Windows:
    """Labelled pictures; ``DatasetError`` where the recipe is about signals."""
    if not isinstance(recipe.cutter, Picture) or recipe.signal or recipe.data.unit != "level":
        raise DatasetError(
            f"{corpus.name} holds pictures: windows.cut must be 'picture', data.unit 'level' and signal empty, "
            f"got {recipe.windows.cut!r}, {recipe.data.unit!r} and {len(recipe.signal)} steps"
        )
    say(f"reading {len(records)} pictures of {corpus.title} ({corpus.folder.name})")
    return corpus.pictures(records, channels=recipe.data.channels, labels=recipe.data.labels, cut=recipe.cutter)


def prepare_virtual(corpus: Corpus, records: Sequence[str], recipe: Recipe, *, say: Say = quiet) -> Windows | None:
    """Windows of these records rendered in the recipe's other rhythms; ``None`` where it names none.

    What is drawn depends on the recipe's seed, the record, the rhythm and its number alone.
    """
    virtual = recipe.train.virtual
    if not virtual.rhythms:
        return None
    say(f"rendering {len(records)} records in {len(virtual.rhythms) * virtual.draws} other rhythms")
    parts = []
    for record in records:
        recording = _read(corpus, record, recipe)
        chosen = [rhythm for rhythm in virtual.rhythms if suits(recording, rhythm)]
        for number, rhythm in enumerate(chosen * virtual.draws):
            generator = np.random.default_rng([recipe.train.seed, zlib.crc32(f"{record} {rhythm} {number}".encode())])
            rendered = render(recording, rhythm, generator, noisy=bool(generator.random() < virtual.noisy))
            parts.append(_labelled(corpus, rendered, recipe, recipe.cutter.positions))
    return Windows.join(parts)


def _read(corpus: Corpus, record: str, recipe: Recipe) -> Recording:
    """The record's channels of the recipe; ``RecipeError`` where they are not in the recipe's unit."""
    recording = _with_channels(corpus, record, recipe)
    for channel, unit in zip(recording.layout.channels, recording.layout.units, strict=True):
        if unit != recipe.data.unit:
            raise RecipeError(
                f"{recording.name}: {channel} is in {unit}, recipe {recipe.name!r} says data.unit={recipe.data.unit!r}"
            )
    return recording


def _with_channels(corpus: Corpus, record: str, recipe: Recipe) -> Recording:
    """The record's channels of the recipe; as many as ``data.may_miss`` may not have been recorded."""
    channels = recipe.data.channels
    if not recipe.data.may_miss:
        return corpus.read(record, channels)
    layout = read(corpus.path_of(record)).layout
    there = [channel for channel in channels if layout.find(channel) >= 0]
    few = len(there) < len(channels) - recipe.data.may_miss or not there
    return corpus.read(record, channels) if few else corpus.read(record, there).fill(channels)


def _labelled(corpus: Corpus, recording: Recording, recipe: Recipe, positions: Positions | None) -> Windows:
    """One recording's windows with their labels; ``DatasetError`` where a database of beats has none marked."""
    marked_s = corpus.reference_beats(recording)
    if marked_s is not None and not len(marked_s):
        raise DatasetError(f"{recording.name}: no annotated beats; its annotation file must lie in {corpus.folder}")
    beats_s = marked_s if positions == "reference" else None
    windows = cut_recording(recording, recipe.chain, recipe.cutter, beats_s=beats_s)
    label = corpus.label(recording, windows, recipe.data.labels)
    if recipe.data.answer == "last":
        label[:-1] = -1
    if recipe.data.answer == "recording" and len(np.unique(label)) > 1:
        raise DatasetError(
            f"{recording.name}: recipe {recipe.name!r} asks for one label of the recording, and its windows have "
            f"several, or some have none; say data.answer='window'"
        )
    return replace(windows, label=label)


def count_labels(windows: Windows, n_classes: int) -> NDArray[np.int64]:
    """Labelled windows per recording and class, int64 (n_recordings, n_classes)."""
    counts = np.zeros((len(windows.names), n_classes), dtype=np.int64)
    labelled = windows.label >= 0
    np.add.at(counts, (windows.recording[labelled], windows.label[labelled]), 1)
    return counts
