"""Published weights: fetched once, checked by SHA-256, kept in a folder; or a file that someone put there.

The folder is ``BIOSIG_CACHE``, else ``biosig`` in ``XDG_CACHE_HOME`` or ``~/.cache``.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from biosig.errors import WeightsError

__all__ = ["Download", "InPackage", "Say", "cache_folder", "needs_extra", "read_weights"]

Say = Callable[[str], None]
TIMEOUT_S = 60.0
"""A server that says nothing for as long is given up."""
PIECE = 1 << 20
"""Bytes read at a time."""


def needs_extra(package: str) -> WeightsError:
    """The error for a package that is not installed."""
    return WeightsError(f'images need the package {package}; install it with: pip install "biosig-ml[imaging]"')


def cache_folder() -> Path:
    """Where fetched weights are kept."""
    own = os.environ.get("BIOSIG_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "biosig"


@dataclass(frozen=True)
class Download:
    """Weights that their makers publish at an address.

    Parameters
    ----------
    url : where they are.
    sha256 : of the file, hexadecimal.
    """

    url: str
    sha256: str

    def path(self, say: Say) -> Path:
        """The file, fetched where it is not there yet; ``WeightsError`` saying how to supply it by hand."""
        file = cache_folder() / self.url.rpartition("/")[2]
        if file.is_file():
            self._check(file)
            return file
        partial = file.with_name(f"{file.name}.partial")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            say(f"fetching {self.url} to {file.parent}")
            self._fetch(partial)
        except (OSError, HTTPException) as error:
            raise WeightsError(
                f"{self.url}: cannot be fetched ({error}); run again to go on where it stopped, or put the file there "
                f"by hand: {file} (SHA-256 {self.sha256}), or name it: model.options.weights=FILE"
            ) from None
        self._check(partial)
        partial.replace(file)
        return file

    def _fetch(self, partial: Path) -> None:
        """Bytes that are still missing, appended to ``partial``."""
        have = partial.stat().st_size if partial.exists() else 0
        request = Request(self.url, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            answer = urlopen(request, timeout=TIMEOUT_S)
        except HTTPError as error:
            if error.code == 416:  # nothing is missing any more
                return
            raise
        with answer, partial.open("ab" if answer.status == 206 else "wb") as out:
            due = answer.headers.get("Content-Length")
            got = 0
            while piece := answer.read(PIECE):
                got += out.write(piece)
        if due is not None and got < int(due):
            raise OSError(f"the connection ended after {got} of {due} bytes")

    def _check(self, file: Path) -> None:
        """``WeightsError`` where the file is not the published one; a fetched one is removed."""
        found = _sha256(file)
        if found != self.sha256:
            if file.suffix == ".partial":
                file.unlink()
            raise WeightsError(
                f"{file}: SHA-256 is {found}, expected {self.sha256}: not the file published at {self.url}; "
                "delete it and run again"
            )


@dataclass(frozen=True)
class InPackage:
    """Weights that come inside an installed package.

    Parameters
    ----------
    package : its import name.
    file : path inside it.
    sha256 : of the file, hexadecimal.
    """

    package: str
    file: str
    sha256: str

    def path(self, say: Say) -> Path:
        """The file; ``WeightsError`` where the package is missing or another version."""
        found = find_spec(self.package)
        if found is None or found.origin is None:
            raise needs_extra(self.package)
        file = Path(found.origin).parent / self.file
        if not file.is_file() or _sha256(file) != self.sha256:
            raise WeightsError(f"{file}: expected the published file (SHA-256 {self.sha256}); install it again")
        return file


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` or a torch file, on the CPU; nothing in it is executed.

    ``WeightsError`` where it is missing, damaged, or holds anything else.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file of weights; weights are 'imagenet', 'none' or a file")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, OSError, SafetensorError) as error:
        raise WeightsError(
            f"{path}: not a file of weights ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path}: expected a table of tensors (a state_dict), found {type(state).__name__}")
    return state


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
