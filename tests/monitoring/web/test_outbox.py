"""A slow page loses waveform frames, never an alarm, and never memory without bound."""

from hypothesis import given
from hypothesis import strategies as st

from biosig.monitoring.web.outbox import Outbox
from biosig.monitoring.web.wire import unpack


def drained(outbox):
    found = []
    while (message := outbox.take()) is not None:
        found.append(message)
    return found


def quiet():
    pass


def test_alarms_go_first_then_the_newest_state_then_frames_in_turn():
    outbox = Outbox(quiet)
    for i in range(2):
        outbox.put_frame("a", b"a%d" % i)
    outbox.put_frame("b", b"b0")
    outbox.put_newest("a", b"old")
    outbox.put_newest("a", b"new")
    outbox.put_urgent(b"alarm")
    assert drained(outbox) == [b"alarm", b"new", b"a0", b"b0", b"a1"]


def test_the_oldest_frames_of_a_patient_give_way_and_are_counted():
    outbox = Outbox(quiet, most_frames=3)
    for i in range(10):
        outbox.put_frame("a", b"%d" % i)
    outbox.put_frame("b", b"b")
    outbox.put_urgent(b"alarm")
    alarm, told, *frames = drained(outbox)
    assert alarm == b"alarm"
    assert unpack(told)[0] == {"kind": "lost", "frames": 7}
    assert frames == [b"7", b"b", b"8", b"9"]


def test_a_page_that_does_not_even_take_alarms_is_cut_off():
    outbox = Outbox(quiet, most_urgent=4)
    for i in range(4):
        outbox.put_urgent(b"%d" % i)
    assert not outbox.overflowed
    outbox.put_urgent(b"4")
    assert outbox.overflowed
    assert drained(outbox) == [b"0", b"1", b"2", b"3"]


@given(
    st.lists(st.tuples(st.sampled_from(["urgent", "newest", "frame", "take"]), st.sampled_from("abc")), max_size=200)
)
def test_no_alarm_is_lost_or_out_of_order_whatever_else_comes(steps):
    outbox = Outbox(quiet, most_urgent=1000, most_frames=2)
    sent, got = [], []
    for i, (what, name) in enumerate(steps):
        message = b"%s %d" % (what.encode(), i)
        if what == "urgent":
            outbox.put_urgent(message)
            sent.append(message)
        elif what == "newest":
            outbox.put_newest(name, message)
        elif what == "frame":
            outbox.put_frame(name, message)
        elif (taken := outbox.take()) is not None:
            got.append(taken)
    got += drained(outbox)
    assert [message for message in got if message.startswith(b"urgent")] == sent
    assert sum(message.startswith(b"frame") for message in got) == sum(s[0] == "frame" for s in steps) - outbox.lost
