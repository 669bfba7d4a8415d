"""Single DICOM frames as levels, the way a viewer shows them (DICOM PS3.3, C.7.6.3, C.11.1 and C.11.2)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosig.errors import RecordError
from biosig.imaging.images import LARGEST, Levels, stretched
from biosig.imaging.weights import needs_extra

__all__ = ["read_dicom", "windowed"]


def read_dicom(path: Path) -> Levels:
    """The frame of a DICOM file: (1, h, w) for grey, (3, h, w) for colours.

    Stored values become real ones (rescale slope and intercept), the first VOI window (else VOI table, else the
    whole range) becomes 0 to 255, and MONOCHROME1 is turned round, so that bright is bright.

    Raises
    ------
    RecordError
        Naming the file, where it is damaged, has no picture or several frames, or is compressed in a way that needs a
        further package.
    """
    try:
        import pydicom
        from pydicom.errors import InvalidDicomError
        from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi
    except ImportError:
        raise needs_extra("pydicom") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values elsewhere in the file are not our business
            frame = pydicom.dcmread(path)
            _check(path, frame)
            pixels = frame.pixel_array
            kind = str(frame.get("PhotometricInterpretation", "MONOCHROME2"))
            if kind == "PALETTE COLOR":
                table = apply_color_lut(pixels, frame)
                return _colours(table, np.iinfo(table.dtype).bits)
            if not kind.startswith("MONOCHROME"):
                return _colours(pixels, int(frame.BitsStored))
            values = np.asarray(apply_modality_lut(pixels, frame), dtype=np.float64)
            window = _window(frame)
            if window is not None:
                shown = windowed(values, *window, str(frame.get("VOILUTFunction", "LINEAR")))
            elif "VOILUTSequence" in frame:
                shown = stretched(np.asarray(apply_voi(values.astype(np.int64), frame), dtype=np.float64))
            else:
                shown = stretched(values)
            return (255 - shown if kind == "MONOCHROME1" else shown)[None]
    except InvalidDicomError:
        raise RecordError(f"{path}: not a DICOM file") from None
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RuntimeError, NotImplementedError) as error:
        # What pydicom raises for damaged files and for compressions that nothing installed can undo.
        said = " ".join(str(error).split())
        raise RecordError(f"{path}: cannot be decoded ({type(error).__name__}: {said})") from None


def _check(path: Path, frame: Any) -> None:
    """One frame, of a size that a picture may have."""
    if "PixelData" not in frame:
        raise RecordError(f"{path}: holds no picture (no Pixel Data)")
    n_frames = int(frame.get("NumberOfFrames") or 1)
    if n_frames != 1:
        raise RecordError(f"{path}: expected one frame, found {n_frames}; save the one that counts")
    rows, columns = int(frame.Rows), int(frame.Columns)
    if not 0 < rows * columns <= LARGEST:
        raise RecordError(f"{path}: {columns} x {rows} pixels, expected 1 to {LARGEST:,}")


def _window(frame: Any) -> tuple[float, float] | None:
    """Centre and width of the first VOI window, None where there is none."""
    centre, width = frame.get("WindowCenter"), frame.get("WindowWidth")
    if centre is None or width is None:
        return None
    first = [one if isinstance(one, int | float) or not hasattr(one, "__len__") else one[0] for one in (centre, width)]
    return float(first[0]), float(first[1])


def windowed(values: NDArray[np.float64], centre: float, width: float, function: str = "LINEAR") -> Levels:
    """Values seen through a VOI window as levels 0 to 255.

    Parameters
    ----------
    values : real values (h, w).
    centre, width : of the window.
    function : ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID`` (PS3.3, C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1).

    Raises
    ------
    ValueError
        Where the width is too small or the function unknown.
    """
    least = 1.0 if function == "LINEAR" else 0.0
    if width < least or (width == 0 and function != "LINEAR"):
        raise ValueError(f"a VOI window must be at least {least:g} wide, and not 0, got {width:g}")
    if function == "SIGMOID":
        share = 1 / (1 + np.exp(-4 * (values - centre) / width))
    elif function == "LINEAR_EXACT":
        share = (values - centre) / width + 0.5
    elif function == "LINEAR":
        share = (values > centre - 0.5).astype(np.float64)
        if width > 1:
            share = (values - (centre - 0.5)) / (width - 1) + 0.5
    else:
        raise ValueError(f"VOI LUT function must be LINEAR, LINEAR_EXACT or SIGMOID, got {function!r}")
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def _colours(pixels: NDArray[Any], bits: int) -> Levels:
    """Pixels (h, w, 3) of so many bits as levels (3, h, w)."""
    levels = np.rint(pixels.astype(np.float64) * (255.0 / (2**bits - 1))).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(2, 0, 1))
