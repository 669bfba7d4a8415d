"""Loops over samples and beats as machine code.

What goes beat by beat, each by what came before it, cannot be done for a whole array at once, and a call per beat of
many small array operations costs more than their arithmetic. Such loops are written out and compiled by numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

__all__ = ["compiled"]

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
