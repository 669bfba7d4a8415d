"""A recording's beats come out as templates, in tables, pictures and annotation files."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import biosig
from biosig.datasets.mitbih import SAMPLE
from biosig.errors import RecordError
from biosig.records.recording import MemorySamples
from biosig.records.symbols import aami_class
from biosig.records.wfdb_annotations import read_annotations
from biosig.runs import cluster, template_names
from biosig.windows.pairing import pair_beats


@pytest.fixture(scope="module")
def recording():
    return biosig.read(SAMPLE / "119").crop(0, 180)


@pytest.fixture(scope="module")
def found(bundle, recording):
    return cluster(bundle, recording)


def test_ventricular_beats_have_templates_of_their_own(found, recording):
    marks = recording.annotations
    beats = [aami_class(label) is not None for label in marks.label]
    fs = recording.fs
    pairs = pair_beats(
        marks.samples(fs)[beats], np.rint(found.beats.time_s.to_numpy() * fs).astype(np.int64), window=int(0.15 * fs)
    )
    pairs = pairs[(pairs >= 0).all(axis=1)]
    truth = np.array([aami_class(label) for label in marks.label])[beats][pairs[:, 0]]
    template = found.beats.template.to_numpy()[pairs[:, 1]]
    majority = {number: Counter(truth[template == number]).most_common(1)[0][0] for number in set(template)}
    kept = truth == np.array([majority[number] for number in template])
    assert (truth == "V").sum() > 20
    assert kept[truth == "V"].mean() > 0.95
    assert kept[truth == "N"].mean() > 0.99


def test_every_usable_beat_is_in_a_template(found):
    counts = found.beats.template[found.beats.template > 0].value_counts()
    assert dict(counts) == dict(zip(found.templates.template, found.templates.beats, strict=True))
    assert found.templates.beats.is_monotonic_decreasing
    assert found.templates.share.sum() == pytest.approx(1.0)


def test_named_templates_open_as_wfdb_annotations(bundle, recording, tmp_path):
    named = cluster(bundle, recording, names={1: "N", 2: "V"}, out=tmp_path)
    marks = read_annotations(tmp_path / named.annotation_file, fs=recording.fs)
    numbers = named.beats.template.tolist()
    assert list(marks.aux) == [f"T{number}" if number else "unusable" for number in numbers]
    assert list(marks.label) == [{1: "N", 2: "V"}.get(number, "Q") for number in numbers]
    np.testing.assert_allclose(marks.onset_s, named.beats.time_s, atol=0.5 / recording.fs + 1e-9)
    table = pd.read_csv(tmp_path / "beats.csv")
    assert table.template.tolist() == numbers
    assert pd.read_csv(tmp_path / "templates.csv").beats.tolist() == named.templates.beats.tolist()
    assert (tmp_path / "templates.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_draws_as_many_templates_as_asked(found):
    sheet = found.plot(most=2)
    texts = [text.get_text() for text in sheet.axes[0].texts]
    assert sum(text.startswith("T1") for text in texts) == 2  # the field and its line of time
    assert not any(text.startswith("T3") for text in texts)


def test_embedded_windows_are_rows_of_the_recordings_windows(bundle, recording):
    windows = bundle.windows(recording)
    vectors = bundle.embed(recording)
    assert vectors.dtype == np.float32
    assert len(vectors) == len(windows)
    np.testing.assert_array_equal(vectors, bundle.embed(windows))


def test_what_cannot_be_grouped_is_said(bundle, recording):
    silent = replace(recording, samples=MemorySamples(np.full((2, 36_000), np.nan, dtype=np.float32)))
    with pytest.raises(RecordError, match="no usable beat found in MLII"):
        cluster(bundle, silent)
    with pytest.raises(ValueError, match="templates 1 to"):
        cluster(bundle, recording, names={99: "V"})
    with pytest.raises(ValueError, match="WFDB beat symbol"):
        cluster(bundle, recording, names={1: "+"})


def test_names_are_read_from_the_command_line():
    assert template_names(["2=V", "3 = A"]) == {2: "V", 3: "A"}
    with pytest.raises(ValueError, match="NUMBER=SYMBOL"):
        template_names(["V"])
