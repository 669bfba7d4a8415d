"""A silent source is an alarm like any other: seen, paused, told again, on the seconds that were listened to it."""

import json

import pytest

from biosig.monitoring.events import Acknowledge, Pause
from biosig.monitoring.rules import SOURCE_SILENT, Rule, check_rules
from biosig.monitoring.silence import Silence

AT_S = 30.0
"""Second of signal at which the source falls silent: the patient's clock stands still there."""


@pytest.fixture
def silence():
    """Of a source that has just fallen silent, heard from the wall's second 1000 on."""
    one = Silence()
    one.listen(1000.0, AT_S)
    raised = one.find(True, AT_S, "no packet for 2.0 s", AT_S)
    assert [(event.kind, event.technical, event.time_s) for event in raised] == [("raised", True, AT_S)]
    return one


def kinds(events):
    return [event.kind for event in events]


def test_it_is_acknowledged_once_and_a_new_one_has_been_seen_by_nobody(silence):
    (seen,) = silence.obey(Acknowledge(AT_S, "source-silent", "Dr N"))
    assert (seen.kind, seen.time_s, seen.since_s) == ("acknowledged", AT_S, AT_S)
    assert seen.detail == "no packet for 2.0 s; by Dr N"
    assert silence.obey(Acknowledge(AT_S)) == []
    assert silence.active[0].acknowledged
    assert kinds(silence.find(False, AT_S, "packets come again", AT_S)) == ["cleared"]
    assert silence.active == ()
    assert kinds(silence.find(True, AT_S + 9, "no packet for 2.0 s", AT_S + 9)) == ["raised"]
    assert not silence.active[0].acknowledged


def test_every_alarm_acknowledged_is_this_one_too_but_none_of_another_name(silence):
    assert silence.obey(Acknowledge(AT_S, "lead-off")) == []
    assert kinds(silence.obey(Acknowledge(AT_S))) == ["acknowledged"]


def test_its_pause_ends_by_itself_though_no_signal_comes(silence):
    said = silence.obey(Pause(AT_S, AT_S + 60.0, "source-silent", "Dr N"))
    assert [(event.kind, event.detail) for event in said] == [
        ("paused", "for 60 s by Dr N"),
        ("suppressed", "no packet for 2.0 s; paused"),
    ]
    assert silence.paused(AT_S) == (("source-silent", AT_S + 60.0),)
    assert silence.listen(1059.0, AT_S) == []
    assert silence.paused(AT_S) == (("source-silent", AT_S + 1.0),)
    assert kinds(silence.listen(1060.0, AT_S)) == ["resumed", "raised"]
    assert silence.paused(AT_S) == ()


def test_a_pause_of_every_alarm_of_the_patient_leaves_it_on(silence):
    assert silence.obey(Pause(AT_S, AT_S + 60.0)) == []
    assert silence.active[0].shown == "raised"


def test_a_pause_can_be_ended(silence):
    silence.obey(Pause(AT_S, AT_S + 60.0, "source-silent"))
    assert kinds(silence.obey(Pause(AT_S, AT_S, "source-silent"))) == ["resumed", "raised"]


def test_one_that_falls_silent_while_paused_is_shown_only_after(silence):
    silence.obey(Pause(AT_S, AT_S + 60.0, "source-silent"))
    silence.find(False, AT_S, "packets come again", AT_S)
    assert kinds(silence.find(True, AT_S, "no packet for 2.0 s", AT_S)) == ["suppressed"]
    assert kinds(silence.listen(1060.0, AT_S)) == ["resumed", "raised"]


def test_it_signals_again_two_minutes_after_it_was_seen(silence):
    silence.listen(1100.0, AT_S)
    silence.obey(Acknowledge(AT_S, "source-silent"))
    assert silence.listen(1219.0, AT_S) == []
    assert kinds(silence.listen(1220.0, AT_S)) == ["re-alarm"]
    assert not silence.active[0].acknowledged


def test_a_resumed_monitor_knows_what_was_done_and_counts_on_by_another_clock(silence):
    silence.obey(Acknowledge(AT_S, "source-silent"))
    silence.obey(Pause(AT_S, AT_S + 60.0, "source-silent"))
    silence.listen(1020.0, AT_S)
    again = Silence()
    again.load_state_dict(json.loads(json.dumps(silence.state_dict())))
    assert again.silent
    assert again.active == silence.active
    assert again.listen(5.0, AT_S) == []
    assert again.listen(44.0, AT_S) == []
    assert kinds(again.listen(45.0, AT_S)) == ["resumed", "raised"]


def test_no_rule_takes_its_name():
    with pytest.raises(ValueError, match="'source-silent' is the alarm of a source that sends nothing"):
        check_rules([Rule("source-silent", "low", SOURCE_SILENT.watch)])
