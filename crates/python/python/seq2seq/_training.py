"""Training."""

from __future__ import annotations

import difflib
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from . import _native
from ._errors import DataWarning, InvalidInput
from ._evaluation import Epoch, epoch
from ._answers import matrix
from ._model import Model, _whole
from ._pairs import PathLike, is_path, pairs as as_pairs, path as as_path, read_pairs
from ._progress import Silent, shown
from ._warnings import warn

_LOG = logging.getLogger("seq2seq")

_RECIPES = Path(__file__).parent / "recipes"


def recipes() -> list[str]:
    """Names of the recipes that come with the package, for ``train(..., recipe=name)``."""
    return sorted(file.stem for file in _RECIPES.glob("*.toml"))


def recipe_file(recipe: PathLike) -> str:
    """The file of a recipe that is given by its path or its name."""
    given = as_path(recipe)
    if given.endswith(".toml") or os.path.exists(given):
        return given
    names = recipes()
    if given in names:
        return str(_RECIPES / f"{given}.toml")
    begun = [name for name in names if name.startswith(given)]
    near = begun or difflib.get_close_matches(given, names, n=3, cutoff=0.4)
    meant = f": did you mean {' or '.join(map(repr, near))}?" if near else f"; there are {', '.join(names)}"
    raise InvalidInput(f"there is no recipe {given!r}{meant} Or give the path of a .toml file")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, os.PathLike):
        return json.dumps(os.fspath(value), ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    item = getattr(value, "item", None)  # a number of numpy
    if callable(item):
        return _value(item())
    raise TypeError(f"a setting cannot be {value!r}: give a string, a number, True or False, or a list of those")


def overrides(settings: Union[Mapping[str, Any], None], within: str = "") -> list[str]:
    """Settings as ``KEY=VALUE``: ``{"training.epochs": 5}`` or ``{"training": {"epochs": 5}}``."""
    if settings is None:
        return []
    if not isinstance(settings, Mapping):
        raise TypeError(f"settings are a mapping such as {{'training.epochs': 5}}, not {settings!r}")
    found = []
    for key, value in settings.items():
        if not isinstance(key, str):
            raise TypeError(f"a setting is named by a string such as 'training.epochs', not {key!r}")
        name = f"{within}{key}"
        if isinstance(value, Mapping):
            found += overrides(value, f"{name}.")
        else:
            found.append(f"{name}={_value(value)}")
    return found


class _Asked:
    """What the native part is asked for."""

    def __init__(self, **asked: object) -> None:
        self.__dict__.update(asked)


class _Watcher:
    """Hears of training."""

    def __init__(self, progress: Silent, on_epoch: Union[Callable[[Epoch], object], None]) -> None:
        self.progress = progress
        self.on_epoch = on_epoch

    def begin(self, about: str) -> None:
        found = json.loads(about)
        for warning in found["warnings"]:
            warn(warning, DataWarning)
        _LOG.info(
            "%s: %d training pairs of %d sources, %d validation pairs; %d epochs are done",
            found["origin"], found["pairs"], found["sources"], found["dev"], found["epochs_done"],
        )  # fmt: skip
        self.progress.begin(found)

    def baseline(self, exact_match: float, questions: int) -> None:
        wrong = 100 * (1 - exact_match)
        self.progress.note(
            f"a joint n-gram model has {wrong:.1f} % wrong answers to {questions} validation questions; the network "
            "must beat it"
        )

    def no_baseline(self, reason: str) -> None:
        self.progress.note(f"no n-gram model stands beside the network: {reason}")

    def compared(self, ngram: float, network: float, mixture: Union[float, None]) -> None:
        figures = f"n-gram model {ngram:.4f}, network {network:.4f}"
        if mixture is not None:
            figures += f", both mixed {mixture:.4f}"
        self.progress.note(f"exact match on the validation pairs: {figures}; the best is kept")

    def epoch_begins(self, number: int, batches: int, pairs: int) -> None:
        self.progress.epoch_begins(number, batches, pairs)

    def batch_done(self, batch: int, loss: float, accuracy: float) -> None:
        self.progress.batch_done(batch, loss, accuracy)

    def epoch_done(self, record: str) -> bool:
        one = epoch(json.loads(record))
        _LOG.info("%s", one)
        self.progress.epoch_done(one)
        return self.on_epoch is None or self.on_epoch(one) is not False


def _asked(
    pairs: object,
    dev: object,
    recipe: Union[PathLike, None],
    settings: Union[Mapping[str, Any], None],
    seed: Union[int, None],
    out: Union[PathLike, None],
    overwrite: bool,
    resume: bool,
    start: Union[PathLike, None],
    teacher: Union[PathLike, None],
    budget: Union[float, None],
    source_column: Union[int, None],
    target_column: Union[int, None],
    features_column: Union[int, None],
    header: bool,
) -> _Asked:
    file = dev_file = None
    train = held_out = None
    columns = (source_column, target_column, features_column)
    if is_path(pairs):
        file = as_path(pairs)
        if file.endswith(".toml"):
            if recipe is not None:
                raise InvalidInput(f"{file} and recipe are both recipes: leave one out")
            recipe, file = file, None
    elif pairs is not None:
        train = as_pairs(pairs)
        if header or any(column is not None for column in columns):
            raise InvalidInput("columns and header are about files, but the pairs are in memory")
    elif recipe is None and not resume:
        raise TypeError("pairs are None: give pairs, the path of a file of pairs, or a recipe that names its own")
    if is_path(dev):
        dev_file = as_path(dev)
    elif dev is not None:
        held_out = as_pairs(dev, "the validation pairs")
    # What is in memory and what is in files is not mixed: files are read here then.
    if train is not None and dev_file is not None:
        held_out, dev_file = read_pairs(dev_file), None
    if held_out is not None and file is not None:
        train = read_pairs(
            file,
            source_column=source_column or 1,
            target_column=target_column or 2,
            features_column=features_column,
            header=header,
        )
        file, header = None, False
        source_column = target_column = features_column = None
    if resume and out is None:
        raise InvalidInput("resume needs out, the folder of the run")
    return _Asked(
        file=file,
        pairs=train,
        dev_file=dev_file,
        dev=held_out,
        recipe=None if recipe is None else recipe_file(recipe),
        start=None if start is None else as_path(start),
        teacher=None if teacher is None else as_path(teacher),
        settings=overrides(settings),
        seed=_whole("seed", seed),
        budget=budget,
        source_column=_whole("source_column", source_column),
        target_column=_whole("target_column", target_column),
        features_column=_whole("features_column", features_column),
        header=header,
        out=None if out is None else as_path(out),
        overwrite=overwrite,
        resume=resume,
    )


def train(
    pairs: object = None,
    *,
    dev: object = None,
    recipe: Union[PathLike, None] = None,
    settings: Union[Mapping[str, Any], None] = None,
    seed: Union[int, None] = None,
    out: Union[PathLike, None] = None,
    overwrite: bool = False,
    resume: bool = False,
    start: Union[PathLike, None] = None,
    teacher: Union[PathLike, None] = None,
    budget: Union[float, None] = None,
    source_column: Union[int, None] = None,
    target_column: Union[int, None] = None,
    features_column: Union[int, None] = None,
    header: bool = False,
    progress: Union[bool, None] = None,
    on_epoch: Union[Callable[[Epoch], object], None] = None,
) -> Model:
    """Train a model on pairs.

    ``pairs`` is the path of a tab-separated file, of a recipe (``.toml``), or an iterable of ``(source, target)``,
    ``(source, target, features)`` or mappings with these keys: lists, generators, tables of pandas, data sets.
    Settings suit the pairs, unless a ``recipe`` gives them: a path, or a name of :func:`recipes`.

    ``dev``
        Validation pairs, as ``pairs``; without them, some training pairs are split off.
    ``settings``
        Single settings, which count over everything else, such as ``{"training.epochs": 5}``.
    ``seed``
        Start of every random choice. Same recipe, seed and kind of processor: same weights.
    ``out``
        Folder of the run: settings, figures, checkpoints, model. A run that it holds is refused, unless
        ``overwrite`` replaces it or ``resume`` continues it (pairs in memory are given again then).
    ``start``, ``teacher``
        A trained model, as a file, to go on from; one to learn from, too.
    ``budget``
        Seconds to train for, with a schedule that fits.
    ``source_column``, ``target_column``, ``features_column``, ``header``
        The layout of files; columns are counted from 1.
    ``progress``
        Whether to show progress; by default, where there is a terminal or a notebook.
    ``on_epoch``
        Called with the figures of each :class:`Epoch`. ``False`` ends training; what it raises does, too, and
        comes through.

    Ctrl-C raises ``KeyboardInterrupt`` within a second, after the batch; with ``out``, everything is saved, and
    ``resume=True`` goes on to the same bits. Returns the best model, whose ``history`` has the epochs.

    Raises ``InvalidInput`` for pairs and settings that cannot work, ``FileError``, and ``Diverged`` if the loss
    becomes NaN or infinite. Warns with ``DataWarning``.
    """
    asked = _asked(
        pairs, dev, recipe, settings, seed, out, overwrite, resume, start, teacher, budget,
        source_column, target_column, features_column, header,
    )  # fmt: skip
    display = shown(progress)
    try:
        native, history = _native.train(asked, _Watcher(display, on_epoch))
    finally:
        display.end()
    name = "model" if out is None else as_path(out)
    return Model._of(native, map(epoch, json.loads(history)), name)


@dataclass(frozen=True)
class Step:
    """Figures of one batch: its mean ``loss`` in nats a symbol, and ``accuracy``. ``closed`` has the figures of the
    epoch after its last batch."""

    epoch: int
    batch: int
    pairs: int
    loss: float
    accuracy: float
    closed: Union[Epoch, None] = None


class Trainer:
    """Training step by step: arguments are those of :func:`train`, but for ``progress`` and ``on_epoch``.

    >>> trainer = seq2seq.Trainer(pairs)
    >>> trainer.step().loss  # one batch
    >>> trainer.epoch().accuracy  # what is left of the epoch
    >>> trainer.weights()["decoder.kernel"]  # arrays of the moment
    >>> model = trainer.finish()  # the best model

    Steps, epochs and ``train`` with the same arguments go through the same weights.
    """

    __slots__ = ("_inner", "_name")

    def __init__(
        self,
        pairs: object = None,
        *,
        dev: object = None,
        recipe: Union[PathLike, None] = None,
        settings: Union[Mapping[str, Any], None] = None,
        seed: Union[int, None] = None,
        out: Union[PathLike, None] = None,
        overwrite: bool = False,
        resume: bool = False,
        start: Union[PathLike, None] = None,
        teacher: Union[PathLike, None] = None,
        budget: Union[float, None] = None,
        source_column: Union[int, None] = None,
        target_column: Union[int, None] = None,
        features_column: Union[int, None] = None,
        header: bool = False,
    ) -> None:
        asked = _asked(
            pairs, dev, recipe, settings, seed, out, overwrite, resume, start, teacher, budget,
            source_column, target_column, features_column, header,
        )  # fmt: skip
        self._inner = _native.Trainer(asked)
        self._name = "model" if out is None else as_path(out)
        for warning in json.loads(self._inner.begin())["warnings"]:
            warn(warning, DataWarning)

    def step(self) -> Step:
        """Train on the next batch. The last one of an epoch closes it: it is validated, and joins ``history``."""
        number, batch, pairs, loss, accuracy, closed = self._inner.step()
        return Step(number, batch, pairs, loss, accuracy, epoch(json.loads(closed)) if closed else None)

    def epoch(self, progress: Union[bool, None] = None) -> Epoch:
        """Train for what is left of the epoch. Ctrl-C raises ``KeyboardInterrupt``, and the next call goes on."""
        display = shown(progress)
        try:
            record = self._inner.epoch(_Watcher(display, None))
        finally:
            display.end()
        if record is None:
            raise KeyboardInterrupt
        return epoch(json.loads(record))

    def weights(self) -> dict[str, Any]:
        """The weights of the moment by name, as :meth:`Model.weights` gives them."""
        return {name: matrix(shape, data) for name, shape, data in self._inner.weights()}

    def model(self) -> Model:
        """The model of the moment."""
        return Model._of(self._inner.model(), self.history, self._name)

    def finish(self) -> Model:
        """End training, with a checkpoint where there is a folder. Returns the best model, or the last one where
        there was no validation."""
        native, history = self._inner.end()
        return Model._of(native, map(epoch, json.loads(history)), self._name)

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs so far."""
        return tuple(map(epoch, json.loads(self._inner.history())))

    @property
    def position(self) -> tuple[int, int, int]:
        """Epochs done, batches done in the next one, weight updates so far."""
        return self._inner.position()

    def __repr__(self) -> str:
        epochs, batches, steps = self.position
        return f"<seq2seq.Trainer: {epochs} epochs and {batches} batches done, {steps} weight updates>"
