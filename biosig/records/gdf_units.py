"""The units of a GDF file, channel by channel: MNE-Python takes what it does not know for volt.

Source: Schlögl 2006, GDF - a general dataformat for biosignals, https://arxiv.org/abs/cs/0608052; codes of units in
ISO/IEEE 11073-10101.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biosig.records.guard import decimal, mismatch

__all__ = ["gdf_units"]

_VOLTS = {4256: "V", 4274: "mV", 4275: "uV", 4276: "nV"}
_NO_UNIT = {0: "uncalibrated", 512: "NU"}
_MNE_VOLT = {"uV": 1e-6, "mV": 1e-3}
_MAX_CHANNELS = 4096


def gdf_units(path: Path) -> list[tuple[str, float]]:
    """Unit of each channel as the file has it, and what MNE multiplies its numbers by.

    Raises
    ------
    RecordError : the file is no GDF file, or too short for its header.
    """
    try:
        with open(path, "rb") as file:
            fixed = file.read(256)
            count = int.from_bytes(fixed[252:254], "little")
            columns = file.read(104 * min(count, _MAX_CHANNELS))
    except OSError as error:
        raise mismatch(path, "a readable file", error.strerror or str(error)) from error
    if fixed[:4] != b"GDF " or len(fixed) < 256:
        raise mismatch(path, "a GDF file (a first field such as 'GDF 2.10')", repr(fixed[:8])[1:])
    version = decimal(fixed[4:8].decode("latin-1").strip(" \0"), 1, 3, what="version of GDF", where=f"{path}")
    if not 1 <= count <= _MAX_CHANNELS or len(columns) < 104 * count:
        raise mismatch(path, f"a header of 1 to {_MAX_CHANNELS} channels", f"{count} in {256 + len(columns)} bytes")
    texts = [columns[96 * count + 8 * k :][:8].strip(b" \0").decode("latin-1") for k in range(count)]
    if version < 1.9:  # MNE knows microvolt only
        return [(text or "uncalibrated", 1e-6 if text[:2] == "uV" else 1.0) for text in texts]
    texts = [columns[96 * count + 6 * k :][:6].strip(b" \0").decode("latin-1") for k in range(count)]
    codes = np.frombuffer(columns, dtype="<u2", count=count, offset=102 * count).tolist()
    units = [(_VOLTS | _NO_UNIT).get(code, text or "NU") for code, text in zip(codes, texts, strict=True)]
    return [(unit, _MNE_VOLT.get(_VOLTS.get(code, ""), 1.0)) for unit, code in zip(units, codes, strict=True)]
