"""A monitor in a terminal: a table that lives, plain lines where there is no terminal, JSON lines for programs."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from biosig.monitoring.alarms import ActiveAlarm
from biosig.monitoring.events import AlarmEvent
from biosig.monitoring.intake import Notice
from biosig.monitoring.log import Entry, row_of
from biosig.monitoring.monitor import Listener, Monitor, Round
from biosig.monitoring.readout import BedView, rhythm

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JsonLines", "LiveTable", "PlainLines", "alarm_figures", "alarm_summary", "as_line", "shown"]

_STYLES = {"high": "bold white on red", "medium": "black on yellow", "low": "black on cyan"}
"""Colours of priorities: red, yellow, cyan, as IEC 60601-1-8:2006+A2:2020, table 2, has for indicator lights."""
_WIDE = 120
"""Columns of a screen that has room for everything."""
_WINDOWS = 40
"""What windows say takes as many."""
_LONGEST_WORD = len("fibrillation")
"""Of what is said of rhythms."""
_LABELS = {"S": "cyan", "V": "red", "F": "magenta", "?": "dim"}


class JsonLines:
    """Every entry of the log as one JSON object per line, at once.

    ``number`` counts a patient's entries: after a kill and ``--resume``, entries since the last commit come again.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, monitor: Monitor, step: Round) -> None:
        for entry in step.entries:
            self._out.write(as_line(entry) + "\n")
        self._out.flush()


def as_line(entry: Entry) -> str:
    """An entry as one line of JSON, ``event`` saying what it is: ``score``, ``state``, ``alarm``, ``notice``."""
    name, row = row_of(entry)
    if "probs" in row:
        row["probs"] = json.loads(row["probs"])
    return json.dumps({"event": name.removesuffix("s"), **row})


