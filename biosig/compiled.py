"""Loops over samples and beats as machine code.

What goes beat by beat, each by what came before it, cannot be done for a whole array at once, and a call per beat of
many small array operations costs more than their arithmetic. Such loops are written out and compiled by numba.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from numba import njit
from numba.core.event import Event, Listener, install_listener

__all__ = ["compiled", "compiling_told"]

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """The same function, translated when it is first called, then kept on disk; other threads run beside it.

    Every product and sum is taken as written, in that order (no ``fastmath``): the bits do not depend on the machine's
    vector width. A division by 0 gives what IEEE 754 says.

    A loop may call compiled loops of its own module only: what is kept on disk is translated anew when its own file
    changes, not when another does.
    """
    try:
        return cast(Loop, njit(cache=True, nogil=True, error_model="numpy")(loop))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        return cast(Loop, njit(nogil=True, error_model="numpy")(loop))


@contextmanager
def compiling_told(say: Callable[[str], None]) -> Iterator[None]:
    """Say so when the first loop is compiled in here; those kept on disk are not compiled again."""
    with install_listener("numba:compile", _Teller(say)):
        yield


class _Teller(Listener):
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._told = say, False

    def on_start(self, event: Event) -> None:
        if not self._told:
            self._told = True
            self._say("getting ready: compiling, once after each installation")

    def on_end(self, event: Event) -> None:
        """Nothing to say."""
