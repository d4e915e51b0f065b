"""Pairs and sources from whatever Python has: tuples, mappings, tables."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

from . import _native
from ._errors import DataWarning, InvalidInput
from ._warnings import warn

Pair = tuple[str, str, Union[str, None]]
"""Source, target and features, which are ``None`` where there are none."""

Pairs = Iterable[Union[Sequence[str], Mapping[str, str]]]
"""Pairs: (source, target) or (source, target, features), or mappings with those keys."""

PathLike = Union[str, "os.PathLike[str]"]
"""A path."""


def kind(value: object) -> str:
    """A value's type as a message names it."""
    if isinstance(value, (bytes, bytearray)):
        return f"{type(value).__name__}; decode it, such as value.decode('utf-8')"
    return "None" if value is None else f"of type {type(value).__name__}"


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{what} is not a string, but {kind(value)}")


def _features(value: object, what: str) -> str | None:
    return None if value is None else _text(value, what)


def pair(item: object, index: int) -> Pair:
    """One pair, or an error that names its place."""
    if isinstance(item, Mapping):
        missing = [key for key in ("source", "target") if key not in item]
        if missing:
            keys = ", ".join(map(repr, item)) or "none"
            raise InvalidInput(
                f"pair {index} has no {missing[0]!r}: a mapping needs 'source' and 'target' (and may have "
                f"'features'), but its keys are {keys}"
            )
        fields = (item["source"], item["target"], item.get("features"))
    elif isinstance(item, (str, bytes, bytearray)) or not isinstance(item, (tuple, list)):
        raise TypeError(
            f"pair {index} is not a pair, but {kind(item)}: give (source, target) or "
            "(source, target, features), or a mapping with these keys"
        )
    elif len(item) not in (2, 3):
        raise InvalidInput(
            f"pair {index} has {len(item)} elements: give (source, target) or (source, target, features)"
        )
    else:
        fields = (item[0], item[1], item[2] if len(item) == 3 else None)
    return (
        _text(fields[0], f"the source of pair {index}"),
        _text(fields[1], f"the target of pair {index}"),
        _features(fields[2], f"the features of pair {index}"),
    )


def _rows(items: object, what: str) -> Iterator[object]:
    rows = getattr(items, "itertuples", None)  # a pandas table, whose own iterator gives names of columns
    if callable(rows):
        return iter(rows(index=False, name=None))
    if isinstance(items, Mapping) or not isinstance(items, Iterable):
        raise TypeError(f"{what} are not an iterable of pairs, but {kind(items)}")
    return iter(items)


def pairs(items: object, what: str = "the pairs") -> list[Pair]:
    """All pairs of an iterable. What the iterable raises comes through."""
    found = [pair(item, index) for index, item in enumerate(_rows(items, what))]
    if not found:
        raise InvalidInput(f"{what} are empty: there is not a single pair")
    return found


def is_path(value: object) -> bool:
    """Whether a value names a file rather than holding pairs."""
    return isinstance(value, (str, os.PathLike))


def path(value: object) -> str:
    """A path as a string."""
    if isinstance(value, (bytes, bytearray)) or not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"a path is a string or os.PathLike, not {kind(value)}")
    given = os.fspath(value)
    if not isinstance(given, str):
        raise TypeError(f"a path is a string or os.PathLike, not {kind(given)}")
    return given


_as_path = path


def read_pairs(
    path: PathLike,
    *,
    source_column: int = 1,
    target_column: int = 2,
    features_column: int | None = None,
    header: bool = False,
) -> list[Pair]:
    """Read a file of tab-separated pairs, packed with gzip or zstd or not.

    Columns are counted from 1. Raises ``FileError`` if the file cannot be read, and ``InvalidInput`` with the
    number of the line that holds no pair.
    """
    found, notes = _native.read_pairs(
        _as_path(path), source_column, target_column, features_column, header
    )
    for note in notes:
        warn(note, DataWarning)
    return found


Source = Union[str, tuple[str, Union[str, None]], Mapping[str, str]]
"""A source: a text (a tab separates features), (source, features), or a mapping with these keys."""


def source(item: object, index: int) -> str | tuple[str, str | None]:
    """One source, or an error that names its place."""
    if isinstance(item, str):
        # Lines of a file have an end.
        return item[:-2] if item.endswith("\r\n") else item.removesuffix("\n")
    if isinstance(item, Mapping) and "source" in item:
        text, features = item["source"], item.get("features")
    elif isinstance(item, tuple) and len(item) == 2:
        text, features = item
    else:
        raise TypeError(
            f"input {index} is not a string, but {kind(item)}: give a text, or (source, features) for a model "
            "that was trained with features"
        )
    return (
        _text(text, f"input {index}"),
        _features(features, f"the features of input {index}"),
    )
