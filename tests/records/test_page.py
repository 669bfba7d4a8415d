"""Pages: lengths on paper measured with a ruler, gaps, marks, and the errors of an impossible page."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from biosig.errors import RecordError
from biosig.records.page import plot_page
from biosig.records.paper import CLASS_COLOURS, Paper, Sheet
from biosig.records.recording import Annotations, Layout, Recording

FS = 250.0
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def ecg(channels=("MLII",), seconds=25.0, unit="mV"):
    """A flat line with a 1 mV spike at every whole second."""
    data = np.zeros((len(channels), round(seconds * FS)))
    data[:, :: round(FS)] = 1.0
    beats = Annotations.at(np.arange(1.0, seconds), ["N"] * len(np.arange(1.0, seconds)))
    layout = Layout(tuple(channels), FS, (unit,) * len(channels))
    return Recording.from_array(data, layout, name="made/1", annotations=beats)


def traces(sheet: Sheet):
    """The long lines of a page, in mm: x and y of each."""
    return [line.get_xydata().T for line in sheet.axes[0].lines if len(line.get_xydata()) > 100]


def texts(sheet: Sheet):
    return [text.get_text() for text in sheet.axes[0].texts]


def hatched(sheet: Sheet):
    return [patch for patch in sheet.axes[0].patches if isinstance(patch, Rectangle) and patch.get_hatch()]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_a_second_is_25_mm_and_a_millivolt_10_mm():
    sheet = ecg().plot(0, 10)
    x, y = traces(sheet)[0]
    assert x[-1] - x[0] == pytest.approx((10 - 1 / FS) * 25)
    assert np.nanmax(y) - np.nanmedian(y) == pytest.approx(10)


def test_axes_millimetres_are_millimetres_of_paper():
    sheet = ecg().plot(0, 10)
    width_mm, height_mm = sheet.get_size_inches() * 25.4
    assert sheet.axes[0].get_xlim() == (0, pytest.approx(width_mm))
    assert sheet.axes[0].get_ylim() == (0, pytest.approx(height_mm))
    assert sheet.axes[0].get_position().bounds == (0, 0, 1, 1)
    assert width_mm == pytest.approx(15 + 250 + 5)


def test_another_speed_and_gain_are_drawn_and_written():
    sheet = plot_page(ecg(), 0, 5, paper=Paper(mm_per_s=50, mm_per_mv=20, row_s=5))
    x, y = traces(sheet)[0]
    assert x[-1] - x[0] == pytest.approx((5 - 1 / FS) * 50)
    assert np.nanmax(y) - np.nanmedian(y) == pytest.approx(20)
    assert "50 mm/s   20 mm/mV" in texts(sheet)


def test_every_lane_has_a_calibration_pulse_of_one_millivolt():
    sheet = ecg(("MLII", "V1")).plot(0, 10)
    pulses = [line.get_ydata() for line in sheet.axes[0].lines if len(line.get_xydata()) == 6]
    assert [np.ptp(pulse) for pulse in pulses] == [pytest.approx(10)] * 2


def test_a_baseline_lies_on_a_bold_line():
    sheet = ecg(("MLII", "V1")).plot(0, 20)
    for _, y in traces(sheet):
        assert (np.nanmedian(y) - 7) % 5 == pytest.approx(0, abs=1e-6)


def test_a_long_stretch_goes_on_in_the_next_row():
    sheet = ecg().plot(0, 25)
    rows = traces(sheet)
    assert len(rows) == 3
    assert np.nanmedian(rows[0][1]) > np.nanmedian(rows[1][1]) > np.nanmedian(rows[2][1])
    assert np.nanmax(rows[2][0]) == pytest.approx(15 + 5 * 25, abs=0.11)


def test_a_short_stretch_makes_a_short_page():
    assert ecg().plot(2, 6).get_size_inches()[0] * 25.4 == pytest.approx(15 + 4 * 25 + 5)


def test_without_an_end_one_row_is_drawn():
    assert len(traces(ecg().plot(3))) == 1
    assert len(traces(ecg().plot(20))) == 1


def test_twelve_leads_make_the_usual_page_with_lead_ii_below():
    sheet = ecg(TWELVE, 10.0).plot()
    lanes = traces(sheet)
    assert len(lanes) == 13
    written = [text for text in texts(sheet) if text in TWELVE]
    assert written == ["I", "aVR", "V1", "V4", "II", "aVL", "V2", "V5", "III", "aVF", "V3", "V6", "II"]
    assert np.ptp(lanes[0][0]) == pytest.approx(2.5 * 25, abs=0.11)
    assert np.ptp(lanes[-1][0]) == pytest.approx(250, abs=0.11)


def test_named_channels_are_stacked_in_the_order_named():
    sheet = ecg(TWELVE, 10.0).plot(channels=["V6", "I"])
    assert [text for text in texts(sheet) if text in TWELVE] == ["V6", "I"]


def test_what_was_not_recorded_is_hatched_and_never_bridged():
    recording = ecg()
    recording.data[0, round(3 * FS) : round(5 * FS)] = np.nan
    sheet = recording.plot(0, 10)
    (gap,) = hatched(sheet)
    assert gap.get_x() == pytest.approx(15 + 3 * 25)
    assert gap.get_width() == pytest.approx(2 * 25)
    assert "not recorded" in texts(sheet)
    assert np.isnan(traces(sheet)[0]).any()


def test_a_channel_without_any_sample_is_one_gap():
    recording = ecg()
    recording.data[:] = np.nan
    (gap,) = hatched(recording.plot(0, 10))
    assert gap.get_width() == pytest.approx(250, abs=0.11)


def test_a_slower_channel_is_a_line_not_a_row_of_gaps():
    recording = ecg(("MLII", "slow"))
    recording.data[1, np.arange(recording.n_times) % 5 != 0] = np.nan
    sheet = replace(recording, channel_fs=(FS, FS / 5)).plot(0, 10)
    assert not hatched(sheet)
    assert not np.isnan(traces(sheet)[1]).any()


def test_beats_stand_above_the_trace_in_the_colour_of_their_class():
    recording = ecg()
    marks = Annotations.at(np.array([1.0, 2.0, 3.0, 4.0]), ["R", "A", "V", "~"])
    sheet = replace(recording, annotations=marks).plot(0, 10)
    written = {text.get_text(): (text.get_color(), text.get_position()[0]) for text in sheet.axes[0].texts}
    assert written["R"] == (CLASS_COLOURS["N"], 15 + 25)
    assert written["A"] == (CLASS_COLOURS["S"], 15 + 50)
    assert written["V"] == (CLASS_COLOURS["V"], 15 + 75)
    assert "~" in written
    assert "V  ventricular ectopic" in written
    assert "R" not in texts(replace(recording, annotations=marks).plot(0, 10, beats=False))


def test_the_rhythm_in_force_is_written_at_the_start_of_every_row():
    n = 2
    rhythm = Annotations(np.array([0.5, 12.0]), np.zeros(n), ("+", "+"), ("(AFIB\x00", "(VT"), np.full(n, -1))
    notes = texts(replace(ecg(), annotations=rhythm).plot(0, 25))
    assert [note for note in notes if note.startswith(("atr", "ven", "AFIB"))] == [
        "atrial fibrillation",
        "atrial fibrillation",
        "ventricular tachycardia",
        "ventricular tachycardia",
    ]


def test_a_note_without_room_is_cut_short():
    crowded = Annotations(np.array([1.0, 1.6]), np.zeros(2), ("+", "+"), ("(AFIB", "(VT"), np.full(2, -1))
    assert "AFIB" in texts(replace(ecg(), annotations=crowded).plot(0, 10))


def test_predictions_are_framed_where_they_differ_from_the_reference():
    predicted = Annotations.at(np.array([1.0, 2.1, 3.0, 4.5]), ["N", "N", "V", "N"])
    sheet = ecg().plot(0, 10, marks=predicted)
    framed = [round(text.get_position()[0]) for text in sheet.axes[0].texts if text.get_bbox_patch() is not None]
    assert framed == [15 + 75, round(15 + 4.5 * 25)]


def test_marks_with_one_label_are_positions():
    detected = Annotations.at(np.array([1.0, 2.0, 4.5]), ["V"] * 3)
    sheet = ecg().plot(0, 10, marks=detected)
    assert texts(sheet).count("▼") == 3
    assert sum(text.get_bbox_patch() is not None for text in sheet.axes[0].texts) == 1


def test_other_units_share_one_gain_on_plain_paper():
    recording = ecg(("Fz", "Cz"), unit="uV")
    recording.data[0] = 40 * np.sin(2 * np.pi * np.arange(recording.n_times) / FS) + 4000
    recording.data[1] = 20 * np.sin(2 * np.pi * np.arange(recording.n_times) / FS)
    sheet = plot_page(recording, 0, 10)
    first, second = (np.ptp(y) for _, y in traces(sheet))
    assert first == pytest.approx(2 * second, rel=1e-3)
    assert any(text.endswith("µV") for text in texts(sheet))
    assert any(text.startswith("25 mm/s   ") and text.endswith(" µV/mm") for text in texts(sheet))


def test_a_trace_that_leaves_its_lane_is_cut_and_said_to_be():
    recording = ecg()
    recording.data[0, 500:510] = 30.0
    sheet = recording.plot(0, 10)
    assert np.nanmax(traces(sheet)[0][1]) - np.nanmedian(traces(sheet)[0][1]) == pytest.approx(40)
    assert any(line.get_marker() == "^" and len(line.get_xdata()) == 1 for line in sheet.axes[0].lines)


def test_only_the_stretch_is_read():
    class Watched:
        n_times = 10**12

        def read(self, start, stop):
            assert stop - start <= 10 * FS + 1
            return np.zeros((1, stop - start), dtype=np.float32)

        def pick(self, rows):
            return self

    long = replace(ecg(), samples=Watched(), annotations=Annotations())
    assert len(traces(long.plot(3e6))) == 1


def test_a_sheet_shows_itself_without_pyplot():
    assert ecg().plot(0, 2)._repr_png_().startswith(b"\x89PNG")


def test_colours_of_beats_stand_out_from_the_paper():
    for colour in CLASS_COLOURS.values():
        assert (luminance("#fff7f5") + 0.05) / (luminance(colour) + 0.05) >= 5


@pytest.mark.parametrize(("start_s", "stop_s"), [(-1, 5), (5, 5), (30, None), (float("nan"), 5)])
def test_a_stretch_outside_the_recording_is_refused(start_s, stop_s):
    with pytest.raises(ValueError, match=r"made/1: a page needs 0 <= start_s < stop_s <= 25 s, got"):
        ecg().plot(start_s, stop_s)


def test_an_empty_recording_and_an_unknown_lead_are_named():
    with pytest.raises(RecordError, match="made/1: holds no samples"):
        Recording.from_array(np.zeros((1, 0)), Layout(("II",), FS, ("mV",)), name="made/1").plot()
    with pytest.raises(RecordError, match="made/1: lead 'V9' not found, has MLII"):
        ecg().plot(channels=["V9"])


def test_a_page_too_long_to_open_is_refused():
    with pytest.raises(ValueError, match="at most 2000 mm are drawn; ask for a shorter stretch"):
        ecg(seconds=2000).plot(0, 2000)


def test_paper_must_move():
    with pytest.raises(ValueError, match="mm_per_s must be a positive number, got 0"):
        Paper(mm_per_s=0)
