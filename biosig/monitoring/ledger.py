"""When to commit, and what to do while the store cannot be written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from biosig.errors import StoreError
from biosig.monitoring.log import Action, Entry, Snapshot

if TYPE_CHECKING:
    from biosig.monitoring.store import Session

__all__ = ["Ledger"]

_MOST_TIME = 0.1
"""Share of the time that may be spent on committing, where that does not mean to keep more entries than may be kept."""
_MOST_HELD = 10_000
_MOST_HELD_OF_ONE = 1_000
"""Entries that may be kept: in all, and for each patient where that is more. Every entry takes its time to write,
whenever that is: to wait longer for a longer commit, of more entries, would be to wait longer and longer."""


class Ledger:
    """Entries on their way to a store.

    Parameters
    ----------
    session : where to.
    every_s : seconds between commits; 0 = whenever asked. More where a commit takes long.
    hold_s : how long a monitor goes on watching while its store cannot be written, its entries in memory; then the
        store's error ends it. 0 = at once, as fits a file that can be watched again.
    clock : seconds on the wall, from anywhere.
    """

    def __init__(
        self,
        session: Session,
        *,
        every_s: float = 1.0,
        hold_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session = session
        self._every_s, self._hold_s, self._clock = every_s, hold_s, clock
        self._entries: list[Entry] = []
        self._taken: list[tuple[Action, float]] = []
        self._due_s = clock() + every_s
        self._failing_since_s: float | None = None
        self._most = _MOST_HELD
        self.trouble = ""
        """Why the store cannot be written now; empty where it can."""

    @property
    def held(self) -> int:
        """Entries not written yet."""
        return len(self._entries)

    @property
    def due(self) -> bool:
        """Whether it is time to commit, or there is too much to keep; where it did not work, only time tells."""
        return (self.held >= self._most and not self.trouble) or self._clock() >= self._due_s

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep entries for the next commit."""
        self._entries += entries

    def took(self, action: Action, time_s: float) -> None:
        """Note that an action was obeyed at ``time_s`` of its patient."""
        self._taken.append((action, time_s))

    def asked(self) -> list[Action]:
        """Actions to obey; none while the store cannot be read, which the next commit tells of."""
        try:
            taken = {action.number for action, _ in self._taken}
            return [action for action in self.session.asked() if action.number not in taken]
        except StoreError:
            return []

    def commit(self, snapshots: Mapping[str, Snapshot], *, last: bool = False) -> bool:
        """Write what is kept and the state after it; whether that worked.

        ``StoreError`` where the store has not been writable for longer than ``hold_s``, or this is the last chance.
        """
        begun_s = self._clock()
        try:
            self.session.commit(self._entries, snapshots, taken=self._taken)
        except StoreError as error:
            now_s = self._clock()
            self.trouble = str(error)
            self._failing_since_s = begun_s if self._failing_since_s is None else self._failing_since_s
            if last or now_s - self._failing_since_s >= self._hold_s:
                raise StoreError(
                    f"{error}; {len(self._entries)} events since the last commit are not written: "
                    "--resume goes on from there"
                ) from None
            self._due_s = now_s + max(self._every_s, 1.0)
            return False
        self._entries, self._taken = [], []
        self._most = max(_MOST_HELD, _MOST_HELD_OF_ONE * len(snapshots))
        self.trouble, self._failing_since_s = "", None
        now_s = self._clock()
        self._due_s = now_s + max(self._every_s, (now_s - begun_s) * (1.0 / _MOST_TIME - 1.0) if self._every_s else 0.0)
        return True
