"""Windows labelled by the annotated stretches they lie in."""

import numpy as np
import pytest

from biosig.datasets.mitbih import SAMPLE
from biosig.records.reading import read
from biosig.records.recording import Annotations, Layout, Recording
from biosig.signal.stream import Chain
from biosig.windows.beats import Beats
from biosig.windows.slide import Slide
from biosig.windows.spans import cover, label_by_spans
from biosig.windows.stream import cut_recording


def windows_of(seconds: float, *, length_s: float, stride_s: float):
    recording = Recording.from_array(np.zeros((1, round(100 * seconds))), Layout(("A",), 100.0, ("uV",)))
    return cut_recording(recording, Chain(()), Slide(length_s, stride_s))


def marks(*spans: tuple[float, float, str]) -> Annotations:
    onset_s, duration_s, label = zip(*spans, strict=True)
    return Annotations.at(np.array(onset_s), label, duration_s=np.array(duration_s))


def test_each_label_covers_its_share_of_a_window():
    windows = windows_of(10, length_s=2, stride_s=2)
    found = cover(marks((0, 1, "a"), (1, 3, "b"), (4, 0.5, "a"), (5.5, 3.5, "a")), windows, ["a", "b"])
    np.testing.assert_allclose(found, [[0.5, 0.5], [0, 1], [0.5, 0], [1, 0], [0.5, 0]], atol=1e-12)


def test_the_label_that_covers_most_wins_where_it_covers_enough():
    windows = windows_of(10, length_s=2, stride_s=1)
    spans = marks((0, 3.2, "a"), (3.2, 1.3, "b"), (6, 4, "other"))
    assert label_by_spans(spans, windows, ["a", "b"]).tolist() == [0, 0, 0, 1, -1, -1, -1, -1, -1]
    assert label_by_spans(spans, windows, ["a", "b"], at_least=1.0).tolist() == [0, 0, -1, -1, -1, -1, -1, -1, -1]


def test_drawn_stretches_cover_what_counting_samples_says():
    generator = np.random.default_rng(3)
    windows = windows_of(60, length_s=3, stride_s=0.7)
    bounds = np.sort(generator.choice(6000, 40, replace=False)) / 100
    spans = marks(*[(a, b - a, "ab"[k % 2]) for k, (a, b) in enumerate(zip(bounds[::2], bounds[1::2], strict=True))])
    time_s = np.arange(6000) / 100 + 0.005
    for column, label in enumerate("ab"):
        inside = np.zeros(6000)
        for onset_s, duration_s, name in zip(spans.onset_s, spans.duration_s, spans.label, strict=True):
            inside[(time_s > onset_s) & (time_s < onset_s + duration_s)] = name == label
        expected = [inside[start : start + windows.length].mean() for start in windows.start]
        np.testing.assert_allclose(cover(spans, windows, ["a", "b"])[:, column], expected, atol=0.006)


def test_windows_around_beats_are_refused():
    recording = read(SAMPLE / "118").pick(["MLII"]).crop(0, 20)
    windows = cut_recording(recording, Chain(()), Beats())
    with pytest.raises(ValueError, match="cut them with 'slide'"):
        cover(marks((0, 1, "a")), windows, ["a"])
