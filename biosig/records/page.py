"""A stretch of a recording drawn as its field draws it: ECG on ruled paper, other signals on plain lanes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from biosig.errors import RecordError
from biosig.records.captions import clock, write_legend, write_title
from biosig.records.marking import draw_marks, marks_height
from biosig.records.montages import same_chain
from biosig.records.paper import INK, QUIET_INK, SENSITIVITIES, Paper, Sheet, draw_grid, draw_pulse, side_ink
from biosig.records.recording import Annotations, Recording

__all__ = ["plot_page"]

STANDARD_COLUMNS = (("i", "ii", "iii"), ("avr", "avl", "avf"), ("v1", "v2", "v3"), ("v4", "v5", "v6"))
"""The printed 12-lead page: four columns of three leads, a rhythm strip of lead II below them
(Kligfield et al. 2007, doi:10.1016/j.jacc.2007.01.024)."""

TITLE_MM, FOOTER_MM, AXIS_MM, RIGHT_MM = 9.0, 7.0, 5.0, 5.0
CHAIN_MM = 4.0
"""Between two chains of bipolar traces."""
NARROWEST_MM = 75.0
"""Room for the title and the scale."""

TALLEST_MM = 2000.0
"""Beyond this a page would not open in most viewers; a longer stretch needs several pages."""


def plot_page(
    recording: Recording,
    start_s: float = 0.0,
    stop_s: float | None = None,
    *,
    channels: Sequence[str] | None = None,
    beats: bool = True,
    marks: Annotations | None = None,
    highlight: tuple[float, float] | None = None,
    paper: Paper | None = None,
) -> Sheet:
    """Draw ``start_s`` to ``stop_s`` of a recording, true to scale.

    Channels in mV stand on ECG paper (25 mm/s and 10 mm/mV unless ``paper`` says otherwise) with a 1 mV
    calibration pulse, each trace moved so that its median lies on its baseline. Channels in other units, and those in
    mV beside channels in uV (the ECG of an EEG), share one gain per unit, chosen to fit and shown as a bar. Electrodes
    on the left of the head are blue, on the right red. A recording of exactly the twelve standard leads fills the usual
    3 x 4 page with lead II below; naming ``channels`` stacks them instead. A trace that leaves its lane is cut there
    and a small triangle says so; what was not recorded is hatched.

    Parameters
    ----------
    recording : what to draw.
    start_s, stop_s : the stretch in seconds from the start of the recording; without ``stop_s`` one row.
    channels : channel names to draw, top to bottom; None = all.
    beats : write the recording's own beat symbols, rhythms and notes above the traces.
    marks : further marks from elsewhere (detected beats, predictions), written below the recording's own.
        Framed where they disagree: no beat of the recording within 150 ms, or one of another AAMI class
        (the class counts only where ``marks`` has more than one label).
    highlight : a span in seconds to shade.
    paper : speed, gain and length of a row.

    Returns
    -------
    A matplotlib figure sized so that one second and one millivolt have their length on paper.

    Raises
    ------
    ValueError : the stretch lies outside the recording or does not fit a page.
    RecordError : the recording holds no samples, or lacks a channel.
    """
    paper = paper or Paper()
    stretch = _Stretch.read(recording, start_s, stop_s, channels, paper)
    own = recording.annotations if beats else Annotations()
    head_mm = marks_height(own, marks)
    blocks = [_Block(stretch, span, paper) for span in stretch.rows(paper, whole_page=channels is None)]
    height = sum(head_mm + block.height_mm + AXIS_MM for block in blocks)
    if height > TALLEST_MM:
        raise ValueError(
            f"{stretch.stop_s - stretch.start_s:g} s of {len(stretch.names)} channels need a page {height:.0f} mm "
            f"high, at most {TALLEST_MM:.0f} mm are drawn; ask for a shorter stretch, fewer channels or a longer row_s"
        )
    left = 15.0 if stretch.is_ecg and set(stretch.units) == {"mV"} else 25.0
    longest_s = max(end_s - begin_s for begin_s, end_s in (block.span for block in blocks))
    width = left + max(NARROWEST_MM, 5 * np.ceil(longest_s * paper.mm_per_s / 5 - 1e-6)) + RIGHT_MM
    sheet = Sheet(width, TITLE_MM + height + FOOTER_MM)
    axes = sheet.millimetres()
    draw_grid(axes, 0, FOOTER_MM, width, height, ecg=stretch.is_ecg, mm_per_s=paper.mm_per_s)
    write_title(axes, recording.name, stretch.scale(paper), width, FOOTER_MM + height)
    top = FOOTER_MM + height
    for block in blocks:
        block.draw(axes, left, top - head_mm, highlight, head_mm)
        draw_marks(axes, own, marks, span=block.span, left=left, top=top, mm_per_s=paper.mm_per_s)
        top -= head_mm + block.height_mm + AXIS_MM
    write_legend(axes, own, marks, (stretch.start_s, stretch.stop_s), width)
    return sheet


@dataclass(frozen=True)
class _Stretch:
    """The samples of a page: data (n_channels, n) from ``start_s`` on, how many mm a unit takes per channel, and
    whether it is drawn on ECG paper: some channel is in mV and none in uV."""

    data: NDArray[np.float32]
    start_s: float
    stop_s: float
    fs: float
    names: tuple[str, ...]
    units: tuple[str, ...]
    steps: tuple[float, ...]
    mm_per_unit: tuple[float, ...]
    lane_mm: float
    is_ecg: bool

    @classmethod
    def read(
        cls, recording: Recording, start_s: float, stop_s: float | None, channels: Sequence[str] | None, paper: Paper
    ) -> _Stretch:
        if not recording.n_times:
            raise RecordError(f"{recording.name}: holds no samples, there is nothing to draw; check its header")
        stop_s = min(recording.duration_s, start_s + paper.row_s if stop_s is None else stop_s)
        if not 0 <= start_s < stop_s:
            raise ValueError(
                f"{recording.name}: a page needs 0 <= start_s < stop_s <= {recording.duration_s:g} s, "
                f"got {start_s:g} to {stop_s:g}"
            )
        if channels is not None:
            recording = recording.pick(channels)
        layout = recording.layout
        first, last = round(start_s * recording.fs), round(stop_s * recording.fs)
        data = recording.samples.read(first, max(last, first + 1))
        is_ecg = "mV" in layout.units and "uV" not in layout.units
        lane_mm = float(np.clip(240 / max(layout.n_channels, 1), 6, 20))
        gains = {
            unit: _gain(unit, data[[u == unit for u in layout.units]], lane_mm, paper, is_ecg=is_ecg)
            for unit in set(layout.units)
        }
        return cls(
            data=data,
            start_s=first / recording.fs,
            stop_s=stop_s,
            fs=recording.fs,
            names=layout.channels,
            units=layout.units,
            steps=tuple(recording.fs / fs for fs in recording.channel_fs) or (1.0,) * layout.n_channels,
            mm_per_unit=tuple(gains[unit] for unit in layout.units),
            lane_mm=lane_mm,
            is_ecg=is_ecg,
        )

    def to_scale(self, channel: int) -> bool:
        """Whether a channel is drawn true to scale on ECG paper, in a lane as high as it needs."""
        return self.is_ecg and self.units[channel] == "mV"

    def scale(self, paper: Paper) -> str:
        """What a reader needs to know to measure."""
        parts = [f"{paper.mm_per_s:g} mm/s"]
        if self.is_ecg:
            parts.append(f"{paper.mm_per_mv:g} mm/mV")
        if "uV" in self.units:
            parts.append(f"{1 / self.mm_per_unit[self.units.index('uV')]:.3g} µV/mm")
        return "   ".join([*parts, *([paper.note] if paper.note else [])])

    def begins_chain(self, channel: int) -> bool:
        """Whether a bipolar trace does not go on where the one above it ended: there the lanes stand apart."""
        return channel > 0 and not same_chain(self.names[channel - 1], self.names[channel])

    def rows(self, paper: Paper, *, whole_page: bool) -> Iterator[_Span]:
        """The spans of time of the page's rows, each with the channels of its lanes."""
        standard = self._standard_lanes() if whole_page else None
        if standard and 0.75 * paper.row_s < self.stop_s - self.start_s <= paper.row_s + 1e-9:
            yield _Span(self.start_s, self.stop_s, standard)
            return
        stacked = tuple((channel,) for channel in range(len(self.names)))
        n_rows = int(np.ceil((self.stop_s - self.start_s) / paper.row_s - 1e-9))
        for row in range(max(n_rows, 1)):
            begin = self.start_s + row * paper.row_s
            yield _Span(begin, min(begin + paper.row_s, self.stop_s), stacked)

    def _standard_lanes(self) -> tuple[tuple[int, ...], ...] | None:
        places = {name.casefold(): channel for channel, name in enumerate(self.names)}
        if sorted(places) != sorted(name for column in STANDARD_COLUMNS for name in column) or len(self.names) != 12:
            return None
        lanes = [tuple(places[column[row]] for column in STANDARD_COLUMNS) for row in range(3)]
        return (*lanes, (places["ii"],))

    def trace(self, channel: int, begin_s: float, end_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times in s and heights in mm above the median of the channel's own samples; NaN breaks the line at a gap."""
        first = max(0, round((begin_s - self.start_s) * self.fs))
        last = round((end_s - self.start_s) * self.fs) + 1
        values = self.data[channel, first:last].astype(np.float64)
        own = np.flatnonzero(np.isfinite(values))
        if not own.size:
            return np.zeros(0), np.zeros(0)
        heights = (values[own] - np.median(values[own])) * self.mm_per_unit[channel]
        breaks = np.flatnonzero(np.diff(own) > 1.5 * self.steps[channel]) + 1
        times = np.insert(self.start_s + (first + own) / self.fs, breaks, np.nan)
        return times, np.insert(heights, breaks, np.nan)

    def gaps(self, channel: int, begin_s: float, end_s: float) -> list[tuple[float, float]]:
        """Spans in s without samples of this channel."""
        times, _ = self.trace(channel, begin_s, end_s)
        period = self.steps[channel] / self.fs
        known = np.concatenate(([begin_s - period], times[np.isfinite(times)], [end_s]))
        return [
            (max(begin_s, float(before) + period), float(after))
            for before, after in pairwise(known)
            if after - before > 1.5 * period
        ]


def _gain(unit: str, data: NDArray[np.float32], lane_mm: float, paper: Paper, *, is_ecg: bool) -> float:
    """Millimetres per unit: of the paper where it says so, else so that a middling channel fills most of its lane.

    For uV one of the usual sensitivities, else from the series 1, 2, 5.
    """
    if unit == "mV" and is_ecg:
        return paper.mm_per_mv
    if unit == "uV" and paper.uv_per_mm is not None:
        return 1.0 / paper.uv_per_mm
    low, high = np.full((2, len(data)), np.nan)
    for row, values in enumerate(data):
        if np.isfinite(values).any():
            low[row], high[row] = np.nanpercentile(values, (1, 99))
    spread = (high - low)[np.isfinite(high - low) & (high > low)]
    if not spread.size:
        return 1.0
    wanted = 0.7 * lane_mm / float(np.median(spread))
    if unit == "uV" and SENSITIVITIES[-1] * wanted >= 1.0:
        return 1.0 / next(one for one in SENSITIVITIES if one * wanted >= 1.0)
    decade = 10.0 ** np.floor(np.log10(wanted))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= wanted * (1 + 1e-9)))


