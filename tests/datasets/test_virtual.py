"""Virtual patients: the same beats in another rhythm, for training only, drawn by seed."""

import numpy as np
import pytest

from biosig.datasets.mitbih import SAMPLE
from biosig.datasets.virtual import RHYTHMS, render, suits
from biosig.records.reading import read
from biosig.windows.labels import aami_classes

RECORDING = read(SAMPLE / "118").pick(["MLII"]).crop(0, 180)


def rendered(rhythm: str, seed: int = 0):
    return render(RECORDING, rhythm, np.random.default_rng(seed))


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_every_beat_is_kept_in_order_at_its_peak(rhythm):
    virtual = rendered(rhythm)
    marks, source = virtual.annotations, RECORDING.annotations
    beats = aami_classes(source.label) != ""
    assert len(marks) == beats.sum()
    assert (np.diff(marks.onset_s) > 0).all()
    kept = [a for a in zip(marks.label, np.array(source.label)[beats], strict=True) if a[0] != "A"]
    assert all(new == old for new, old in kept)
    at = marks.samples(virtual.fs)
    around = np.stack([virtual.data[0, sample - 7 : sample + 8] for sample in at[1:-1]])
    steepest = np.abs(np.diff(virtual.data[0])).mean()
    assert np.median(np.abs(np.diff(around, axis=1)).max(axis=1)) > 4 * steepest


@pytest.mark.parametrize("rhythm", ["single", "runs", "mostly-premature", "bigeminy"])
def test_premature_beats_come_early_and_are_marked(rhythm):
    marks = rendered(rhythm).annotations
    early = np.array(marks.label[1:]) == "A"
    intervals = np.diff(marks.onset_s)
    assert early.any()
    assert np.median(intervals[early]) < 0.85 * np.median(intervals[~early])


def test_fibrillation_is_irregular_and_marks_no_beat_as_premature():
    marks, source = rendered("fibrillation").annotations, RECORDING.annotations
    beats = aami_classes(source.label) != ""
    assert "A" not in np.array(marks.label)[np.array(source.label)[beats] != "A"].tolist()

    def beat_to_beat(onset_s):
        return np.median(np.abs(np.diff(onset_s, n=2)))

    assert beat_to_beat(marks.onset_s) > 2 * beat_to_beat(source.onset_s[beats])


def test_samples_join_without_jumps():
    largest = np.abs(np.diff(RECORDING.data[0])).max()
    for rhythm in RHYTHMS:
        assert np.abs(np.diff(rendered(rhythm).data[0])).max() < 2 * largest


def test_the_generator_decides_everything():
    np.testing.assert_array_equal(rendered("runs").data, rendered("runs").data)
    assert rendered("runs").n_times != rendered("runs", 1).n_times


def test_a_sinus_rhythm_stays_without_premature_beats():
    marks = rendered("sinus").annotations
    assert marks.label.count("A") == RECORDING.annotations.label.count("A")


def test_fibrillation_is_never_given_premature_beats():
    import dataclasses

    marks = RECORDING.annotations
    fibrillating = dataclasses.replace(
        RECORDING,
        annotations=dataclasses.replace(marks, label=("+", *marks.label[1:]), aux=("(AFIB", *marks.aux[1:])),
    )
    assert suits(RECORDING, "runs")
    assert not suits(fibrillating, "runs")
    assert suits(fibrillating, "sinus")


def test_noise_comes_on_top_and_moves_no_beat():
    quiet = render(RECORDING, "runs", np.random.default_rng(0))
    noisy = render(RECORDING, "runs", np.random.default_rng(0), noisy=True)
    np.testing.assert_array_equal(quiet.annotations.onset_s, noisy.annotations.onset_s)
    added = noisy.data - quiet.data
    assert 0.01 < added.std() < 0.5 * np.ptp(quiet.data)


def test_the_subject_stays_who_it_is():
    assert rendered("runs").subject == RECORDING.subject


def test_an_unknown_rhythm_says_which_there_are():
    with pytest.raises(ValueError, match="unknown virtual rhythm 'bigemini'; did you mean 'bigeminy'"):
        rendered("bigemini")


def test_two_leads_are_refused():
    with pytest.raises(ValueError, match="takes one lead, got 2"):
        render(read(SAMPLE / "118"), "runs", np.random.default_rng(0))
