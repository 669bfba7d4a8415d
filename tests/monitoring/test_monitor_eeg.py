"""Patients without beats: windows in uV through the same monitor, store, resume and alarms."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.ledger import Ledger
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.sources import Replay
from biosig.monitoring.store import Store
from biosig.recipe import EventsPart
from biosig.runs.task_figures import find_events


@pytest.fixture(scope="module")
def bundles(slide_bundle, eeg_anomaly_bundle):
    return {"eeg": slide_bundle, "eeg-anomaly": eeg_anomaly_bundle}


@pytest.fixture(scope="module")
def whole(bundles, head, log, tmp_path_factory):
    """The log of an EEG watched in one go, and what people were shown."""
    store = Store.in_file(tmp_path_factory.mktemp("eeg") / "events.sqlite")
    session = store.begin({})
    views = []
    Monitor(bundles, ledger=Ledger(session), listeners=[lambda monitor, _: views.append(monitor.views[0])]).run(
        [Replay({"head": head})]
    )
    yield log(session, "head"), views
    store.close()


def alarms(rows, name):
    return [(row["kind"], row["time_s"]) for row in rows if row["event"] == "alarms" and row["alarm"] == name]


def test_windows_are_scored_as_offline_by_every_bundle(whole, bundles, head):
    rows, _ = whole
    for name, bundle in bundles.items():
        offline = bundle.score(head)
        scores = [row for row in rows if row["event"] == "scores" and row["bundle"] == name]
        assert [row["time_s"] for row in scores] == offline.time_s.tolist()
        np.testing.assert_allclose(offline.time_s, np.arange(0, 77, 2), atol=0.02)
        assert [row["label"] for row in scores] == offline.label.tolist()
        assert not any(row["beat"] for row in scores)
    anomaly = [row["anomaly"] for row in rows if row["event"] == "scores" and row["bundle"] == "eeg-anomaly"]
    np.testing.assert_allclose(anomaly, offline.anomaly, atol=1e-5)


def test_no_alarm_about_beats_is_raised_without_any(whole):
    raised = {row["alarm"] for row in whole[0] if row["event"] == "alarms"}
    assert raised == {"anomaly", "lead-off"}


def test_anomalies_that_go_on_are_alarmed_and_end(whole):
    """Slow waves from 30 to 45 s: 4 of 5 windows of 4 s, 2 s apart, are known at 40 s."""
    (raised, raised_s), (cleared, cleared_s) = alarms(whole[0], "anomaly")
    assert (raised, cleared) == ("raised", "cleared")
    assert 36.0 <= raised_s <= 40.5
    assert 55.0 < cleared_s < 75.0


def test_a_cap_that_falls_off_is_a_technical_alarm_and_windows_say_nothing(whole):
    off = alarms(whole[0], "lead-off")
    assert [kind for kind, _ in off] == ["raised", "cleared"]
    assert off[0][1] == pytest.approx(50, abs=1)
    dark = [row for row in whole[0] if row["event"] == "scores" and 45 < row["start_s"] < 49]
    assert dark
    assert not any(row["label"] or row["usable"] for row in dark if row["start_s"] > 47)


def test_people_are_shown_what_windows_say_and_no_heart_rate(whole):
    _, views = whole
    assert all(np.isnan(view.heart_rate) and view.beats == () for view in views)
    said = {view.windows[0][1] for view in views if view.windows}
    assert said <= {"rest", "arithmetic", "?"}
    assert {view.windows[0][0] for view in views if view.windows} == {"eeg"}
    assert views[-1].windows[0][2] <= 76.0


@pytest.mark.parametrize("stops", [(9,), (3, 20, 7)])
def test_a_run_stopped_and_resumed_leaves_the_log_of_an_unbroken_one(tmp_path, watch, log, bundles, head, whole, stops):
    for number in stops:
        rounds = iter(range(10**6))
        stop = {"stop": lambda rounds=rounds, number=number: next(rounds) >= number}
        watch(tmp_path / "events.sqlite", Replay({"head": head}), bundles=bundles, run=stop)
    assert log(watch(tmp_path / "events.sqlite", Replay({"head": head}), bundles=bundles), "head") == whole[0]


def test_ecg_and_eeg_lie_side_by_side_each_watched_by_its_own(bundle, slide_bundle, flutter, head):
    said = []
    monitor = Monitor(
        {"ecg": bundle, "eeg": slide_bundle}, every=False, listeners=[lambda _, step: said.extend(step.entries)]
    )
    monitor.run([Replay({"heart": flutter, "head": head})])
    assert monitor.beds["heart"].watching.bundles == ("ecg",)
    assert monitor.beds["head"].watching.bundles == ("eeg",)
    raised = {(entry.patient, entry.what.alarm) for entry in said if isinstance(entry.what, AlarmEvent)}
    assert ("heart", "ventricular-fibrillation") in raised
    assert {alarm for patient, alarm in raised if patient == "head"} == {"lead-off"}
    numbers = [entry.number for entry in said if entry.patient == "head"]
    assert all(after == before + 1 for before, after in pairwise(numbers))


def test_scores_of_classes_are_kept_with_their_probabilities(whole):
    rows = [row for row in whole[0] if row["event"] == "scores"]
    assert {len(json.loads(row["probs"])) for row in rows if row["bundle"] == "eeg"} == {2}
    assert {len(json.loads(row["probs"])) for row in rows if row["bundle"] == "eeg-anomaly"} == {0}


def test_events_are_alarmed_where_an_evaluation_finds_them(slide_bundle, head, watch, log, tmp_path):
    offline = slide_bundle.score(head)
    rule = EventsPart(label="arithmetic", threshold=float(offline.p_arithmetic.quantile(0.6)), k=2, n=3)
    told = replace(slide_bundle, recipe=slide_bundle.recipe.model_copy(update={"events": rule}))
    probability, usable = offline.p_arithmetic.to_numpy(), offline.usable.to_numpy()
    found = find_events(offline.time_s.to_numpy(), probability, usable, length_s=4.0, rule=rule)
    rows = log(watch(tmp_path / "events.sqlite", Replay({"head": head}), bundles={"eeg": told}), "head")
    raised = [
        row for row in rows if row["event"] == "alarms" and row["kind"] == "raised" and row["alarm"] == "arithmetic"
    ]
    assert len(found) == 2
    assert [row["since_s"] for row in raised] == pytest.approx(found[:, 0])
    assert {row["priority"] for row in raised} == {"high"}
    # Known with the second of two hits, at the end of its window.
    assert all(row["time_s"] - row["since_s"] >= 4.0 + 2.0 - 0.1 for row in raised)
