"""What the page sounds like: drawn by the browser's own audio, measured as the standard does.

IEC 60601-1-8:2006+A1:2012, 6.3.3.1, tables 3 and 4. The text itself was not at hand. The bounds are as others quote
them: Texas Instruments, DACx3701 data sheet SLASEY5 (2020), 8.4.4 (settings inside of them for pulses, spaces and
bursts; 150 Hz and four harmonics within 15 dB), and published generators of such sounds that cite the tables. Of the
rise, some say 10 to 20 % of the pulse, some 10 to 40 %: the narrower one is kept.
"""

import numpy as np
import pytest

RATE_HZ = 8000
PULSES = {"high": 10, "medium": 3, "low": 2}
PULSE_S = {"high": (0.075, 0.2), "medium": (0.125, 0.25), "low": (0.125, 0.25)}
SPACE_S = {"high": (0.05, 0.125), "medium": (0.125, 0.25), "low": (0.125, 0.25)}
FIVES_APART_S = (0.35, 1.3)
RISE = (0.1, 0.2)
"""Share of the pulse, from 10 to 90 % of the loudness."""
BURSTS_APART_S = {"high": (2.5, 15.0), "medium": (2.5, 30.0), "low": (15.0, np.inf)}
EVEN = 0.05
"""Share by which spaces that should be the same may differ."""
PITCH_HZ = (150.0, 1000.0)
HARMONICS_HZ = (300.0, 4000.0)
HARMONICS = 4
HARMONICS_DB = 15.0

LOUDNESS = """async (priority) => {
  const { BURSTS, shape } = await import('/page/sound.js');
  const context = new OfflineAudioContext(1, 6 * 8000, 8000);
  const steady = new ConstantSourceNode(context, { offset: 1 });
  const volume = new GainNode(context, { gain: 0 });
  shape(volume.gain, BURSTS[priority], 0.1);
  steady.connect(volume).connect(context.destination);
  steady.start();
  return [[...(await context.startRendering()).getChannelData(0)], BURSTS[priority].silence];
}"""
"""The loudness of a burst, and the silence after it."""

TONE = """async () => {
  const { tone } = await import('/page/sound.js');
  const context = new OfflineAudioContext(1, 48000, 48000);
  const source = tone(context);
  source.connect(context.destination);
  source.start();
  return [...(await context.startRendering()).getChannelData(0)];
}"""


def crossings(loudness, share):
    """Where a loudness rises above, and falls below a share of its highest value, in seconds."""
    above = np.diff((loudness >= share * loudness.max()).astype(int))
    return np.flatnonzero(above > 0) / RATE_HZ, np.flatnonzero(above < 0) / RATE_HZ


def within(values, bounds):
    low, high = bounds
    return (np.asarray(values) >= low).all() and (np.asarray(values) <= high).all()


def check_burst(priority, loudness):
    up, down = crossings(loudness, 0.9)
    risen, _ = crossings(loudness, 0.1)
    assert len(up) == PULSES[priority]
    pulse_s, space_s = down - up, up[1:] - down[:-1]
    assert within(pulse_s, PULSE_S[priority])
    assert within((up - risen) / pulse_s, RISE)
    if priority == "high":
        assert within(space_s[4], FIVES_APART_S)
        fives = np.stack([space_s[:4], space_s[5:]])
        assert fives[:, 2] == pytest.approx(2 * fives[:, 0] + pulse_s[0], rel=EVEN)
        space_s = fives[:, [0, 1, 3]]
    assert within(space_s, SPACE_S[priority])
    assert np.ptp(space_s) <= EVEN * space_s.min()


def test_bursts_and_tone_are_those_of_the_standard(served, screen):
    """The less urgent comes less often, and the tone has the harmonics by which it is found in a room."""
    window = screen()
    silences = []
    for priority in PULSES:
        loudness, silence_s = window.evaluate(LOUDNESS, priority)
        check_burst(priority, np.array(loudness))
        assert within(silence_s, BURSTS_APART_S[priority])
        silences.append(silence_s)
    assert silences == sorted(silences)
    found = np.abs(np.fft.rfft(np.array(window.evaluate(TONE)) * np.hanning(48000)))
    pitch = int(found.argmax())  # bins of 1 Hz
    assert within(pitch, PITCH_HZ)
    harmonics = [found[n * pitch - 5 : n * pitch + 6].max() for n in range(2, int(HARMONICS_HZ[1] / pitch) + 1)]
    heard = [n for n, one in enumerate(harmonics, 2) if n * pitch >= HARMONICS_HZ[0] and one > 0]
    levels_db = 20 * np.log10(np.array([harmonics[n - 2] for n in heard]) / found[pitch])
    assert (np.abs(levels_db) <= HARMONICS_DB).sum() >= HARMONICS


PLAYED = """() => {
  window.started = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.started.push(this.context.state);
    return start.apply(this, when);
  };
}"""
"""Notes the state of the audio whenever an oscillator is started, and starts it."""


def test_alarms_are_heard_once_sound_is_on_until_they_are_acknowledged(served, screen, passage):
    window = screen()
    window.evaluate(PLAYED)
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended .bar.patient:has-text('V-Fib')")
    assert window.inner_text("#sound span") == "Sound off"
    assert window.evaluate("window.started") == []
    window.keyboard.press("s")
    window.wait_for_selector("#sound[aria-pressed='true'][data-sounding='high']:has-text('Sound on')")
    window.wait_for_function("() => window.started.length")
    assert set(window.evaluate("window.started")) == {"running"}
    window.focus(".tile h2 a")
    window.keyboard.press("a")
    window.wait_for_selector("#sound[aria-pressed='true'][data-sounding='']")
    window.keyboard.press("s")
    window.wait_for_selector("#sound[aria-pressed='false']:has-text('Sound off')")


SOCKET = """() => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (message) {
    window.socket = this;
    return send.call(this, message);
  };
}"""
"""Keeps hold of the page's socket when it is used next."""


def test_a_page_that_has_lost_its_monitor_is_heard_and_one_whose_monitor_has_ended_is_not(served, screen):
    window = screen()
    window.evaluate(SOCKET)
    window.click("#sound")
    window.wait_for_selector("#sound[aria-pressed='true'][data-sounding='']")
    window.wait_for_function("() => window.socket")
    window.route("**/*", lambda route: route.abort())
    window.evaluate("window.socket.close()")
    window.wait_for_selector("#sound[data-sounding='medium']")
    window.unroute("**/*")
    window.wait_for_selector("#link[data-state='alive']")
    window.wait_for_selector("#sound[data-sounding='']")
    served.server.__exit__(None, None, None)
    window.wait_for_selector("#link[data-state='ended']")
    assert window.get_attribute("#sound", "data-sounding") == ""
