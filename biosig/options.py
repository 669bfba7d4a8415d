"""Named options become frozen dataclasses, and a wrong name says which one was meant.

Steps, cutters and models are frozen dataclasses with plain fields. A recipe names one and
gives its fields; this module builds it, so the rules for names and types are the same everywhere.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["build", "did_you_mean", "fields_of", "lookup"]

T = TypeVar("T")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'? (known: a, b)`` for an unknown word; the guess only where one is near."""
    names = list(known)
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    hint = f"; did you mean {by_lower[near[0]]!r}?" if near else ""
    return f"{hint} (known: {', '.join(names) or 'none'})"


def lookup(registry: Mapping[str, T], name: str, kind: str) -> T:
    """``registry[name]``; ``ValueError`` listing the names where there is none."""
    if name not in registry:
        raise ValueError(f"unknown {kind} {name!r}{did_you_mean(name, registry)}")
    return registry[name]


def build(cls: type[T], options: Mapping[str, Any], kind: str) -> T:
    """An instance of the dataclass ``cls`` from named options.

    Nothing is converted but whole numbers to float where a float is due, lists to tuples, and
    tables to the dataclasses they describe.

    Raises
    ------
    ValueError : an unknown option (naming the nearest one), a missing one, a value of the wrong
        type, or one that the class itself refuses.
    """
    known = _fields(cls)
    hints = get_type_hints(cls)
    for key in options:
        if key not in known:
            raise ValueError(f"{kind}: unknown key {key!r}{did_you_mean(key, known)}")
    required = [name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING]
    missing = [name for name in required if name not in options]
    if missing:
        raise ValueError(f"{kind}: {', '.join(missing)} must be given")
    values = {key: _typed(value, hints[key], f"{kind}: {key}") for key, value in options.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{kind}: {error}") from error


def fields_of(instance: Any) -> dict[str, Any]:
    """The options that :func:`build` turns into ``instance`` again: all of them, tuples as lists, ``None`` left out."""
    pairs = ((name, getattr(instance, name)) for name in _fields(type(instance)))
    return {name: _plain(value) for name, value in pairs if value is not None}


def _fields(cls: type[Any]) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(cls) if field.init}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return fields_of(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _typed(value: Any, hint: Any, where: str) -> Any:
    """``value`` as the type of the field, or ``ValueError``."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (hint,) = [kind for kind in inner if kind is not NoneType]
        return None if value is None else _typed(value, hint, where)
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"{where} must be one of {', '.join(map(str, inner))}, got {value!r}")
        return value
    if origin is tuple:
        return _tuple(value, inner, where)
    if is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"{where} must be a table of options, got {value!r}")
        return build(hint, value, where)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    raise ValueError(f"{where} must be of type {getattr(hint, '__name__', hint)}, got {value!r}")


def _tuple(value: Any, inner: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where} must be a list, got {value!r}")
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_typed(item, inner[0], f"{where}[{i}]") for i, item in enumerate(value))
    if len(value) != len(inner):
        raise ValueError(f"{where} must have {len(inner)} items, got {value!r}")
    return tuple(_typed(item, kind, f"{where}[{i}]") for i, (item, kind) in enumerate(zip(value, inner, strict=True)))
