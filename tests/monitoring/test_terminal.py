"""What people see of a ward."""

import io
import json
import math
from dataclasses import replace

import pytest
from rich.console import Console

from biosig.monitoring.alarms import ActiveAlarm
from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.exports import alarm_table
from biosig.monitoring.log import Entry
from biosig.monitoring.monitor import Monitor, Round
from biosig.monitoring.readout import BedView, rhythm
from biosig.monitoring.sources import Replay
from biosig.monitoring.terminal import JsonLines, LiveTable, PlainLines, alarm_summary, shown, ward_table


def view(**changes):
    fields = {
        "patient": "bed 1",
        "time_s": 3725.0,
        "heart_rate": 71.6,
        "beats": (*((float(i), "N") for i in range(9)), (9.0, "V")),
        "anomaly": math.nan,
        "good": 0.98,
        "alarms": (),
        "drift_ppm": None,
        "ended": False,
    }
    return BedView(**(fields | changes))


def alarm(name, priority="low", shown="raised", acknowledged=False):
    return ActiveAlarm(name, priority, False, shown, acknowledged, 1.0, "")


def drawn(thing, width=120):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, legacy_windows=False)
    console.print(thing)
    return console.file.getvalue()


def test_a_row_tells_rate_rhythm_beats_quality_and_alarms():
    text = drawn(ward_table([view(alarms=(alarm("bigeminy"),), anomaly=2.5)], "1 patient"))
    for part in ("bed 1", "1:02:05", "72", "bigeminy", "2.50", "98 %", "1 patient"):
        assert part in text


def test_a_patient_without_beats_is_shown_what_windows_say_and_no_heart_rate():
    eeg = view(beats=(), heart_rate=math.nan, windows=(("eeg", "arithmetic", 3701.0), ("eeg-eyes", "?", 3720.0)))
    text = drawn(ward_table([eeg], ""))
    assert "eeg: arithmetic for 24 s, eeg-eyes: ?" in text
    assert not {"/min", "rhythm", "last beats"} & set(text.replace("│", "┃").split("┃"))
    assert "arithmetic" not in drawn(ward_table([replace(eeg, good=0.2)], ""))
    both = drawn(ward_table([eeg, view(patient="bed 2")], "", width=160), width=160)
    for part in ("/min", "last beats", "windows say", "no finding"):
        assert part in both


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_alarm_is_cut_off_on_a_narrow_screen(width):
    alarms = (alarm("ventricular-fibrillation", "high"), alarm("extreme-tachycardia", "high", shown="latched"))
    bed = view(alarms=alarms, anomaly=3.48, beats=tuple((float(i), "V") for i in range(16)))
    text = drawn(ward_table([bed], "", width=width), width=width)
    assert "…" not in text
    for part in ("extreme-tachycardia", "ventricular-fibrillatio", "3.48", "98 %"):
        assert part in text
    assert ("last beats" in text) == (width == 120)


def test_the_letters_of_an_alarm_are_all_there_in_a_ward_of_ecg_and_eeg_on_80_columns():
    heart = view(patient="a name of some length", alarms=(alarm("ventricular-fibrillation", "high"),), anomaly=3.48)
    head = view(beats=(), heart_rate=math.nan, windows=(("eeg", "arithmetic", 3701.0),))
    console = Console(file=io.StringIO(), width=80)
    console.print(ward_table([heart, head], "", width=80))
    lines = console.file.getvalue().splitlines()
    begins = next(line.index("alarms") for line in lines if "alarms" in line)
    told = "".join(line[begins:].strip() for line in lines)
    assert "ventricular-fibrillation" in told


def test_high_priority_is_red_and_an_acknowledged_alarm_is_dim():
    loud = drawn(ward_table([view(alarms=(alarm("asystole", "high"),))], ""))
    seen = drawn(ward_table([view(alarms=(alarm("asystole", "high", acknowledged=True),))], ""))
    assert "\x1b[1;37;41m asystole" in loud
    assert "\x1b[2m asystole" in seen


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "no finding"),
        ({"good": 0.2}, "--"),
        ({"beats": ((1.0, "N"),)}, "--"),
        ({"heart_rate": math.nan}, "--"),
        ({"alarms": (alarm("couplet"), alarm("irregular-rhythm"))}, "irregular rhythm"),
        ({"alarms": (alarm("asystole", "high", shown="latched"),)}, "no finding"),
        ({"alarms": (alarm("pause"), alarm("ventricular-fibrillation", "high"))}, "ventricular fibrillation"),
    ],
)
def test_the_rhythm_shown_is_the_most_urgent_and_bad_signal_has_none(changes, expected):
    assert rhythm(view(**changes)) == expected


def test_a_live_table_ends_with_the_ward_as_it_was(bundle, flutter):
    console = Console(file=io.StringIO(), width=140, force_terminal=True, legacy_windows=False)
    with LiveTable(console) as table:
        Monitor({"ecg": bundle}, listeners=[table]).run([Replay({"207": flutter})])
    text = console.file.getvalue()
    assert "0:01:00" in text
    assert "ventricular fibrillation" in text


def test_plain_lines_tell_alarms_and_progress(bundle, flutter):
    said = []
    now = [0.0]

    def clock():
        now[0] += 0.1
        return now[0]

    Monitor({"ecg": bundle}, listeners=[PlainLines(said.append, every_s=1.0, clock=clock)]).run(
        [Replay({"207": flutter})]
    )
    assert any("207 high ventricular-fibrillation raised: fibrillation 0." in line for line in said)
    assert any(line.startswith("1 patient, 0:00:") and "x real time" in line for line in said)


def test_json_lines_are_the_log(bundle, flutter, unbroken):
    out = io.StringIO()
    Monitor({"ecg": bundle}, listeners=[JsonLines(out)]).run([Replay({"207": flutter})])
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["number"] for row in rows] == list(range(len(unbroken)))
    assert {row["event"] for row in rows} == {"score", "state", "alarm"}
    for row, expected in zip(rows, unbroken, strict=True):
        assert row["patient"] == "207"
        assert row["time_s"] == expected["time_s"]
        assert row.get("label") == expected.get("label")


def test_where_there_is_no_terminal_lines_are_plain():
    with shown(Console(file=io.StringIO()), lambda line: None, as_json=False) as listeners:
        assert isinstance(listeners[0], PlainLines)
    with shown(Console(file=io.StringIO(), force_terminal=True), lambda line: None, as_json=False) as listeners:
        assert isinstance(listeners[0], LiveTable)


def test_the_summary_counts_alarms(tmp_path, watch, flutter):
    session = watch(tmp_path / "events.sqlite", Replay({"207": flutter}))
    text = drawn(alarm_summary(alarm_table(session)))
    assert "Alarms raised" in text
    assert "ventricular-fibrillation" in text


def test_the_end_of_an_alarm_that_was_hidden_all_along_is_not_told():
    said = []
    lines = PlainLines(said.append, clock=lambda: 0.0)

    def events(*pairs):
        return Round([Entry("a", 0, AlarmEvent(1.0, name, "high", kind, 1.0)) for name, kind in pairs], {})

    lines(None, events(("asystole", "raised"), ("pause", "suppressed"), ("pause", "cleared")))
    lines(None, events(("asystole", "suppressed"), ("asystole", "cleared"), ("pause", "suppressed")))
    lines(None, events(("pause", "raised"), ("pause", "cleared"), ("old", "cleared")))
    assert [" ".join(line.split()[3:]) for line in said] == [
        "asystole raised",
        "asystole cleared",
        "pause raised",
        "pause cleared",
        "old cleared",
    ]
