"""Where electrodes sit on a head: the standard positions of MNE-Python.

The template has the 10-20, 10-10 and 10-5 sites on the Colin27 head of the MNI (Oostenveld & Praamstra
2001, doi:10.1016/S1388-2457(00)00527-7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.records.channel_names import OTHER_NAME, plain_name

__all__ = ["electrode_positions", "standard_montage"]


def standard_montage() -> Any:
    """MNE's ``DigMontage`` of all sites of the extended 10-20 system."""
    import mne

    name = "colin27_1005"  # as MNE 1.13 calls what was "standard_1005"
    return mne.channels.make_standard_montage(name if name in mne.channels.get_builtin_montages() else "standard_1005")


def electrode_positions(channels: Sequence[str]) -> NDArray[np.float64]:
    """Position of each channel's electrode, float64 (n_channels, 3).

    Metres to the right, to the front and up from the origin of the template head; NaN for what is no single electrode
    of the system (a bipolar channel, ECG).
    """
    known = standard_montage().get_positions()["ch_pos"]
    nowhere = np.full(3, np.nan)
    sites = [plain_name(channel) for channel in channels]
    found = [known.get(site, known.get(OTHER_NAME.get(site, ""), nowhere)) for site in sites]
    return np.array(found, dtype=np.float64).reshape(len(sites), 3)
