"""The ward as the page is told of it: hears a monitor's rounds, and hands them to every page that is open."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from operator import itemgetter
from typing import Any

from biosig.errors import StoreError
from biosig.monitoring.log import Entry
from biosig.monitoring.monitor import Monitor, Round
from biosig.monitoring.orders import Orders
from biosig.monitoring.web.chart import Chart, Past
from biosig.monitoring.web.outbox import Outbox
from biosig.monitoring.web.wire import VERSION, number, pack

__all__ = ["Board"]

STATUS_S = 0.2
"""Seconds on the wall between two messages about a patient's state, alarms apart."""
WARD_S = 1.0
"""Seconds between two signs of life."""
LOG_LENGTH = 400
"""Entries of the alarm log that a page is told when it opens; all of it is in the store."""


class Board:
    """Listener of a monitor, and what every open page hears.

    Parameters
    ----------
    orders : of the monitor, whose loop shows in them that it lives.
    clock : seconds on the wall, from anywhere.

    Notes
    -----
    The monitor's thread calls the board after each round; the server's thread lets pages join and leave, and calls
    :meth:`beat`. Nothing here waits for a page.
    """

    def __init__(self, orders: Orders, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._orders, self._clock = orders, clock
        self._lock = threading.Lock()
        self._charts: dict[str, Chart] = {}
        self._pages: list[Outbox] = []
        self._log: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self._past: defaultdict[str, list[Entry]] = defaultdict(list)
        self._reading: list[threading.Thread] = []
        self._trouble = ""
        self._refused: tuple[str, ...] = ()
        self._ended = ""
        self._status_due_s = self._ward_due_s = -math.inf

    def __call__(self, monitor: Monitor, step: Round) -> None:
        """Take in a round of the monitor, and tell of it."""
        by_patient: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in step.entries:
            by_patient[entry.patient].append(entry)
        with self._lock:
            self._trouble = monitor.trouble
            self._refused = tuple(monitor.refused.values())
            self._welcome(monitor, {patient: entries[0].number for patient, entries in by_patient.items()})
            loud: set[str] = set()
            for patient, entries in by_patient.items():
                if self._note(self._charts[patient], entries):
                    loud.add(patient)
            changed = by_patient.keys() | step.ticks.keys()
            for patient in changed:
                message = self._charts[patient].draw(step.ticks.get(patient))
                if message is not None:
                    self._frame(patient, message)
            due = self._clock() >= self._status_due_s
            for patient in self._charts if due or not changed else changed:
                self._charts[patient].look()
            self._tell_states(self._charts if due else loud)

    def _welcome(self, monitor: Monitor, first: Mapping[str, int]) -> None:
        """Take in new patients; of one who was watched by a run that is resumed, with what was told of them then.

        ``first`` are the numbers of the first entries of this round.
        """
        new = {patient: Chart(bed) for patient, bed in monitor.beds.items() if patient not in self._charts}
        if not new:
            return
        if monitor.session is not None:
            if not self._charts:
                for entry in monitor.session.last_told(LOG_LENGTH):
                    self._past[entry.patient].append(entry)
            for patient, chart in new.items():
                if before := first.get(patient, monitor.beds[patient].told):
                    chart.go_on(Past(monitor.session, before))
        self._charts |= new
        past = [row for patient, chart in new.items() for row in chart.note(self._past.pop(patient, []))]
        self._log.extend(sorted(past, key=itemgetter("time_s")))
        if past:  # a page takes the whole log as what has been, and cries out what comes after it
            self._urgent(self._hello())
            return
        for chart in new.values():
            self._urgent(pack({"kind": "bed"} | chart.card()))

    def _note(self, chart: Chart, entries: list[Entry]) -> bool:
        """Tell of a patient's entries; whether the alarm log has new ones."""
        told = chart.note(entries)
        for row in told:
            self._log.append(row)
            self._urgent(pack(row))
        return bool(told)

    def _urgent(self, message: bytes) -> None:
        for page in self._pages:
            page.put_urgent(message)

    def _frame(self, patient: str, message: bytes) -> None:
        for page in self._pages:
            if patient in page.shown:
                page.put_frame(patient, message)

    def _tell_states(self, patients: Collection[str]) -> None:
        """Tell how patients are, where that has changed."""
        if not patients:
            return
        if len(patients) == len(self._charts):
            self._status_due_s = self._clock() + STATUS_S
        for patient in patients:
            chart = self._charts[patient]
            if chart.fresh and self._pages:
                message = chart.status(chart.trend.news())
                for page in self._pages:
                    page.put_newest(patient, message)
                chart.fresh = False

    def beat(self) -> None:
        """Called a few times a second: tell what is left to tell, and once a second that all are alive."""
        with self._lock:
            now_s = self._clock()
            if now_s >= self._status_due_s:
                self._tell_states(self._charts)
            if now_s >= self._ward_due_s:
                self._ward_due_s = now_s + WARD_S
                message = self._ward()
                for page in self._pages:
                    page.put_newest("", message)

    def _ward(self) -> bytes:
        idle_s = self._orders.idle_s
        return pack(
            {
                "kind": "ward",
                "idle_s": number(idle_s, 1),
                "trouble": self._trouble,
                "refused": self._refused,
                "pages": len(self._pages),
            }
        )

    def join(self, page: Outbox) -> None:
        """A page has opened: tell it everything."""
        with self._lock:
            page.put_urgent(self._hello())
            for patient, chart in self._charts.items():
                page.put_newest(patient, chart.status(chart.trend.news()))
            page.put_newest("", self._ward())
            if self._ended:
                page.put_urgent(self._bye())
            self._pages.append(page)

    def _hello(self) -> bytes:
        return pack(
            {
                "kind": "hello",
                "version": VERSION,
                "beds": [chart.card() for chart in self._charts.values()],
                "log": list(self._log),
            }
        )

    @property
    def n_pages(self) -> int:
        """Pages that are open."""
        return len(self._pages)

    def leave(self, page: Outbox) -> None:
        """A page has gone."""
        with self._lock:
            if page in self._pages:
                self._pages.remove(page)

    def show(self, page: Outbox, patients: Collection[str], *, trends: bool = False) -> None:
        """From now on a page wants these patients' samples; those it did not have come with the last half minute."""
        with self._lock:
            known = frozenset(patients) & self._charts.keys()
            for patient in known:
                chart = self._charts[patient]
                if patient not in page.shown or trends:
                    page.put_frame(patient, chart.recent())
                if trends:
                    page.put_newest(f"trends of {patient}", chart.history())
                    self._recall(chart)
            page.shown = known

    def _recall(self, chart: Chart) -> None:
        """Read a chart's trends of before the resumption, a day of which takes a second; nobody waits for that."""
        past, chart.past = chart.past, None
        if past is not None:
            self._reading = [one for one in self._reading if one.is_alive()]
            self._reading.append(threading.Thread(target=self._read, args=(chart, past), name="biosig-trends"))
            self._reading[-1].start()

    def _read(self, chart: Chart, past: Past) -> None:
        """Put the past before a chart's trends, and tell the pages that show it. Not read, it is asked for again."""
        try:
            earlier = chart.recall(past)
        except StoreError:
            chart.past = past
            return
        with self._lock:
            chart.trend.put_before(earlier)
            message = chart.history()
            for page in self._pages:
                if chart.patient in page.shown:
                    page.put_newest(f"trends of {chart.patient}", message)

    def knows(self, patient: str, alarm: str) -> bool:
        """Whether a patient is watched, and an alarm (``""`` = all) is one of theirs."""
        with self._lock:
            chart = self._charts.get(patient)
            return chart is not None and alarm in ("", *chart.alarms)

    def end(self, reason: str) -> None:
        """The monitor has ended: pages are told why nothing moves any more."""
        for reading in self._reading:
            reading.join()
        with self._lock:
            self._ended = reason
            self._tell_states(self._charts)
            self._urgent(self._bye())

    def _bye(self) -> bytes:
        return pack({"kind": "bye", "reason": self._ended})
