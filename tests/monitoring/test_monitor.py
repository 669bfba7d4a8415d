"""One log for one signal: at any speed, by any way in, after any interruption."""

import json
import math
import os
import threading

import numpy as np
import pytest
import wfdb

import biosig
from biosig.datasets.mitbih import SAMPLE
from biosig.errors import BundleError, SourceError, StoreError
from biosig.monitoring.intake import Packet
from biosig.monitoring.lines import Lines
from biosig.monitoring.monitor import Monitor
from biosig.monitoring.rules import shipped_rules
from biosig.monitoring.sources import Delivery, Frames, Replay, Source
from biosig.records.recording import Layout, Recording
from biosig.scoring.leads import LeadMapWarning


class Wall:
    """A clock that only passes while somebody sleeps."""

    def __init__(self):
        self.now_s = 100.0
        self.slept_s = 0.0

    def __call__(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds
        self.slept_s += seconds


class Script(Source):
    """A live source that sends what it is told, a list per poll."""

    live = True

    def __init__(self, layout, polls):
        self._layout, self._polls = layout, list(polls)

    @property
    def layouts(self):
        return {"bed": self._layout}

    def poll(self):
        given = self._polls.pop(0)
        self.ended = not self._polls
        return [Delivery("bed", self._layout, packet) for packet in given]


def poured(raw, cuts=(), seed=0):
    """The reading end of a pipe that these bytes are written into, in pieces cut at random."""
    reader, writer = os.pipe()
    places = np.sort(np.random.default_rng(seed).integers(0, len(raw), cuts or 20))

    def pour():
        with os.fdopen(writer, "wb") as file:
            for part in np.split(np.frombuffer(raw, np.uint8), places):
                file.write(part.tobytes())
                file.flush()

    threading.Thread(target=pour, daemon=True).start()
    return reader


def as_lines(recording, n=100, patient="207", key="start", order=None):
    layout = recording.layout
    head = {"patient": patient, "channels": layout.channels, "fs": layout.fs, "unit": layout.unit}
    starts = list(range(0, recording.n_times, n))
    body = [
        {"patient": patient, key: start if key == "start" else start / layout.fs}
        | {"samples": recording.data[:, start : start + n].tolist()}
        for start in (starts if order is None else order(starts))
    ]
    return "\n".join(json.dumps(line) for line in (head, *body)).encode()


def test_a_passage_of_flutter_is_alarmed_with_high_priority(unbroken):
    raised = [row for row in unbroken if row["event"] == "alarms" and row["kind"] == "raised"]
    flutter = [row for row in raised if row["alarm"] == "ventricular-fibrillation"]
    # atr: flutter begins 218.8 s into the record, 18.8 s into the passage
    assert flutter[0]["priority"] == "high"
    assert 18.8 < flutter[0]["time_s"] < 28.8


def test_numbers_of_a_patients_log_count_up_without_a_hole(unbroken):
    assert [row["number"] for row in unbroken] == list(range(len(unbroken)))
    states = [row["time_s"] for row in unbroken if row["event"] == "states"]
    assert states == list(range(1, 61))


def test_every_beat_is_scored_as_offline(bundle, flutter, unbroken):
    offline = bundle.score(flutter)
    scores = [row for row in unbroken if row["event"] == "scores"]
    assert [row["time_s"] for row in scores] == offline.time_s.tolist()
    assert [row["label"] for row in scores] == offline.label.tolist()
    probs = [json.loads(row["probs"]) for row in scores]
    np.testing.assert_allclose(probs, offline.filter(like="p_").to_numpy(), atol=1e-5)


@pytest.mark.parametrize("speed", [1.0, 10.0, 3.7])
def test_a_file_gives_the_same_log_at_any_speed(tmp_path, watch, log, flutter, unbroken, speed):
    wall = Wall()
    source = Replay({"207": flutter}, speed=speed, clock=wall)
    session = watch(tmp_path / "events.sqlite", source, run={"clock": wall, "sleep": wall.sleep})
    assert log(session) == unbroken
    assert wall.slept_s == pytest.approx(60 / speed, rel=0.01)


def test_a_patient_has_the_same_log_alone_and_in_a_ward(tmp_path, watch, log, flutter, unbroken):
    other = biosig.read(SAMPLE / "119").crop(0, 30)
    session = watch(tmp_path / "events.sqlite", Replay({"119": other, "207": flutter}))
    found = log(session)
    assert strip(found) == strip(unbroken)
    assert len(log(session, "119")) > 60


def strip(rows):
    """Rows with probabilities to 1e-4: batches of other sizes add up in another order."""
    return [row | ({"probs": np.round(json.loads(row["probs"]), 4).tolist()} if "probs" in row else {}) for row in rows]


@pytest.mark.parametrize("tick_s", [0.25, 3.0])
def test_alarms_do_not_depend_on_the_length_of_ticks(tmp_path, watch, log, flutter, unbroken, tick_s):
    session = watch(tmp_path / "events.sqlite", Replay({"207": flutter}, tick_s=tick_s), tick_s=tick_s)
    for event in ("scores", "states", "alarms"):
        found, expected = (
            [row | {"number": 0} for row in strip(rows) if row["event"] == event] for rows in (log(session), unbroken)
        )
        assert found == expected


def test_raw_frames_on_standard_input_are_watched_as_the_file(tmp_path, watch, log, flutter, unbroken):
    reader = poured(flutter.data.T.astype("<f4").tobytes(), seed=1)
    source = Frames(flutter.layout, patient="207", descriptor=reader)
    assert log(watch(tmp_path / "events.sqlite", source)) == unbroken
    os.close(reader)


def test_raw_frames_that_end_within_a_frame_are_an_error_after_the_rest_was_watched(tmp_path, watch, flutter, log):
    layout = Layout(("MLII", "V1"), 360.0, ("mV", "mV"))
    reader = poured(np.zeros(3601, dtype="<f4").tobytes())
    source = Frames(layout, patient="207", descriptor=reader)
    with pytest.raises(SourceError, match=r"within a frame of 8 bytes .* 4 are left over"):
        watch(tmp_path / "events.sqlite", source)
    os.close(reader)


def shuffled(starts):
    """Neighbours swapped, some sent twice: packets of 100 samples at 360 Hz stay within 250 ms."""
    order = list(starts)
    for i in range(3, len(order) - 1, 7):
        order[i], order[i + 1] = order[i + 1], order[i]
    return [start for i, start in enumerate(order) for _ in range(1 + (i % 11 == 5))]


@pytest.mark.parametrize("order", [None, shuffled])
def test_json_lines_are_watched_as_the_file(tmp_path, watch, log, flutter, unbroken, order):
    reader = poured(as_lines(flutter, n=80, order=order), seed=2)
    assert log(watch(tmp_path / "events.sqlite", Lines(descriptor=reader))) == unbroken
    os.close(reader)


def test_json_lines_with_time_stamps_are_watched_as_the_file(tmp_path, watch, log, flutter, unbroken):
    reader = poured(as_lines(flutter, n=90, key="time_s"), seed=3)
    assert log(watch(tmp_path / "events.sqlite", Lines(descriptor=reader))) == unbroken
    os.close(reader)


def test_a_hole_of_minutes_is_a_technical_alarm_and_a_new_beginning(tmp_path, watch, log, flutter):
    n, fs = 360 * 20, 360.0
    polls = [
        [Packet(flutter.data[:, :n], start_sample=0)],
        [Packet(flutter.data[:, :n], start_sample=n + 360 * 90)],
        [None],
    ]
    session = watch(tmp_path / "events.sqlite", Script(flutter.layout, polls), run={"clock": Wall()})
    rows = log(session, "bed")
    assert [row["kind"] for row in rows if row["event"] == "notices"] == ["reset"]
    off = [(row["kind"], row["time_s"]) for row in rows if row["event"] == "alarms" and row["alarm"] == "lead-off"]
    assert off == [("raised", pytest.approx(24, abs=1)), ("cleared", pytest.approx(113, abs=1))]
    assert not [row for row in rows if row["event"] == "alarms" and row["alarm"] == "asystole"]
    assert max(row["time_s"] for row in rows if row["event"] == "states") == n * 2 / fs + 90


def test_a_source_that_falls_silent_is_an_alarm_until_it_sends_again(tmp_path, watch, log, flutter):
    wall = Wall()
    first, second = flutter.data[:, :3600], flutter.data[:, 3600:7200]
    polls = [[Packet(first, start_sample=0)], *[[]] * 200, [Packet(second, start_sample=3600)], [None]]
    source = Script(flutter.layout, polls)
    session = watch(tmp_path / "events.sqlite", source, run={"clock": wall, "sleep": wall.sleep})
    found = [row for row in log(session, "bed") if row["event"] == "alarms" and row["alarm"] == "source-silent"]
    assert [(row["kind"], row["technical"], row["priority"]) for row in found] == [
        ("raised", True, "medium"),
        ("cleared", True, "medium"),
    ]
    assert "no packet for 2" in found[0]["detail"]


def test_a_bundle_that_does_not_fit_says_whose_source_lacks_what(bundle):
    recording = Recording.from_array(np.zeros((2, 999)), Layout(("V5", "V2"), 360.0, ("mV", "mV")))
    with pytest.raises(BundleError, match="bed 3: bundle 'ecg' needs lead MLII in mV; source has V5, V2"):
        Monitor({"ecg": bundle}).run([Replay({"bed 3": recording})])


def test_a_lead_that_stands_in_for_another_is_watched_and_warned_of(tmp_path, watch, log, flutter, unbroken):
    renamed = Recording.from_array(flutter.data, Layout(("V5",), 360.0, ("mV",)))
    with pytest.warns(LeadMapWarning, match="V5 as MLII"):
        session = watch(tmp_path / "events.sqlite", Replay({"207": renamed}), lead_map={"V5": "MLII"})
    assert log(session) == unbroken


def test_somebody_whom_no_bundle_fits_does_not_end_the_watch_of_others(bundle, flutter):
    wrong = Recording.from_array(np.zeros((1, 999)), Layout(("V5",), 360.0, ("mV",)))
    part = flutter.crop(0, 5)
    reader = poured(as_lines(part) + b"\n" + as_lines(wrong, patient="bed 9"))
    monitor = Monitor({"ecg": bundle})
    monitor.run([Lines(descriptor=reader)])
    os.close(reader)
    assert monitor.refused == {"bed 9": "bed 9: bundle 'ecg' needs lead MLII in mV; source has V5"}
    assert monitor.beds["207"].time_s == pytest.approx(5)


def test_two_sources_cannot_send_one_patient(bundle, flutter):
    reader = poured(as_lines(flutter.crop(0, 3)))
    with pytest.raises(SourceError, match="two sources send a patient '207'"):
        Monitor({"ecg": bundle}).run([Replay({"207": flutter.crop(0, 5)}), Lines(descriptor=reader)])
    os.close(reader)


@pytest.mark.parametrize("stops", [(7,), (1, 2, 30), (19, 3, 1, 20)])
def test_a_run_stopped_and_resumed_leaves_the_log_of_an_unbroken_one(tmp_path, watch, log, flutter, unbroken, stops):
    path = tmp_path / "events.sqlite"
    for number in stops:
        session = watch(path, Replay({"207": flutter}), run={"stop": counted(number)})
        assert not session.ended
    session = watch(path, Replay({"207": flutter}))
    assert session.ended
    assert log(session) == unbroken


class Torn(Exception):
    pass


def tearing(after, draw):
    """A listener that keeps some commits from happening and ends the run after so many rounds."""
    rounds = iter(range(10**6))

    def tear(monitor, step):
        monitor._ledger._due_s = math.inf if draw.random() < 0.6 else -math.inf
        if next(rounds) >= after:
            raise Torn

    return tear


@pytest.mark.parametrize("seed", range(3))
def test_a_run_torn_off_between_commits_is_made_up_for(tmp_path, watch, log, flutter, unbroken, seed):
    draw = np.random.default_rng(seed)
    path = tmp_path / "events.sqlite"
    for after in draw.integers(1, 25, 3):
        with pytest.raises(Torn):
            watch(path, Replay({"207": flutter}), listeners=[tearing(after, draw)])
    assert log(watch(path, Replay({"207": flutter}))) == unbroken


def test_a_resumed_standard_input_that_begins_anew_is_passed_over(tmp_path, watch, log, flutter, unbroken):
    path = tmp_path / "events.sqlite"
    raw = flutter.data.T.astype("<f4").tobytes()
    stuck, writer = os.pipe()
    os.write(writer, raw[: 4 * 9_999 + 3])
    stop, listen = after_s(20)
    watch(path, Frames(flutter.layout, patient="207", descriptor=stuck), run={"stop": stop}, listeners=[listen])
    again = poured(raw)
    session = watch(path, Frames(flutter.layout, patient="207", descriptor=again, on_resume="replay"))
    assert log(session) == unbroken
    for descriptor in (writer, stuck, again):
        os.close(descriptor)


def test_a_resumed_standard_input_that_goes_on_is_taken_as_what_follows(tmp_path, watch, log, flutter, unbroken):
    path = tmp_path / "events.sqlite"
    raw = flutter.data.T.astype("<f4").tobytes()
    stuck, writer = os.pipe()
    os.write(writer, raw[: 4 * 9_999])
    stop, listen = after_s(27)
    watch(path, Frames(flutter.layout, patient="207", descriptor=stuck), run={"stop": stop}, listeners=[listen])
    again = poured(raw[4 * 9_999 :])
    session = watch(path, Frames(flutter.layout, patient="207", descriptor=again, on_resume="continue"))
    assert log(session) == unbroken
    for descriptor in (writer, stuck, again):
        os.close(descriptor)


def after_s(seconds):
    """A stop that comes once so many seconds were watched, and the listener that it needs."""
    reached = []

    def listen(monitor, step):
        if any(bed.time_s >= seconds for bed in monitor.beds.values()):
            reached.append(True)

    return (lambda: bool(reached)), listen


def counted(n):
    steps = iter(range(10**6))
    return lambda: next(steps) >= n


def test_resumed_lines_that_begin_anew_are_passed_over(tmp_path, watch, log, flutter, unbroken):
    path = tmp_path / "events.sqlite"
    lines = as_lines(flutter, n=80, order=shuffled)
    readers = [poured(lines), poured(lines)]
    stop, listen = after_s(20)
    watch(path, Lines(descriptor=readers[0]), run={"stop": stop}, listeners=[listen])
    session = watch(path, Lines(descriptor=readers[1], on_resume="replay"))
    assert log(session) == unbroken
    for reader in readers:
        os.close(reader)


def test_where_standard_input_goes_on_must_be_said(tmp_path, watch, flutter):
    path = tmp_path / "events.sqlite"
    raw = flutter.data.T.astype("<f4").tobytes()
    readers = [poured(raw), poured(raw)]
    watch(path, Frames(flutter.layout, descriptor=readers[0]), run={"stop": counted(4)})
    with pytest.raises(SourceError, match=r"say --on-resume replay .* or --on-resume continue"):
        watch(path, Frames(flutter.layout, descriptor=readers[1]))
    for reader in readers:
        os.close(reader)


def test_other_rules_cannot_go_on_with_a_session(tmp_path, watch, flutter):
    path = tmp_path / "events.sqlite"
    watch(path, Replay({"207": flutter}), run={"stop": counted(3)})
    with pytest.raises(StoreError, match="207: cannot resume: saved alarms belong to other rules"):
        watch(path, Replay({"207": flutter}), rules=shipped_rules()[-1:])


def test_a_record_that_lies_at_its_converters_rail_is_a_technical_alarm(tmp_path, bundle, watch, log):
    raw = biosig.read(SAMPLE / "119").crop(0, 40).pick(["MLII"]).data[0].astype(np.float64)
    raw[360 * 15 : 360 * 25] = 5.115
    digital = np.rint(raw * 200 + 1024).astype(np.int64)[:, None]
    wfdb.wrsamp("clipped", 360, ["mV"], ["MLII"], d_signal=digital, fmt=["16"], adc_gain=[200.0], baseline=[1024],
                write_dir=str(tmp_path))  # fmt: skip
    header = tmp_path / "clipped.hea"
    lines = header.read_text().splitlines()
    fields = lines[1].split()
    fields[3:5] = ["11", "1024"]
    header.write_text("\n".join([lines[0], " ".join(fields), ""]))
    recording = biosig.read(tmp_path / "clipped")
    assert recording.rails == ((-5.12, 5.115),)
    found = log(watch(tmp_path / "events.sqlite", Replay({"a": recording})), "a")
    saturated = [(row["kind"], row["time_s"]) for row in found if row.get("alarm") == "lead-saturated"]
    assert [kind for kind, _ in saturated] == ["raised", "cleared"]
    assert 18 <= saturated[0][1] <= 20
    assert not [row for row in found if row.get("alarm") == "asystole"]
