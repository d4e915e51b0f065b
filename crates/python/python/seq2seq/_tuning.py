"""The search for settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import _native
from ._errors import InvalidInput
from ._evaluation import Validation
from ._model import _whole
from ._pairs import PathLike, path as as_path
from ._training import _asked, _value


@dataclass(frozen=True)
class Trial:
    """One training of a search: what was set (``settings``, as ``KEY=VALUE``), the seconds that it had, and the figures
    of its validation, or why it failed."""

    round: int
    number: int
    seconds: float
    settings: tuple[str, ...]
    validation: Union[Validation, None] = None
    failure: Union[str, None] = None


def _trial(record: dict[str, Any]) -> Trial:
    validation = record.get("validation")
    return Trial(
        record["round"],
        record["number"],
        record["seconds"],
        tuple(record["settings"]),
        Validation(**validation) if validation else None,
        record.get("failure"),
    )


def _range(key: str, values: object) -> str:
    if isinstance(values, str):
        return values
    if isinstance(values, tuple) and len(values) == 2:
        return f"{_value(values[0])}..{_value(values[1])}"
    if isinstance(values, Sequence):
        return ", ".join(value if isinstance(value, str) else _value(value) for value in values)
    raise TypeError(f"the range of {key} is {values!r}: give a list of values, or a tuple of two ends")


def tune(
    pairs: object = None,
    *,
    vary: Mapping[str, object],
    budget: float,
    out: PathLike,
    trials: int = 9,
    halving: bool = True,
    dev: object = None,
    recipe: Union[PathLike, None] = None,
    settings: Union[Mapping[str, Any], None] = None,
    seed: Union[int, None] = None,
    on_trial: Union[Callable[[Trial], object], None] = None,
) -> list[Trial]:
    """Search for settings in ``budget`` seconds: many short trainings, of which the best third goes on three times as
    long, and so on (``halving``); otherwise all train equally long.

    ``vary`` has the settings and what they may be: ``{"model.encoder_units": [64, 128], "training.learning_rate":
    (0.0003, 0.003)}``, a list of values or a tuple of two ends. Other arguments are those of :func:`train`. ``out`` is the
    folder for trials and the best model; a search that was interrupted goes on there. ``on_trial`` is called with each
    :class:`Trial`, and ends the search with ``False``; Ctrl-C raises ``KeyboardInterrupt``.

    Returns the trials, the best first; ``Model.load(out)`` reads the best model.
    """
    if not isinstance(vary, Mapping):
        raise TypeError(f"vary is a mapping such as {{'model.encoder_units': [64, 128]}}, not {vary!r}")
    if not budget > 0:
        raise InvalidInput(f"budget is {budget!r}: give the seconds of all trainings together")
    asked = _asked(
        pairs, dev, recipe, settings, seed, None, False, False, None, None, None, None, None, None, False
    )
    ranges = [(key, _range(key, values)) for key, values in vary.items()]

    def told(record: str) -> bool:
        return on_trial is None or on_trial(_trial(json.loads(record))) is not False

    count = _whole("trials", trials, 1) or 1
    found = _native.tune(asked, ranges, count, float(budget), halving, as_path(out), told)
    return [_trial(record) for record in json.loads(found)]
