"""The page of a source that sends nothing, in a real browser: heard, seen, acknowledged, paused."""

import threading

import pytest

from biosig.monitoring.intake import Packet
from biosig.monitoring.sources import Delivery, Source


class Tap(Source):
    """A live patient who sends five seconds, and the next whenever the tap is opened."""

    live = True

    def __init__(self, recording):
        self._recording, self._place = recording, 0
        self.opened = threading.Event()
        self.opened.set()

    @property
    def layouts(self):
        return {"207": self._recording.layout}

    def poll(self):
        if not self.opened.is_set():
            return []
        self.opened.clear()
        n = round(5 * self._recording.fs)
        packet = Packet(self._recording.data[:, self._place : self._place + n], start_sample=self._place)
        self._place += n
        return [Delivery("207", self._recording.layout, packet)]


@pytest.fixture
def tap(served, flutter):
    source = Tap(flutter.crop(0, 10))
    served.listen(source)
    return source


SOUNDING = "#sound[aria-pressed='true'][data-sounding='{}']"


def test_a_silent_source_is_heard_until_it_is_acknowledged_and_a_new_silence_again(served, screen, tap):
    window = screen()
    window.keyboard.press("s")
    bar = ".tile .bar.technical:has-text('source silent')"
    window.wait_for_selector(f"{bar}[data-flashing='on']")
    window.wait_for_selector(SOUNDING.format("medium"))
    window.click(".tile .ack")
    window.wait_for_selector(f"{bar}[data-flashing='']:has-text('seen')")
    window.wait_for_selector(SOUNDING.format(""))
    tap.opened.set()
    window.wait_for_selector(bar, state="detached")
    window.wait_for_selector(f"{bar}[data-flashing='on']")
    window.wait_for_selector(SOUNDING.format("medium"))
    served.end()
    told = served.session.frame("alarms", "207")
    assert told[told.alarm == "source-silent"].kind.tolist() == ["raised", "acknowledged", "cleared", "raised"]


def test_a_silent_source_can_be_paused_and_the_pause_ended(screen, tap):
    window = screen()
    window.wait_for_selector(".tile .bar.technical:has-text('source silent')")
    window.evaluate("location.hash = '#/bed/207'")
    row = ".alarms li:has-text('source silent')"
    window.click(f"{row} button:has-text('Pause')")
    window.wait_for_selector(f"{row}[data-flashing='']:has-text('paused 01:')")
    window.click(f"{row} button:has-text('Resume')")
    window.wait_for_selector(f"{row}[data-flashing='on']")
