"""Pairs made to order."""

from __future__ import annotations

from collections.abc import Iterable

from . import _native
from ._errors import InvalidInput
from ._model import _whole
from ._pairs import Pair


def addition(
    count: int = 5000,
    *,
    digits: int = 3,
    terms: int = 2,
    seed: int = 1,
    reverse: bool = False,
    unique: bool = False,
    draw: str = "uniform",
    align: str = "right",
    exclude: Iterable[str] = (),
) -> list[Pair]:
    """Sums such as ``("12+345 ", " 357", None)``, padded with blanks to one width.

    ``digits`` are the most of each of the ``terms`` numbers. ``reverse`` writes the padded question backwards;
    ``unique`` repeats no question, the order of the terms aside. ``draw`` is ``"uniform"`` (every number is equally
    likely) or ``"digit-length"`` (the number of digits first, as the Keras example does); ``align`` is ``"right"``
    (blanks first) or ``"left"``. Questions in ``exclude`` are left out. Raises ``InvalidInput``.
    """
    if draw not in ("uniform", "digit-length"):
        raise InvalidInput(f"draw is {draw!r}: give 'uniform' or 'digit-length'")
    if align not in ("right", "left"):
        raise InvalidInput(f"align is {align!r}: give 'right' or 'left'")
    return _native.generate_addition(
        _whole("terms", terms) or 0,
        _whole("digits", digits) or 0,
        _whole("count", count) or 0,
        _whole("seed", seed) or 0,
        reverse,
        unique,
        draw == "digit-length",
        align == "left",
        set(exclude),
    )