class PlainLines:
    """Alarms as they come and, now and then, how far it is: for logs.

    Parameters
    ----------
    say : takes one line.
    every_s : seconds on the wall between two lines of progress.
    """

    def __init__(
        self, say: Callable[[str], None], *, every_s: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._every_s, self._clock = say, every_s, clock
        self._pace = _Pace(clock)
        self._due_s = clock() + every_s
        self._loud: set[tuple[str, str]] = set()
        self._silent: set[tuple[str, str]] = set()

    def _is_news(self, patient: str, event: AlarmEvent) -> bool:
        """Not what a higher alarm hides, nor the end of what was never told."""
        whose = patient, event.alarm
        if event.kind == "suppressed":
            self._silent |= {whose} - self._loud
            return False
        if event.kind in ("raised", "re-alarm", "latched"):
            self._loud.add(whose)
            self._silent.discard(whose)
        elif event.kind == "cleared":
            self._loud.discard(whose)
            if whose in self._silent:
                self._silent.discard(whose)
                return False
        return True

    def __call__(self, monitor: Monitor, step: Round) -> None:
        self._pace.see(step)
        for entry in step.entries:
            what = entry.what
            if isinstance(what, AlarmEvent) and self._is_news(entry.patient, what):
                detail = f": {what.detail}" if what.detail else ""
                self._say(f"{_clock(what.time_s)} {entry.patient} {what.priority} {what.alarm} {what.kind}{detail}")
            elif isinstance(what, Notice):
                self._say(f"{_clock(what.time_s)} {entry.patient} source {what.kind}: {what.detail}")
        if self._clock() >= self._due_s:
            self._due_s = self._clock() + self._every_s
            self._say(_progress(monitor, self._pace))


class LiveTable:
    """The ward as a table that is drawn anew four times a second at most."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pace = _Pace(clock)
        self._due_s = -math.inf
        self._live = Live(console=console, auto_refresh=False, transient=False, vertical_overflow="ellipsis")

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, monitor: Monitor, step: Round) -> None:
        self._pace.see(step)
        done = all(bed.finished for bed in monitor.beds.values())
        if self._clock() >= self._due_s or done:
            self._due_s = self._clock() + 0.25
            width = self._live.console.width
            table = ward_table(monitor.views, _progress(monitor, self._pace), width=width)
            self._live.update(table, refresh=True)


@contextmanager
def shown(console: Console, say: Callable[[str], None], *, as_json: bool) -> Iterator[list[Listener]]:
    """What shows a monitor here: JSON lines if asked for, the table in a terminal, else plain lines through ``say``."""
    if as_json:
        yield [JsonLines(sys.stdout)]
    elif console.is_terminal:
        with LiveTable(console) as table:
            yield [table]
    else:
        yield [PlainLines(say)]


def alarm_summary(alarms: pd.DataFrame) -> Table | Text:
    """Alarms raised by patient, from :func:`biosig.monitoring.exports.alarm_table`."""
    if not len(alarms):
        return Text("No alarm was raised")
    table = Table(title="Alarms raised")
    for name in ("patient", "alarm", "priority"):
        table.add_column(name, overflow="fold")
    for name in ("raised", "first", "last"):
        table.add_column(name, justify="right")
    for row in alarms.to_dict("records"):
        first, last = _clock(row["first_s"]), _clock(row["last_s"])
        table.add_row(*(str(row[name]) for name in ("patient", "alarm", "priority", "raised")), first, last)
    return table


def alarm_figures(figures: Mapping[str, Any]) -> list[Table]:
    """How good alarms were, from :func:`biosig.runs.evaluate_alarms`: per alarm, then per record where several."""
    records, gross = figures["records"], figures["gross"]
    table = _figure_table("alarm", "found", "sens", "delay, max", "false", "false/h", "burden")
    table.title = f"Alarms of {_counted(records)}, {gross['hours']:.2f} h"
    table.caption = _overall(gross)
    for kind, one in gross["kinds"].items():
        delay = one["delay_s"]
        shown = "n/a" if delay["median"] is None else f"{delay['median']:.1f}, {delay['max']:.1f} s"
        found, false = f"{one['found']}/{one['events']}", f"{one['false_alarms']}/{one['alarms']}"
        hourly = f"{one['false_alarms_per_hour']:.2f}"
        table.add_row(kind, found, _percent(one["sensitivity"]), shown, false, hourly, _percent(one["share_of_time"]))
    if len(records) == 1:
        return [table]
    each = _figure_table("record", "found", "false", "false/h", "burden", "2015 score")
    each.title = "Per record"
    for name, one in records.items():
        found, events, false, alarms = (
            sum(kind[key] for kind in one["kinds"].values()) for key in ("found", "events", "false_alarms", "alarms")
        )
        rates = (f"{one['false_alarms_per_hour']:.2f}", _percent(one["share_of_time"]))
        each.add_row(name, f"{found}/{events}", f"{false}/{alarms}", *rates, _score(one["challenge_2015"]["score"]))
    return [table, each]


def _figure_table(first: str, *columns: str) -> Table:
    """A table narrow enough for the longest alarm's name in 80 columns."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), title_justify="left")
    table.caption_justify = "left"
    table.add_column(first, overflow="fold")
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _counted(records: Mapping[str, Any]) -> str:
    return next(iter(records)) if len(records) == 1 else f"{len(records)} records"


def _overall(gross: Mapping[str, Any]) -> str:
    """What is said of all alarms together, with the counts that the 2015 score comes of."""
    challenge = gross["challenge_2015"]
    counts = ", ".join(f"{challenge[name]} {name.upper()}" for name in ("tp", "fp", "fn", "tn"))
    said = (
        f"{gross['false_alarms_per_hour']:.2f} false alarms per hour, {gross['false_alarms_per_patient_day']:.1f} per "
        f"patient-day; {gross['alarms_per_hour']:.1f} alarms per hour, {_percent(gross['share_of_time'])} of the time "
        f"in alarm; 2015 score {_score(challenge['score'])} ({counts}, {challenge['counted']})"
    )
    unscored = ", ".join(f"{name} {count}" for name, count in gross["not_scored"].items())
    return f"{said}; raised but not scored: {unscored}" if unscored else said


def _percent(value: float | None) -> str:
    return "n/a" if value is None else f"{100.0 * value:.0f} %"


def _score(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


class _Pace:
    """Seconds of signal per second on the wall."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun_s = clock()
        self._watched_s: dict[str, float] = {}
        self._first_s: dict[str, float] = {}

    def see(self, step: Round) -> None:
        for patient, tick in step.ticks.items():
            self._first_s.setdefault(patient, tick.start_s)
            self._watched_s[patient] = tick.start_s

    @property
    def factor(self) -> float:
        """Of the patient who is furthest."""
        passed_s = self._clock() - self._begun_s
        watched = [self._watched_s[patient] - first_s for patient, first_s in self._first_s.items()]
        return max(watched, default=0.0) / passed_s if passed_s > 0 else 0.0


def ward_table(views: list[BedView], caption: str, *, width: int = _WIDE) -> Table:
    """One row per patient; columns about beats, windows and anomalies where there are any.

    Where a screen of ``width`` columns has no room for all, alarms must have their share: the last beats are left
    out, and what is said takes several lines.
    """
    table = Table(caption=caption, expand=True, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    windows = any(view.windows for view in views)
    beats = not windows or any(view.beats for view in views)
    wide = width >= _WIDE + (_WINDOWS if windows and beats else 0)
    anomalies = any(math.isfinite(view.anomaly) for view in views)
    table.add_column("patient", overflow="fold", max_width=None if wide else width // 8)
    table.add_column("time", justify="right", no_wrap=True)
    if beats:
        table.add_column("/min", justify="right", no_wrap=True)
        table.add_column("rhythm", min_width=_LONGEST_WORD, max_width=None if wide else _LONGEST_WORD)
    if beats and wide:
        table.add_column("last beats", no_wrap=True)
    if windows:
        table.add_column("windows say", max_width=None if wide else width // 8)
    if anomalies:
        table.add_column("anomaly", justify="right", no_wrap=True)
    table.add_column("good", justify="right", no_wrap=True)
    table.add_column("alarms", ratio=None if windows and not wide else 1, overflow="fold")
    for view in views:
        row = [Text(view.patient, style="dim" if view.ended else ""), Text(_clock(view.time_s))]
        if beats:
            rate = f"{view.heart_rate:.0f}" if math.isfinite(view.heart_rate) else "--"
            row += [Text(rate, style="bold"), Text(rhythm(view))]
        if beats and wide:
            row.append(_beats(view))
        if windows:
            row.append(_windows(view))
        if anomalies:
            row.append(Text(f"{view.anomaly:.2f}" if math.isfinite(view.anomaly) else "--"))
        table.add_row(*row, Text(f"{100 * view.good:.0f} %", style="" if view.good >= 0.5 else "red"), _alarms(view))
    return table


def _windows(view: BedView) -> Text:
    """What each bundle that tells of windows says now, and for how long; ``?`` where it cannot or the signal is bad."""
    known = view.good >= 0.5
    said = [
        f"{bundle}: {label} for {max(0.0, view.time_s - since_s):.0f} s" if known and label != "?" else f"{bundle}: ?"
        for bundle, label, since_s in view.windows
    ]
    return Text(", ".join(said) or "--")


def _beats(view: BedView) -> Text:
    text = Text()
    for _, label in view.beats:
        text.append(label, style=_LABELS.get(label, "green"))
    return text


def _alarms(view: BedView) -> Text:
    text = Text()
    for alarm in view.alarms:
        if alarm.shown == "hidden":
            continue
        if text:
            text.append(" ")
        text.append(f" {_named(alarm)} ", style=_STYLES[alarm.priority] if not alarm.acknowledged else "dim")
    return text


def _named(alarm: ActiveAlarm) -> str:
    marks = {"latched": " (was)", "paused": " (paused)"}
    return alarm.alarm + marks.get(alarm.shown, "")


def _progress(monitor: Monitor, pace: _Pace) -> str:
    views = monitor.views
    furthest_s = max((view.time_s for view in views), default=0.0)
    alarms = sum(alarm.shown == "raised" for view in views for alarm in view.alarms)
    line = f"{_count(len(views), 'patient')}, {_clock(furthest_s)} of signal at {pace.factor:.1f}x real time, "
    line += f"{_count(alarms, 'alarm')} on"
    line += "".join(f"; NOT WATCHED: {reason}" for reason in monitor.refused.values())
    return line + (f"; NOT STORED: {monitor.trouble}" if monitor.trouble else "")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
