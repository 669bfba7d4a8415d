"""Between a live source and the scorer: order, duplicates, holes, clocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosig.errors import SourceError
from biosig.monitoring.intake import Intake, Packet
from biosig.records.recording import Layout

FS = 360.0
LAYOUT = Layout(("MLII",), FS, ("mV",))
SIGNAL = np.random.default_rng(0).normal(size=(1, 3600)).astype(np.float32)
REORDER = 90
"""Samples in 250 ms."""


def numbered(start, stop, first=1000):
    return Packet(SIGNAL[:, start:stop], start_sample=first + start)


def stamped(start, stop, *, fs=FS, jitter=0.0):
    return Packet(SIGNAL[:, start:stop], time_s=500.0 + start / fs + jitter)


def run(intake, packets):
    """All that comes out: samples, places where everything is forgotten, and kinds of notices."""
    taken = [intake.push(packet) for packet in packets] + [intake.flush()]
    pieces = [piece for one in taken for piece in one.pieces]
    samples = np.concatenate([np.zeros((1, 0), np.float32), *(piece.samples for piece in pieces)], axis=1)
    resets = [piece.start_s for piece in pieces if piece.reset]
    return samples, resets, [notice.kind for one in taken for notice in one.notices]


@st.composite
def deliveries(draw, longest=60):
    """Packets of a source that loses some, and one order of delivery with duplicates within 250 ms."""
    sizes = draw(st.lists(st.integers(1, longest), min_size=1, max_size=30))
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    spans = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    lost = draw(st.sets(st.integers(0, len(spans) - 1), max_size=5))
    kept = [span for number, span in enumerate(spans) if number not in lost]
    delayed = [
        (end + draw(st.integers(0, REORDER - (end - start))), start, end)
        for start, end in kept
        for _ in range(draw(st.integers(1, 2)))
    ]
    return kept, [(start, end) for _, start, end in sorted(delayed)]


@settings(max_examples=150, deadline=None)
@given(deliveries())
def test_duplicates_and_any_order_within_250_ms_give_the_stream_of_ordered_delivery(drawn):
    ordered, delivered = drawn
    expected = run(Intake(LAYOUT), [numbered(*span) for span in ordered])
    found = run(Intake(LAYOUT), [numbered(*span) for span in delivered])
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]
    assert "late" not in found[2]


@settings(max_examples=150, deadline=None)
@given(deliveries(), st.integers(0, 2**16))
def test_stamped_packets_too_whatever_the_jitter_of_their_stamps(drawn, seed):
    ordered, delivered = drawn
    jitter = np.random.default_rng(seed).uniform(-0.4 / FS, 0.4 / FS, 4000)
    expected = run(Intake(LAYOUT), [stamped(*span, jitter=jitter[span[0]]) for span in ordered])
    found = run(Intake(LAYOUT), [stamped(*span, jitter=jitter[span[0]]) for span in delivered])
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]


@settings(max_examples=60, deadline=None)
@given(deliveries(), st.integers(0, 60), st.sampled_from([numbered, stamped]))
def test_a_pause_with_save_and_load_changes_nothing(drawn, pause, kind):
    packets = [kind(*span) for span in drawn[1]]
    expected = run(Intake(LAYOUT), packets)
    first, second = Intake(LAYOUT), Intake(LAYOUT)
    before = [first.push(packet) for packet in packets[:pause]]
    second.load_state_dict(first.state_dict())
    after = run(second, packets[pause:])
    pieces = [piece for one in before for piece in one.pieces]
    np.testing.assert_array_equal(np.concatenate([*(p.samples for p in pieces), after[0]], axis=1), expected[0])


def test_samples_that_never_came_are_nan_and_told():
    samples, resets, notices = run(Intake(LAYOUT), [numbered(0, 100), numbered(136, 400)])
    np.testing.assert_array_equal(samples[:, :100], SIGNAL[:, :100])
    assert np.isnan(samples[:, 100:136]).all()
    np.testing.assert_array_equal(samples[:, 136:], SIGNAL[:, 136:400])
    assert (resets, notices) == ([], ["gap"])


def test_an_ordered_numbered_packet_is_handed_on_at_once():
    intake = Intake(LAYOUT)
    intake.push(numbered(0, 200))
    assert [piece.samples.shape[1] for piece in intake.push(numbered(200, 210)).pieces] == [10]


def test_a_hole_is_waited_for_250_ms_and_no_longer():
    intake = Intake(LAYOUT)
    intake.push(numbered(0, 200))
    assert not intake.push(numbered(210, 299)).pieces
    assert intake.push(numbered(299, 300)).pieces[0].samples.shape == (1, 10)
    assert [notice.kind for notice in intake.push(numbered(200, 210)).notices] == ["late"]


def test_a_hole_longer_than_30_s_starts_the_stream_anew_at_its_own_time():
    far = 31 * 360
    late = Packet(SIGNAL[:, :360], start_sample=1000 + 360 + far)
    intake = Intake(LAYOUT)
    samples, resets, notices = run(intake, [numbered(0, 360), late])
    assert (resets, notices) == ([32.0], ["reset"])
    assert samples.shape == (1, 720)
    assert intake.time_s == 33.0


def test_a_source_that_counts_anew_starts_the_stream_anew():
    packets = [Packet(SIGNAL[:, :360], start_sample=n) for n in (10**6, 10**6 + 360, 0, 360)]
    samples, resets, notices = run(Intake(LAYOUT), packets)
    assert (resets, notices) == ([2.0], ["restart"])
    assert samples.shape == (1, 4 * 360)


def test_a_clock_that_jumps_back_starts_the_stream_anew():
    packets = [Packet(SIGNAL[:, :360], time_s=time_s) for time_s in (900.0, 901.0, 5.0, 6.0)]
    samples, resets, notices = run(Intake(LAYOUT), packets)
    assert (resets, notices) == ([2.0], ["restart"])
    assert samples.shape == (1, 4 * 360)


@pytest.mark.parametrize("ppm", [-300.0, -40.0, 0.0, 150.0])
def test_clock_drift_is_told_in_ppm_and_makes_no_holes(ppm):
    intake = Intake(LAYOUT)
    generator = np.random.default_rng(1)
    fs = FS * (1 + ppm * 1e-6)
    second = SIGNAL[:, :360]
    taken = []
    for number in range(1200):
        jitter = generator.normal(scale=0.002)
        taken.append(intake.push(Packet(second, time_s=number * 360 / fs + jitter)))
    taken.append(intake.flush())
    assert not [notice for one in taken for notice in one.notices]
    assert intake.drift_ppm == pytest.approx(ppm, abs=5.0)


def test_late_arrivals_do_not_move_the_drift():
    intake = Intake(LAYOUT)
    generator = np.random.default_rng(2)
    for number in range(600):
        late = generator.exponential(0.05) if number % 3 == 0 else 0.0
        intake.push(Packet(SIGNAL[:, :360], start_sample=number * 360, arrived_s=number / (1 + 80e-6) + late))
    assert intake.drift_ppm == pytest.approx(80.0, abs=15.0)


def second(number, **stamp):
    return Packet(SIGNAL[:, :360], start_sample=360 * number, **stamp)


def test_drift_by_arrivals_is_measured_anew_by_a_receiver_that_was_started_anew():
    before, after = Intake(LAYOUT), Intake(LAYOUT)
    for number in range(60):
        before.push(second(number, arrived_s=5000.0 + number))
    assert before.drift_ppm == pytest.approx(0.0, abs=1.0)
    after.load_state_dict(before.state_dict())
    assert after.drift_ppm is None
    for number in range(60, 80):
        assert not after.push(second(number, arrived_s=float(number) / (1 + 100e-6))).notices
    assert after.drift_ppm == pytest.approx(100.0, abs=1.0)


def test_drift_by_the_stamps_of_a_source_goes_on_where_it_was():
    """Else a wrong rate would be told later than by a monitor that never stopped."""
    whole, before, after = Intake(LAYOUT), Intake(LAYOUT), Intake(LAYOUT)
    packets = [second(number, time_s=number / (1 + 100e-6), arrived_s=900.0) for number in range(30)]
    for packet in packets:
        whole.push(packet)
    for packet in packets[:8]:
        before.push(packet)
    after.load_state_dict(before.state_dict())
    for packet in packets[8:]:
        after.push(packet)
    assert after.drift_ppm == whole.drift_ppm == pytest.approx(100.0, abs=1.0)


def test_stamps_of_the_source_and_arrivals_are_not_mixed():
    intake = Intake(LAYOUT)
    for number in range(20):
        intake.push(second(number, arrived_s=7000.0 + number))
    for number in range(20, 40):
        intake.push(second(number, time_s=float(number)))
    assert intake.drift_ppm == pytest.approx(0.0, abs=1.0)


def test_a_wrong_rate_is_told_once():
    intake = Intake(LAYOUT)
    kinds = []
    for number in range(40):
        packet = Packet(SIGNAL[:, :250], start_sample=250 * number, arrived_s=float(number))
        kinds += [(notice.kind, notice.detail) for notice in intake.push(packet).notices]
    assert kinds == [("rate", "declared 360 Hz, samples come at 250 Hz")]
    assert intake.observed_hz == pytest.approx(250.0)


def test_lost_samples_too_few_to_tell_from_jitter_add_up_to_a_hole():
    """Every second packet of 1 s lacks its last sample: after eight losses (22 ms) a hole of as many is told."""
    packets = [Packet(SIGNAL[:, : 360 - number % 2], time_s=float(number)) for number in range(40)]
    samples, _, notices = run(Intake(LAYOUT), packets)
    assert set(notices) == {"gap"}
    assert abs(samples.shape[1] - 40 * 360) < 0.03 * 360 + 8


def test_silence_and_its_end_are_told_by_the_clock_given():
    intake = Intake(LAYOUT)
    intake.push(Packet(SIGNAL[:, :360], start_sample=0, arrived_s=10.0))
    assert intake.advance(11.9) == []
    assert [notice.kind for notice in intake.advance(12.5)] == ["silent"]
    assert intake.advance(13.0) == []
    again = intake.push(Packet(SIGNAL[:, :360], start_sample=360, arrived_s=14.0))
    assert [notice.kind for notice in again.notices] == ["resumed"]


def test_a_source_that_stays_silent_after_the_machine_was_started_anew_is_told():
    intake, again = Intake(LAYOUT), Intake(LAYOUT)
    intake.push(Packet(SIGNAL[:, :360], start_sample=0, arrived_s=86_400.0))
    again.load_state_dict(intake.state_dict())
    assert again.advance(30.0) == []
    assert again.advance(31.9) == []
    assert [notice.kind for notice in again.advance(32.5)] == ["silent"]


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (Packet(np.zeros((2, 3)), start_sample=0), r"declared 1 channels \(MLII\), sends packets of shape \(2, 3\)"),
        (Packet(np.zeros(3), start_sample=0), r"sends packets of shape \(3,\)"),
        (Packet(np.zeros((1, 3))), "needs start_sample or time_s, got neither"),
        (Packet(np.zeros((1, 3)), time_s=float("nan")), "finite number of seconds, got nan"),
        (
            Packet(np.zeros((1, 3)), start_sample=0, layout=Layout(("MLII",), 250.0, ("mV",))),
            "changed its layout: it declared MLII in mV at 360 Hz, sends MLII in mV at 250 Hz",
        ),
    ],
)
def test_a_packet_unlike_what_was_declared_is_refused(packet, message):
    with pytest.raises(SourceError, match=message):
        Intake(LAYOUT).push(packet)
