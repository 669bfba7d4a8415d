"""Labelled pictures: a folder with a folder per class, or the arrays of a MedMNIST file."""

from __future__ import annotations

import csv
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from biosig.errors import DatasetError, RecordError
from biosig.imaging.images import SUFFIXES, Levels, read_picture, recoloured

__all__ = ["PARTS", "ArrayCollection", "Collection", "Entry", "FolderCollection", "open_collection"]

PARTS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
"""What the parts of a split are called in folders and files, and here."""

_MOST_BYTES = 32 << 30
"""Arrays that unpack to more are refused before anything is unpacked."""


@dataclass(frozen=True)
class Entry:
    """One picture.

    Parameters
    ----------
    name : of the picture in its collection.
    part : ``train``, ``validation`` or ``test``; ``""`` where the collection is not divided.
    label : its class: the name of its folder, or the number in a file of arrays.
    subject : whose it is. Where that is not said a picture is its own subject, named by its content: the same picture
        under two names is one subject.
    """

    name: str
    part: str
    label: str | int
    subject: str


class Collection(Protocol):
    """Labelled pictures."""

    @property
    def entries(self) -> Sequence[Entry]:
        """All pictures, in a fixed order."""

    def read(self, name: str, n_channels: int) -> Levels:
        """One picture, uint8 (n_channels, h, w)."""


def open_collection(path: Path) -> Collection:
    """The pictures in a folder or a ``.npz`` file; ``DatasetError`` where there are none."""
    if path.is_dir():
        return FolderCollection(path)
    if path.suffix == ".npz" and path.is_file():
        return ArrayCollection(path)
    raise DatasetError(f"{path}: expected a folder with a folder of pictures per class, or a MedMNIST file (.npz)")


def _content_name(content: bytes) -> str:
    return f"picture-{hashlib.sha256(content).hexdigest()[:16]}"


class FolderCollection:
    """``FOLDER/train/CLASS/*.png`` (and ``val``, ``test``), or ``FOLDER/CLASS/*.png`` without parts.

    ``FOLDER/labels.csv`` may say whose picture each is: columns ``file`` (as ``CLASS/x.png``) and ``subject``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subjects = _subjects(folder / "labels.csv")
        places = [one for one in sorted(folder.iterdir()) if one.is_dir() and not one.name.startswith(".")]
        parts = [one for one in places if one.name.lower() in PARTS]
        if parts and len(parts) != len(places):
            strange = next(one for one in places if one not in parts)
            raise DatasetError(f"{strange}: a class beside the parts {', '.join(one.name for one in parts)}")
        found: list[Entry] = []
        for part in parts or [folder]:
            for kind in sorted(one for one in part.iterdir() if one.is_dir() and not one.name.startswith(".")):
                found += self._class(kind, PARTS.get(part.name.lower(), "") if parts else "", subjects)
        if not found:
            raise DatasetError(f"{folder}: no pictures; expected {folder.name}/CLASS/*.png or train/CLASS/*.png in it")
        self.entries = tuple(found)

    def _class(self, folder: Path, part: str, subjects: Mapping[str, str] | None) -> list[Entry]:
        entries = []
        for file in sorted(folder.rglob("*")):
            if file.is_dir() or file.name.startswith(".") or file.name.lower() == "thumbs.db":
                continue
            if file.suffix.lower() not in SUFFIXES:
                raise DatasetError(f"{file}: not a picture file ({', '.join(SUFFIXES)}); move it elsewhere")
            name = file.relative_to(self.folder).as_posix()
            if subjects is None:
                subject = _content_name(file.read_bytes())
            elif name in subjects:
                subject = subjects[name]
            else:
                raise DatasetError(f"{self.folder / 'labels.csv'}: no subject for {name}")
            entries.append(Entry(name, part, folder.name, subject))
        return entries

    def read(self, name: str, n_channels: int) -> Levels:
        return read_picture(self.folder / name, n_channels)


def _subjects(table: Path) -> dict[str, str] | None:
    """Subject per file, None where the table or its column ``subject`` is not there."""
    if not table.is_file():
        return None
    try:
        with table.open(newline="", encoding="utf-8-sig") as text:
            rows = list(csv.DictReader(text))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table}: not a table of comma-separated values ({error})") from None
    if not rows or "subject" not in rows[0]:
        return None
    if "file" not in rows[0]:
        raise DatasetError(f"{table}: expected a column 'file' beside 'subject', found {', '.join(rows[0])}")
    if any(not row["file"] or not row["subject"] for row in rows):
        raise DatasetError(f"{table}: a row lacks its file or its subject")
    return {row["file"]: row["subject"] for row in rows}


class ArrayCollection:
    """A MedMNIST file: ``train_images`` (n, h, w) or (n, h, w, 3) uint8, ``train_labels`` (n, 1), same for val, test.

    Yang et al. 2023, doi:10.1038/s41597-022-01721-8.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._images: dict[str, NDArray[np.uint8]] = {}
        entries: list[Entry] = []
        for name, images, labels in _arrays(path):
            self._images[name] = images
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                entries.append(Entry(f"{name}/{number:05d}", PARTS[name], int(label), _content_name(image.tobytes())))
        self.entries = tuple(entries)

    def read(self, name: str, n_channels: int) -> Levels:
        part, _, number = name.partition("/")
        image = self._images[part][int(number)]
        return recoloured(
            image[None] if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1)), n_channels
        )


def _arrays(path: Path) -> list[tuple[str, NDArray[np.uint8], NDArray[np.int64]]]:
    """Name, images and labels of each part that the file has."""
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(one.file_size for one in packed.infolist())
        if size > _MOST_BYTES:
            raise RecordError(f"{path}: unpacks to {size / 1e9:.0f} GB, expected at most {_MOST_BYTES / 1e9:.0f}")
        with np.load(path, allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, KeyError) as error:
        raise RecordError(f"{path}: damaged or cut short ({type(error).__name__}: {error})") from None
    parts = []
    for name in ("train", "val", "test"):
        if f"{name}_images" not in held:
            continue
        images, labels = held[f"{name}_images"], held.get(f"{name}_labels")
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3):
            raise RecordError(
                f"{path}: {name}_images must be uint8 (n, h, w) or (n, h, w, 3), got {images.dtype} {images.shape}"
            )
        if labels is None or labels.dtype.kind not in "iu" or labels.size != len(images):
            raise RecordError(f"{path}: {name}_labels must be one whole number for each of {len(images)} pictures")
        if len(images):
            parts.append((name, images, labels.reshape(-1).astype(np.int64)))
    if not parts:
        raise RecordError(
            f"{path}: expected MedMNIST's train_images, val_images or test_images, found {', '.join(held)}"
        )
    return parts
