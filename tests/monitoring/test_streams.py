"""A real outlet of the Lab Streaming Layer, on this machine, watched as the file it plays."""

import threading

import numpy as np
import pytest

from biosig.errors import SourceError
from biosig.monitoring.streams import LslStream

pylsl = pytest.importorskip("pylsl", reason="needs pylsl (extra live)", exc_type=(ImportError, RuntimeError))


def outlet(name, *, unit="microvolts", label="MLII", fs=360.0):
    info = pylsl.StreamInfo(name, "ECG", 1, fs, "float32", f"biosig-test-{name}")
    if label:
        channel = info.desc().append_child("channels").append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
    return pylsl.StreamOutlet(info, chunk_size=36, max_buffered=360)


def play(sender, data, fs):
    """Push samples (n,) as soon as somebody listens, stamped as if they had been measured."""
    if not sender.wait_for_consumers(20.0):
        return
    begun = pylsl.local_clock()
    for start in range(0, len(data), 36):
        part = data[start : start + 36]
        sender.push_chunk(part[:, None].tolist(), begun + (start + len(part) - 1) / fs)


def test_a_stream_is_watched_as_the_file_it_plays(tmp_path, watch, log, flutter, unbroken):
    name = "biosig-207"
    sender = outlet(name)
    source = LslStream(name)
    assert source.layouts[name].units == ("mV",)
    player = threading.Thread(target=play, args=(sender, flutter.data[0] * np.float32(1000.0), 360.0))
    player.start()
    stop, listen = after_s(60, name)
    session = watch(tmp_path / "events.sqlite", source, run={"stop": stop}, listeners=[listen])
    player.join()
    source.close()
    rows = log(session, name)
    assert len(rows) > 200
    for event in ("scores", "states", "alarms"):
        found = [row for row in rows if row["event"] == event]
        expected = [row for row in unbroken if row["event"] == event][: len(found)]
        for key in ("time_s", *{"scores": ("label",), "states": ("good",), "alarms": ("alarm", "kind")}[event]):
            assert [row[key] for row in found] == [row[key] for row in expected]
    assert not session.ended


def after_s(seconds, name):
    reached = []

    def listen(monitor, step):
        if monitor.beds[name].time_s >= seconds:
            reached.append(True)

    return (lambda: bool(reached)), listen


def test_a_stream_that_is_not_there_is_named():
    with pytest.raises(SourceError, match=r"lsl:biosig-nobody: no such stream in 0\.2 s"):
        LslStream("biosig-nobody", look_s=0.2)


def test_a_stream_that_does_not_describe_itself_needs_to_be_described():
    sender = outlet("biosig-mute", label="")
    with pytest.raises(SourceError, match="has 1 channels and does not say label and unit of each"):
        LslStream("biosig-mute")
    source = LslStream("biosig-mute", channels=("MLII",), unit="mV")
    assert source.layouts["biosig-mute"].channels == ("MLII",)
    source.close()
    del sender


def test_a_stream_of_markers_is_refused():
    info = pylsl.StreamInfo("biosig-markers", "Markers", 1, pylsl.IRREGULAR_RATE, "string", "biosig-test-markers")
    sender = pylsl.StreamOutlet(info)
    with pytest.raises(SourceError, match="expected samples at a regular rate"):
        LslStream("biosig-markers")
    del sender
