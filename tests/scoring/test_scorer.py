"""One scorer: a file fed once and a live patient get the same scores, and nobody else in the ward matters."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import biosig
from biosig.datasets.mitbih import SAMPLE
from biosig.errors import SourceError
from biosig.records.recording import Layout, Recording
from biosig.scoring.leads import LeadMapWarning
from biosig.scoring.scorer import Scorer, Ward
from biosig.windows.stream import Cutting, WindowStream

RECORDS = ("106", "109", "114", "118", "119", "203", "205", "207", "208", "209", "220", "223")
LEAD = ("MLII",)
DRAWN = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

cuttings = st.lists(st.floats(0, 1), max_size=25)


def excerpt(name, start_s=60.0, seconds=40.0):
    return biosig.read(SAMPLE / name).crop(start_s, start_s + seconds).pick(LEAD)


def through_a_file(state):
    """What a state is after it was written to disk and read again."""
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file) as saved:
        return dict(saved)


def live(make, data, fractions, pause):
    """Push in chunks, at one of them save, throw away and load; what comes out per chunk, with sample counts."""
    n = data.shape[1]
    bounds = [0, *sorted(round(n * share) for share in fractions), n]
    stream = make()
    out = []
    for number, (start, stop) in enumerate(pairwise(bounds)):
        if number == pause:
            state = through_a_file(stream.state_dict())
            stream = make()
            stream.load_state_dict(state)
        out.append((start, stop, stream.push(data[:, start:stop])))
    return out, stream.flush()


def is_close_call(score):
    """Whether rounding can decide between the two likeliest classes, or on which side of the threshold a score is."""
    if np.isfinite(score.anomaly):
        return abs(score.anomaly - 0.3) < 1e-3
    probs = score.probs
    first, second = np.sort(np.log(probs) + np.array([0.0, 0.5, 0.0, -0.5]))[-2:]
    return abs(first - second) < 1e-3


def assert_same(found, expected):
    assert len(found) == len(expected)
    for name in ("time_s", "start_s", "end_s", "ready_s", "known", "good", "usable"):
        assert [getattr(s, name) for s in found] == [getattr(s, name) for s in expected], name
    np.testing.assert_allclose([s.probs for s in found], [s.probs for s in expected], rtol=0, atol=1e-5)
    np.testing.assert_allclose([s.anomaly for s in found], [s.anomaly for s in expected], rtol=0, atol=1e-5)
    assert all(a.label == b.label or is_close_call(a) for a, b in zip(found, expected, strict=True))


def assert_live_equals_whole(bundle, recording, fractions, pause, **options):
    """Windows to the bit, scores within 1e-5, none before or after it is due, whatever the chunks."""
    data, fs = recording.data, recording.fs
    early_s = 1e-9 if bundle.recipe.cutter.positions else 1 / bundle.recipe.chain.open(recording.layout).layout.fs
    layout = recording.layout
    whole = Scorer(bundle, layout, **options)
    expected = whole.push(data) + whole.flush()
    chunks, rest = live(lambda: Scorer(bundle, layout, **options), data, fractions, pause)
    assert_same([score for _, _, scores in chunks for score in scores] + rest, expected)
    for start, stop, scores in chunks:
        for score in scores:
            assert start < score.known <= stop
            assert start / fs < score.ready_s <= stop / fs + early_s
            assert score.ready_s - score.time_s <= whole.latency_s + 1e-9
    assert all(score.known > recording.n_times and score.ready_s > recording.n_times / fs for score in rest)
    return expected


def assert_windows_equal(bundle, recording, fractions, pause):
    def make():
        return WindowStream(bundle.recipe.chain, bundle.recipe.cutter, recording.layout)

    whole = make()
    expected = Cutting.join([whole.push(recording.data), whole.flush()])
    chunks, rest = live(make, recording.data, fractions, pause)
    found = Cutting.join([*(cutting for _, _, cutting in chunks), rest])
    for column in ("signal", "start", "onset_s", "ready_s", "known", "good", "features"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))


@pytest.mark.parametrize("name", RECORDS)
@DRAWN
@given(fractions=cuttings, pause=st.integers(0, 25), start_s=st.integers(0, 400))
def test_live_equals_offline_on_real_records(beat_bundle, name, fractions, pause, start_s):
    recording = excerpt(name, start_s, 30.0)
    assert assert_live_equals_whole(beat_bundle, recording, fractions, pause)
    assert_windows_equal(beat_bundle, recording, fractions, pause)


@pytest.mark.parametrize("name", RECORDS[::2])
@DRAWN
@given(fractions=cuttings, pause=st.integers(0, 25), start_s=st.integers(0, 400))
def test_anomaly_scores_live_equal_those_offline_on_real_records(odd_beat_bundle, name, fractions, pause, start_s):
    recording = excerpt(name, start_s, 30.0)
    scores = assert_live_equals_whole(odd_beat_bundle, recording, fractions, pause)
    assert {score.label for score in scores} <= {"normal", "anomaly", ""}
    assert all(score.probs.shape == (0,) and np.isfinite(score.anomaly) for score in scores)


@DRAWN
@given(fractions=cuttings, pause=st.integers(0, 25))
def test_anomaly_scores_of_sliding_windows_live_equal_those_offline(odd_slide_bundle, fractions, pause):
    assert len(assert_live_equals_whole(odd_slide_bundle, excerpt("208"), fractions, pause)) == 51


@DRAWN
@given(fractions=cuttings, pause=st.integers(0, 25))
def test_live_equals_offline_for_sliding_windows(slide_bundle, fractions, pause):
    recording = excerpt("208")
    assert len(assert_live_equals_whole(slide_bundle, recording, fractions, pause)) == 51
    assert_windows_equal(slide_bundle, recording, fractions, pause)


@DRAWN
@given(
    fractions=cuttings,
    pause=st.integers(0, 25),
    holes=st.lists(st.tuples(st.integers(0, 14_000), st.integers(1, 3000)), max_size=4),
)
def test_live_equals_offline_through_holes(beat_bundle, fractions, pause, holes):
    recording = excerpt("203")
    data = recording.data.copy()
    for start, length in holes:
        data[:, start : start + length] = np.nan
    torn = Recording.from_array(data, recording.layout, name="torn")
    assert_live_equals_whole(beat_bundle, torn, fractions, pause)
    assert_windows_equal(beat_bundle, torn, fractions, pause)


@pytest.mark.parametrize("kind", ["beat_bundle", "slide_bundle"])
def test_sample_by_sample_every_score_comes_with_the_sample_that_makes_it_due(request, kind):
    bundle = request.getfixturevalue(kind)
    recording = excerpt("119", seconds=12.0)
    fractions = np.arange(0, 12 * 360) / (12 * 360)
    assert assert_live_equals_whole(bundle, recording, fractions[1600:2400], 300)


def test_a_bundle_scores_a_recording_as_the_scorer_and_as_the_index_of_its_windows(beat_bundle):
    recording = excerpt("205")
    scorer = Scorer(beat_bundle, recording.layout)
    scores = scorer.push(recording.data) + scorer.flush()
    table = beat_bundle.score(recording)
    assert table.time_s.tolist() == [score.time_s for score in scores]
    assert table.label.tolist() == [score.label for score in scores]
    probabilities = table.filter(like="p_").to_numpy()
    np.testing.assert_allclose(probabilities, [score.probs for score in scores], rtol=0, atol=1e-5)
    windows = beat_bundle.windows(recording)
    np.testing.assert_allclose(probabilities, beat_bundle.probabilities(windows), rtol=0, atol=1e-5)


def test_an_anomaly_bundle_scores_a_recording_as_the_scorer_and_as_the_index_of_its_windows(odd_beat_bundle):
    recording = excerpt("205")
    scorer = Scorer(odd_beat_bundle, recording.layout)
    scores = scorer.push(recording.data) + scorer.flush()
    table = odd_beat_bundle.score(recording)
    assert list(table.columns) == ["time_s", "ready_s", "good", "usable", "label", "anomaly"]
    np.testing.assert_allclose(table.anomaly, [score.anomaly for score in scores], rtol=0, atol=1e-5)
    windows = odd_beat_bundle.windows(recording)
    np.testing.assert_allclose(table.anomaly, odd_beat_bundle.outputs(windows)[:, 0], rtol=0, atol=1e-5)
    assert table.label[table.usable].tolist() == [
        "anomaly" if value >= odd_beat_bundle.anomaly_threshold else "normal" for value in table.anomaly[table.usable]
    ]


def test_an_anomaly_bundle_beside_a_classifier_shares_its_windows(beat_bundle, odd_beat_bundle):
    recording = excerpt("208", seconds=20.0)
    ward = Ward([beat_bundle, odd_beat_bundle], {"a": recording.layout})
    scores = ward.push({"a": recording.data})["a"] + ward.flush()["a"]
    for bundle in (beat_bundle, odd_beat_bundle):
        alone = Scorer(bundle, recording.layout)
        expected = alone.push(recording.data) + alone.flush()
        assert_same([score for score in scores if score.bundle == bundle.recipe.name], expected)


def test_a_hole_is_no_anomaly_and_not_normal(odd_slide_bundle):
    recording = excerpt("119")
    data = recording.data.copy()
    data[:, 3600:7200] = np.nan
    scores = Scorer(odd_slide_bundle, recording.layout).push(data)
    dark = [score for score in scores if score.start_s > 10.0 and score.end_s < 20.0]
    assert dark
    assert not any(score.usable or score.label for score in dark)
    assert all(np.isfinite(score.anomaly) for score in scores)


def test_a_beat_lies_inside_its_window(beat_bundle):
    recording = excerpt("119")
    scorer = Scorer(beat_bundle, recording.layout)
    for score in scorer.push(recording.data):
        assert score.time_s - score.start_s == pytest.approx(0.36, abs=0.01)
        assert score.end_s - score.time_s == pytest.approx(0.54, abs=0.01)


@DRAWN
@given(st.lists(st.lists(st.integers(0, 900), min_size=4, max_size=4), min_size=3, max_size=12))
def test_scores_do_not_depend_on_who_else_is_in_the_ward(beat_bundle, sizes):
    recordings = {name: excerpt(name, 100.0, 20.0) for name in RECORDS[:4]}
    alone = {}
    for name, recording in recordings.items():
        scorer = Scorer(beat_bundle, recording.layout)
        alone[name] = scorer.push(recording.data) + scorer.flush()
    ward = Ward(beat_bundle, {name: recording.layout for name, recording in recordings.items()})
    together = {name: [] for name in recordings}
    seen = dict.fromkeys(recordings, 0)
    for row in sizes:
        chunks = {}
        for (name, recording), size in zip(recordings.items(), row, strict=True):
            if size > 100:
                chunks[name] = recording.data[:, seen[name] : seen[name] + size]
                seen[name] += size
        for name, scores in ward.push(chunks).items():
            together[name] += scores
    rest = {name: recording.data[:, seen[name] :] for name, recording in recordings.items()}
    for done in (ward.push(rest), ward.flush()):
        for name, scores in done.items():
            together[name] += scores
    for name in recordings:
        assert_same(together[name], alone[name])


def test_signal_can_be_cut_far_ahead_of_being_judged(beat_bundle, slide_bundle):
    recording = excerpt("208", seconds=20.0)
    pieces = np.array_split(recording.data, 7, axis=1)
    ahead, plain = (Ward([beat_bundle, slide_bundle], {"a": recording.layout}) for _ in range(2))
    cuts = [ahead.cut({"a": piece}) for piece in pieces]
    for piece, cut in zip(pieces, cuts, strict=True):
        assert_same(ahead.judge(cut)["a"], plain.push({"a": piece})["a"])
    assert_same(ahead.flush()["a"], plain.flush()["a"])


def test_bundles_in_one_ward_say_what_each_says_alone(beat_bundle, slide_bundle, brief_bundle):
    """The brief one shares its windows with the first; all three are saved, thrown away and loaded in mid-stream."""
    recording = excerpt("208", seconds=20.0)
    bundles = [beat_bundle, slide_bundle, brief_bundle]
    ward = Ward(bundles, {"a": recording.layout})
    scores = ward.push({"a": recording.data[:, :4000]})["a"]
    state = through_a_file(ward.state_dict("a"))
    ward.discharge("a")
    ward.admit("a", recording.layout)
    ward.load_state_dict("a", state)
    scores += ward.push({"a": recording.data[:, 4000:]})["a"] + ward.flush()["a"]
    assert [score.ready_s for score in scores] == sorted(score.ready_s for score in scores)
    assert ward.latency_s("a") == 2.1
    for bundle in bundles:
        alone = Scorer(bundle, recording.layout)
        expected = alone.push(recording.data) + alone.flush()
        assert_same([score for score in scores if score.bundle == bundle.recipe.name], expected)


def test_a_chunk_of_another_shape_keeps_nobody_from_being_scored(beat_bundle):
    recording = excerpt("119", seconds=10.0)
    ward = Ward(beat_bundle, {"a": recording.layout, "b": recording.layout})
    with pytest.raises(SourceError, match=r"expected chunks of \(1, n\) samples, got shape \(2, 9\)"):
        ward.push({"a": recording.data, "b": np.zeros((2, 9))})
    alone = Scorer(beat_bundle, recording.layout)
    assert_same(ward.push({"a": recording.data})["a"], alone.push(recording.data))


def test_patients_come_and_go(beat_bundle):
    layout = excerpt("106").layout
    ward = Ward(beat_bundle, {"a": layout})
    ward.admit("b", layout)
    assert ward.patients == ("a", "b")
    with pytest.raises(ValueError, match="'b' is in the ward already"):
        ward.admit("b", layout)
    ward.discharge("a")
    assert ward.patients == ("b",)


def test_scoring_teaches_the_networks_nothing(beat_bundle):
    recording = excerpt("207")
    before = [value.clone() for model in beat_bundle.models for value in model.state_dict().values()]
    scorer = Scorer(beat_bundle, recording.layout)
    first = scorer.push(recording.data) + scorer.flush()
    scorer.reset()
    again = scorer.push(recording.data) + scorer.flush()
    assert_same(again, first)
    after = [value for model in beat_bundle.models for value in model.state_dict().values()]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_stream_that_starts_anew_tells_times_on_the_old_axis(beat_bundle):
    recording = excerpt("207")
    scorer = Scorer(beat_bundle, recording.layout)
    first = scorer.push(recording.data)
    scorer.reset(at_s=1000.0)
    again = scorer.push(recording.data[:, :7200])
    resumed = Scorer(beat_bundle, recording.layout)
    resumed.load_state_dict(scorer.state_dict())
    again += resumed.push(recording.data[:, 7200:])
    for name in ("time_s", "start_s", "end_s", "ready_s"):
        np.testing.assert_allclose([getattr(s, name) for s in again], [getattr(s, name) + 1000.0 for s in first])


def test_an_unusable_window_is_a_score_without_a_label(slide_bundle):
    recording = excerpt("119")
    data = recording.data.copy()
    data[:, 3600:7200] = np.nan
    scorer = Scorer(slide_bundle, recording.layout)
    scores = scorer.push(data)
    dark = [score for score in scores if score.start_s > 10.0 and score.end_s < 20.0]
    assert len(dark) >= 10
    assert not any(score.usable or score.label or score.good > 0 for score in dark)
    assert all(np.isfinite(score.probs).all() for score in scores)
    assert all(score.label for score in scores if score.usable)


def test_beats_beside_a_hole_are_told_unusable(beat_bundle):
    recording = excerpt("119")
    data = recording.data.copy()
    for score in Scorer(beat_bundle, recording.layout).push(data)[5:15:3]:
        first, last = round((score.time_s + 0.05) * 360), round((score.time_s + 0.54) * 360)
        data[:, first:last] = np.nan
        data[:, round((score.time_s - 0.36) * 360) : round((score.time_s - 0.1) * 360)] = np.nan
    scores = Scorer(beat_bundle, recording.layout).push(data)
    assert any(not score.usable for score in scores)
    assert all((score.label == "") == (score.good < 0.5) for score in scores)


def test_state_of_a_patient_is_small_however_long_they_stay(beat_bundle):
    recording = excerpt("208", 0.0, 120.0)
    scorer = Scorer(beat_bundle, recording.layout)
    sizes = []
    for piece in recording.chunks(1.0):
        scorer.push(piece)
        sizes.append(sum(value.nbytes for value in scorer.state_dict().values()))
    assert max(sizes[60:]) < 100_000
    assert max(sizes[90:]) < 1.2 * max(sizes[30:60])


def test_a_lead_that_stands_in_for_another_is_warned_about_and_scored_as_that_one(beat_bundle):
    recording = biosig.read(SAMPLE / "208").crop(0, 20)
    other = next(name for name in recording.layout.channels if name != "MLII")
    with pytest.warns(LeadMapWarning, match=f"{other} as MLII: the figures of bundle 'ecg' .* do not carry over"):
        scorer = Scorer(beat_bundle, recording.layout, lead_map={other: "MLII"})
    renamed = Layout(("MLII",), recording.fs, ("mV",))
    alone = Scorer(beat_bundle, renamed)
    row = recording.layout.index(other)
    assert_same(scorer.push(recording.data), alone.push(recording.data[[row]]))


@pytest.mark.data
@pytest.mark.parametrize(
    ("record", "lead"),
    [
        ("mitdb/101", "MLII"),
        ("mitdb/230", "MLII"),
        ("mitdb/104", "V5"),
        ("cinc2017/A00009", "ECG"),
        ("cinc2017/A00012", "ECG"),
        ("ludb/data/*", "ii"),
        ("eegmat/Subject00_1.edf", "ECG"),
        ("eegmat/Subject07_2.edf", "ECG"),
    ],
)
@DRAWN
@given(fractions=cuttings, pause=st.integers(0, 25))
def test_live_equals_offline_on_wfdb_and_edf_records_of_other_databases(
    beat_bundle, data_dir, record, lead, fractions, pause
):
    path = data_dir / record if record.endswith(".edf") else sorted(data_dir.glob(f"{record}.hea"))[0].with_suffix("")
    recording = biosig.read(path)
    recording = recording.crop(0, min(40.0, recording.duration_s))
    if lead == "MLII":
        assert_live_equals_whole(beat_bundle, recording, fractions, pause)
        return
    with pytest.warns(LeadMapWarning):
        assert_live_equals_whole(beat_bundle, recording, fractions, pause, lead_map={lead: "MLII"})