@dataclass(frozen=True)
class _Span:
    """One row of the page: its time in s, and per lane the channels that share it from left to right."""

    begin_s: float
    end_s: float
    lanes: tuple[tuple[int, ...], ...]


class _Block:
    """One row of the page with its lanes measured: how far each reaches above and below its baseline, in mm."""

    def __init__(self, stretch: _Stretch, span: _Span, paper: Paper) -> None:
        self.stretch, self.row, self.paper = stretch, span, paper
        self.reach = [self._measure(lane) for lane in span.lanes]
        self.height_mm = sum(up + down for up, down in self.reach)

    @property
    def span(self) -> tuple[float, float]:
        """The row's time in s."""
        return self.row.begin_s, self.row.end_s

    def _pieces(self, lane: tuple[int, ...]) -> Iterator[tuple[int, float, float]]:
        """Channel, begin and end in s of each piece of a lane: the row's time shared out evenly."""
        share = self.paper.row_s / len(lane)
        for place, channel in enumerate(lane):
            begin = self.row.begin_s + place * share
            yield channel, begin, min(begin + share, self.row.end_s)

    def _measure(self, lane: tuple[int, ...]) -> tuple[float, float]:
        if not self.stretch.to_scale(lane[0]):
            apart = CHAIN_MM if self.stretch.begins_chain(lane[0]) else 0.0
            return self.stretch.lane_mm / 2 + apart, self.stretch.lane_mm / 2
        up, down = self.paper.mm_per_mv + 4, 5.0
        for piece in self._pieces(lane):
            heights = self.stretch.trace(*piece)[1]
            if heights.size:
                up, down = max(up, float(np.nanmax(heights)) + 1), max(down, 1 - float(np.nanmin(heights)))
        return min(40.0, 5 * np.ceil(up / 5)), min(40.0, 5 * np.ceil(down / 5))

    def draw(self, axes: Axes, left: float, top: float, highlight: tuple[float, float] | None, head_mm: float) -> None:
        """Draw the lanes downwards from ``top`` mm, then the seconds below them."""
        bottom = top - self.height_mm
        if highlight is not None:
            begin, end = np.clip(highlight, *self.span)
            self._shade(axes, left + self._mm(begin), bottom, self._mm(end) - self._mm(begin), top + head_mm - bottom)
        baseline, scaled = top, set[str]()
        for lane, (up, down) in zip(self.row.lanes, self.reach, strict=True):
            baseline -= up
            unit = self.stretch.units[lane[0]]
            if self.stretch.to_scale(lane[0]):
                draw_pulse(axes, 4.0, baseline, self.paper.mm_per_mv)
            elif unit not in scaled:
                self._draw_bar(axes, lane[0], baseline)
            scaled.add(unit)
            for place, (channel, begin, end) in enumerate(self._pieces(lane)):
                if begin < end:
                    self._draw_piece(axes, channel, begin, end, left, baseline, (up, down), first=place == 0)
            baseline -= down
        self._write_seconds(axes, left, bottom)

    def _mm(self, time_s: float) -> float:
        return (time_s - self.row.begin_s) * self.paper.mm_per_s

    def _shade(self, axes: Axes, x: float, y: float, width: float, height: float) -> None:
        if width > 0:
            axes.add_patch(Rectangle((x, y), width, height, facecolor="#ffd84d", alpha=0.45, lw=0, zorder=1))
            edges = np.array([x, x + width])
            axes.vlines(edges, y, y + height, color=QUIET_INK, linewidth=0.5, linestyle="dotted", zorder=1)

    def _draw_piece(
        self,
        axes: Axes,
        channel: int,
        begin: float,
        end: float,
        left: float,
        baseline: float,
        reach: tuple[float, float],
        *,
        first: bool,
    ) -> None:
        up, down = reach
        to_scale, colour = self.stretch.to_scale(channel), side_ink(self.stretch.names[channel])
        times, heights = self.stretch.trace(channel, begin, end)
        x = left + (times - self.row.begin_s) * self.paper.mm_per_s
        slack = 0.0 if to_scale else down
        shown = np.clip(heights, -down - slack, up + slack)
        axes.plot(x, baseline + shown, color=colour, lw=0.75, marker="." if len(x) < 20 else None, ms=2, zorder=3)
        for side, marker in ((1, "^"), (-1, "v")):
            cut = np.flatnonzero(side * (heights - shown) > 0)
            starts = cut[np.diff(cut, prepend=-9) > 1]
            axes.plot(x[starts], baseline + shown[starts] - side, marker, color=QUIET_INK, markersize=3, zorder=4)
        for gap_begin, gap_end in self.stretch.gaps(channel, begin, end):
            self._draw_gap(axes, left + self._mm(gap_begin), left + self._mm(gap_end), baseline, reach)
        name = self.stretch.names[channel]
        halo = [withStroke(linewidth=2.5, foreground="white", alpha=0.8)]
        x_begin = left + self._mm(begin)
        if not to_scale:
            axes.text(left - 1.5, baseline, name, fontsize=7, ha="right", va="center", color=colour)
        elif first:
            axes.text(3.5, baseline + self.paper.mm_per_mv + 1, name, fontsize=9, weight="bold", va="bottom")
        else:
            axes.plot([x_begin, x_begin], [baseline - 3, baseline + 3], color=INK, linewidth=0.75, zorder=3)
            y = baseline + self.paper.mm_per_mv + 1
            axes.text(x_begin + 0.8, y, name, fontsize=9, weight="bold", va="bottom", path_effects=halo, zorder=5)

    def _draw_gap(self, axes: Axes, x0: float, x1: float, baseline: float, reach: tuple[float, float]) -> None:
        up, down = reach
        axes.add_patch(
            Rectangle(
                (x0, baseline - down),
                x1 - x0,
                up + down,
                facecolor="#e9e9e9",
                edgecolor="#b5b5b5",
                hatch="////",
                lw=0,
                zorder=2,
            )
        )
        if x1 - x0 > 24:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
            middle = baseline + (up - down) / 2
            axes.text(
                (x0 + x1) / 2, middle, "not recorded", fontsize=7, ha="center", va="center", color=QUIET_INK, bbox=box
            )

    def _draw_bar(self, axes: Axes, channel: int, baseline: float) -> None:
        gain, half = self.stretch.mm_per_unit[channel], self.stretch.lane_mm / 2
        size = max(
            step * 10.0**power for step in (1, 2, 5) for power in range(-6, 7) if step * 10.0**power * gain <= half
        )
        axes.plot(
            [3, 3], baseline + np.array([-0.5, 0.5]) * size * gain, color=INK, linewidth=1.6, solid_capstyle="butt"
        )
        unit = self.stretch.units[channel].replace("uV", "µV")
        axes.text(4, baseline, f"{size:g}\n{unit}", fontsize=6, va="center", color=INK)

    def _write_seconds(self, axes: Axes, left: float, bottom: float) -> None:
        begin, end = self.span
        step = next(step for step in (1, 2, 5, 10, 30, 60, 300, 1e9) if step * self.paper.mm_per_s >= 12)
        for second in np.arange(np.ceil(begin / step - 1e-6), np.floor(end / step + 1e-6) + 1) * step:
            x = left + self._mm(float(second))
            axes.plot([x, x], [bottom, bottom - 1.2], color=QUIET_INK, linewidth=0.6, zorder=2)
            axes.text(x, bottom - 1.6, clock(int(second)), fontsize=6.5, ha="center", va="top", color=QUIET_INK)
