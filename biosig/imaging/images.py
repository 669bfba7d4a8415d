"""Picture files as levels: whatever a file holds comes out as 8-bit grey or colour, or one error names the file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from biosig.errors import RecordError
from biosig.imaging.weights import needs_extra

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["CHANNELS", "LARGEST", "SUFFIXES", "Levels", "read_picture", "squared", "stretched"]

Levels = NDArray[np.uint8]
"""(n_channels, height, width), 0 black to 255 white; one channel is grey, three are red, green and blue."""

CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
"""Names of the channels of a picture."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm")
"""Files that are taken for pictures, whatever the case of the letters."""

LARGEST = 100_000_000
"""Pixels; the largest mammograms and panoramic X-rays have a third of that. More is taken for a decompression bomb."""

_WIDE = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
"""Pillow's modes of more than 8 bits."""


def read_picture(path: Path, n_channels: int) -> Levels:
    """The picture in a file as (n_channels, height, width), one channel for grey or three for colours.

    Grey of more than 8 bits is stretched from its own darkest to its brightest pixel; CMYK and palettes become
    colours, transparent pixels black, and a camera's rotation mark is obeyed. DICOM: see :mod:`biosig.imaging.dicom`.

    Raises
    ------
    RecordError
        Naming the file, where it is damaged, cut short, no picture, more than one, or too large.
    """
    if path.suffix.lower() == ".dcm":
        from biosig.imaging.dicom import read_dicom

        return recoloured(read_dicom(path), n_channels)
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise needs_extra("pillow") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own warnings of size and of odd metadata; both are judged here
            with Image.open(path) as image:
                _check_size(path, *image.size)
                if getattr(image, "n_frames", 1) != 1:
                    raise RecordError(f"{path}: expected one picture, found {image.n_frames}; save the one that counts")  # type: ignore[attr-defined]
                image.load()
                return recoloured(_levels(ImageOps.exif_transpose(image)), n_channels)
    except UnidentifiedImageError:
        raise RecordError(f"{path}: not a picture (expected PNG, JPEG, BMP, TIFF or DICOM)") from None
    except Image.DecompressionBombError:
        raise RecordError(f"{path}: more than {LARGEST:,} pixels; make it smaller first") from None
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        # What Pillow's decoders raise for damaged files of each format.
        raise RecordError(f"{path}: damaged or cut short ({type(error).__name__}: {error})") from None


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > LARGEST:
        raise RecordError(f"{path}: {width} x {height} pixels, expected at most {LARGEST:,}; make it smaller first")


def _levels(image: Image) -> Levels:
    """A decoded picture, (1, h, w) for grey or (3, h, w) for colours."""
    from PIL import Image as pillow

    if image.mode in _WIDE:
        return stretched(np.asarray(image, dtype=np.float64))[None]
    if image.mode in ("L", "1"):
        return np.asarray(image.convert("L"))[None]
    if image.mode in ("LA", "La"):
        image = image.convert("LA")
        black = pillow.new("LA", image.size, (0, 255))
        return np.asarray(pillow.alpha_composite(black.convert("RGBA"), image.convert("RGBA")).convert("L"))[None]
    if image.mode in ("P", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = pillow.alpha_composite(pillow.new("RGBA", image.size, (0, 0, 0, 255)), image.convert("RGBA"))
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))


def stretched(values: NDArray[np.float64]) -> Levels:
    """Values (h, w) as levels: the smallest becomes 0, the largest 255; all 0 where they are the same."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    return np.rint((finite - low) * (255.0 / (high - low) if high > low else 0.0)).astype(np.uint8)


def recoloured(levels: Levels, n_channels: int) -> Levels:
    """Grey as three equal colours, or colours as their luma (ITU-R BT.601), where that is what is wanted."""
    if len(levels) == n_channels:
        return levels
    if n_channels == 3:
        return np.repeat(levels, 3, axis=0)
    luma = np.tensordot(np.array([0.299, 0.587, 0.114]), levels.astype(np.float64), axes=1)
    return np.rint(luma).astype(np.uint8)[None]


def squared(levels: Levels, side: int, fit: Literal["crop", "pad", "stretch"]) -> Levels:
    """The picture as (n_channels, side, side), resized by cubic interpolation that averages when it shrinks."""
    height, width = levels.shape[1:]
    short, long = min(height, width), max(height, width)
    if fit == "crop":
        top, left = (height - short) // 2, (width - short) // 2
        levels = levels[:, top : top + short, left : left + short]
    elif fit == "pad" and short != long:
        above, before = (long - height) // 2, (long - width) // 2
        levels = np.pad(levels, ((0, 0), (above, long - height - above), (before, long - width - before)))
    if levels.shape[1:] == (side, side):
        return np.ascontiguousarray(levels)
    try:
        from PIL import Image
    except ImportError:
        raise needs_extra("pillow") from None
    resized = [Image.fromarray(row).resize((side, side), Image.Resampling.BICUBIC) for row in levels]
    return np.stack([np.asarray(one) for one in resized])
