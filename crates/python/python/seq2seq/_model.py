"""A trained model."""

from __future__ import annotations

import difflib
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Union, overload

from . import _native
from ._answers import Answer, Array, Explanation, Score, Trace, answer, explanation, matrix, trace
from ._errors import AnswerWarning, DataWarning, InvalidInput
from ._evaluation import Comparison, Epoch, Evaluation, epoch
from ._lexicon import LexiconLike, Rejected, known, write
from ._pairs import Pair, PathLike, Source, is_path, kind, pairs, path as as_path, source
from ._warnings import warn

#: Answers with warnings that are told one by one in a call.
_TOLD = 5


class _Told:
    """Warnings of answers, of which the first few are told."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, place: int, one: Answer) -> None:
        for warning in one.warnings:
            self.count += 1
            if self.count <= _TOLD:
                warn(f"input {place}: {warning}", AnswerWarning)

    def rest(self) -> None:
        if self.count > _TOLD:
            warn(f"{self.count - _TOLD} more warnings: see the warnings of each answer", AnswerWarning)


def _whole(name: str, value: Union[int, None], least: int = 0) -> Union[int, None]:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is not a whole number, but {value!r}")
    number = value.__index__()
    if number < least:
        raise InvalidInput(f"{name} is {number}: give a whole number from {least} upwards")
    return number


class Model:
    """A trained model: network, settings and vocabularies.

    Models come from :func:`seq2seq.train`, :meth:`Model.load` or :func:`seq2seq.ensemble`. They never change, may
    be shared between threads, copied, and pickled.

    Options of a search, which all methods that answer take by name; what is left out is as the model's recipe
    says (``[decoding]``):

    ``beam``
        Hypotheses that beam search keeps; 1 is greedy decoding.
    ``n_best``
        Outputs wanted of each input.
    ``length_penalty``, ``coverage_penalty``
        Alpha and beta of Wu et al. 2016, equation 14; 0 for none.
    ``minimum_bayes_risk``
        Choose the output with the least expected edit distance to the others.
    ``sample``, ``temperature``, ``top_k``, ``top_p``, ``seed``
        Draw outputs from the softmax instead.
    ``max_length``, ``max_length_ratio``, ``max_length_extra``
        Longest output in symbols; output symbols for each source symbol, and on top of those.
    ``allow``, ``pattern``
        Only these outputs, or only those that match a regular expression as a whole.
    ``lexicon``
        Known words, which get their pronunciations from there: a file, pairs, a mapping, or what
        :meth:`Model.lexicon` made of them, which is faster for many calls.
    """

    __slots__ = ("_history", "_inner", "_name")

    _inner: _native.Model
    _history: tuple[Epoch, ...]
    _name: str

    def __init__(self) -> None:
        raise TypeError("a model comes from seq2seq.train or seq2seq.Model.load")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a model does not change: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a model does not change: {name!r} cannot be deleted")

    @classmethod
    def _of(cls, native: _native.Model, history: Iterable[Epoch] = (), name: str = "model") -> Model:
        model = object.__new__(cls)
        object.__setattr__(model, "_inner", native)
        object.__setattr__(model, "_history", tuple(history))
        object.__setattr__(model, "_name", name)
        return model

    @classmethod
    def load(cls, path: PathLike) -> Model:
        """Read a model file, or the model in the folder of a run.

        Raises ``FileError`` if there is none, and ``InvalidInput`` if it is damaged, of a later version, or no
        model.
        """
        given = as_path(path)
        native, history = _native.Model.load(given)
        return cls._of(native, map(epoch, json.loads(history)), given)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """Read the bytes of a model file."""
        return cls._of(_native.Model.from_bytes(data))

    def to_bytes(self) -> bytes:
        """The bytes of a model file. Equal models give equal bytes."""
        return self._inner.to_bytes()

    def save(self, path: PathLike) -> None:
        """Write a model file, which the ``seq2seq`` program reads, too. Raises ``FileError``."""
        self._inner.save(as_path(path))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (self.to_bytes(), self._history, self._name))

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: object) -> Model:
        return self

    @property
    def history(self) -> tuple[Epoch, ...]:
        """The epochs of its training, where the model comes from ``train`` or from the folder of a run."""
        return self._history

    @property
    def recipe(self) -> str:
        """The settings that it was trained with, as TOML."""
        return self._inner.recipe()

    @property
    def description(self) -> dict[str, Any]:
        """Architecture, number of weights, vocabularies (``source``, ``target``) and ``provenance``."""
        found: dict[str, Any] = json.loads(self._inner.description())
        return found

    def weights(self) -> dict[str, Array]:
        """The weights by name: read-only numpy arrays of 32-bit numbers, or memoryviews without numpy."""
        return {name: matrix(shape, data) for name, shape, data in self._inner.weights()}

    def __repr__(self) -> str:
        about = self.description
        trained = about["provenance"]
        return (
            f"<seq2seq.Model: {about['architecture']}, {about['weights']:,} weights, "
            f"{trained['epochs']} epochs on {trained['pairs']:,} pairs>"
        )

    def _repr_html_(self) -> str:
        about = self.description
        trained = about["provenance"]
        rows = [
            ("architecture", about["architecture"]),
            ("weights", f"{about['weights']:,}"),
            ("source", f"{about['source']['tokenization']}, {len(about['source']['symbols'])} symbols"),
            ("target", f"{about['target']['tokenization']}, {len(about['target']['symbols'])} symbols"),
            ("training", f"{trained['epochs']} epochs on {trained['pairs']:,} pairs"),
        ]
        return "<table>" + "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows) + "</table>"

    def _predictor(self, *, align: bool = False, **search: Any) -> _native.Predictor:
        for name in search:
            if name not in _OPTIONS:
                near = difflib.get_close_matches(name, _OPTIONS, n=1)
                meant = f": did you mean {near[0]!r}?" if near else f"; there are {', '.join(_OPTIONS)}"
                raise TypeError(f"a search has no option {name!r}{meant}")
        return self._searching(align=align, **search)

    def _searching(
        self,
        *,
        beam: Union[int, None] = None,
        n_best: int = 1,
        length_penalty: Union[float, None] = None,
        coverage_penalty: Union[float, None] = None,
        minimum_bayes_risk: bool = False,
        sample: bool = False,
        temperature: float = 1.0,
        top_k: Union[int, None] = None,
        top_p: float = 1.0,
        seed: int = 1,
        max_length: Union[int, None] = None,
        max_length_ratio: Union[float, None] = None,
        max_length_extra: Union[int, None] = None,
        allow: Union[Iterable[str], None] = None,
        pattern: Union[str, None] = None,
        lexicon: LexiconLike = None,
        align: bool = False,
    ) -> _native.Predictor:
        sampling = None
        if sample:
            if beam is not None:
                raise InvalidInput("sample draws outputs, and beam searches for them: leave one out")
            sampling = (float(temperature), _whole("top_k", top_k), float(top_p), _whole("seed", seed) or 0)
        elif temperature != 1.0 or top_k is not None or top_p != 1.0:
            raise InvalidInput("temperature, top_k and top_p need sample=True")
        if isinstance(allow, str):
            raise TypeError("allow is a string: give a list of the outputs that are allowed")
        if max_length_extra is not None and max_length_ratio is None:
            raise InvalidInput("max_length_extra needs max_length_ratio")
        predictor, left_out = self._inner.predictor(
            beam=_whole("beam", beam),
            n_best=_whole("n_best", n_best) or 0,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
            minimum_bayes_risk=minimum_bayes_risk,
            sampling=sampling,
            max_length=_whole("max_length", max_length, 1),
            max_length_ratio=max_length_ratio,
            max_length_extra=_whole("max_length_extra", max_length_extra),
            allow=None if allow is None else list(allow),
            pattern=pattern,
            align=align,
            lexicon=known(self._inner, lexicon),
        )
        if left_out:
            warn(
                f"{len(left_out)} allowed outputs have symbols that the model cannot write, such as "
                f"{left_out[0]!r}",
                AnswerWarning,
            )
        return predictor

    @overload
    def predict(self, source: str, *, align: bool = False, **search: Any) -> Answer: ...

    @overload
    def predict(self, source: Iterable[Source], *, align: bool = False, **search: Any) -> list[Answer]: ...

    def predict(
        self, source: Union[str, Iterable[Source]], *, align: bool = False, **search: Any
    ) -> Union[Answer, list[Answer]]:
        """Answer a source, or a list of answers for an iterable of sources.

        A source is a text, in which a tab separates features for a model that was trained with some, or
        ``(source, features)``. The answer to a source depends on that source alone. ``align=True`` gives the
        source symbols that each target symbol came from; the model needs attention. ``search`` are the options of
        a search (``help(seq2seq.Model)``), such as ``beam=5, n_best=3``.

        Raises ``InvalidInput`` for options that cannot work, and ``TypeError`` for what is no text, with its
        place. Warns with ``AnswerWarning`` of what a user of the answers should know.
        """
        if isinstance(source, str):
            return next(self.predict_iter([source], align=align, **search))
        if isinstance(source, (bytes, bytearray)) or not isinstance(source, Iterable):
            raise TypeError(f"the source is not a string or a list of strings, but {kind(source)}")
        return list(self.predict_iter(source, align=align, **search))

    def predict_iter(
        self, sources: Iterable[Source], *, align: bool = False, **search: Any
    ) -> Iterator[Answer]:
        """Answer sources one after the other as they come, in their order and in constant memory.

        A few batches are read ahead. Options are those of :meth:`predict`, and they are checked at once.
        """
        predictor = self._predictor(align=align, **search)
        return self._answers(predictor, iter(sources))

    def _answers(self, predictor: _native.Predictor, items: Iterator[Source]) -> Iterator[Answer]:
        most = predictor.inputs_at_once()
        told = _Told()
        first, size = 0, 1
        # Between the batches Python looks for Ctrl-C. The first are small, so that the first answers come soon.
        while batch := [source(item, first + i) for i, item in enumerate(islice(items, size))]:
            for raw, asked in zip(predictor.predict(batch, first), batch):
                one = answer(asked if isinstance(asked, str) else asked[0], raw)
                if one.warnings:
                    told.tell(first, one)
                first += 1
                yield one
            size = min(most, size * 8)
        told.rest()

    def explain(
        self, source: str, expected: Union[str, None] = None, *, top: int = 3, **search: Any
    ) -> Explanation:
        """Show step by step how the model comes to its answer: what the encoder reads, and the ``top`` most probable
        symbols of each step of the decoder.

        A model that was trained with the first symbol given takes it from ``expected``, the right answer.
        """
        for name, value in (("source", source), ("expected", expected)):
            if not (isinstance(value, str) or (name == "expected" and value is None)):
                raise TypeError(f"{name} is not a string, but {value!r}")
        predictor = self._predictor(**search)
        return explanation(source, _native.explain(predictor, source, expected, _whole("top", top, 1) or 1))

    def trace(self, source_: Source, forced: str = "") -> Trace:
        """Answer greedily and keep everything on the way: states, gates, softmax and attention as arrays.

        ``forced`` are the first symbols of the answer (teacher forcing, or somebody's choice); the model writes the
        others.
        """
        if not isinstance(forced, str):
            raise TypeError(f"forced is not a string, but {kind(forced)}")
        return trace(_native.trace(self._inner, source(source_, 0), forced))

    def lexicon(self, words: LexiconLike) -> _native.Lexicon:
        """Known words as this model spells them, for the option ``lexicon`` of a search.

        ``words`` is a file in any layout of pronunciation lexicons, pairs of word and pronunciation, or a mapping.
        """
        found = known(self._inner, words)
        if found is None:
            raise TypeError("the lexicon is None: give a file, pairs or a mapping")
        return found

    def write_lexicon(
        self,
        words: Iterable[str],
        out: PathLike,
        *,
        format: str = "cmu",
        n_best: Union[int, None] = None,
        mass: Union[float, None] = None,
        threshold: Union[float, None] = None,
        phones: Union[Iterable[str], None] = None,
        lexicon: LexiconLike = None,
        **search: Any,
    ) -> list[Rejected]:
        """Write words with their pronunciations as a lexicon that other programs read.

        ``format`` is ``cmu``, ``mfa``, ``mfa-probabilities``, ``kaldi``, ``kaldi-probabilities``, ``sherpa``,
        ``phonetisaurus``, ``openutau`` or ``json``. A word comes once, and its order is kept. Each has its most
        probable pronunciation, or ``n_best``, or as many of ten (or of ``n_best``) as have the share ``mass`` of
        their probability. Words whose confidence is below ``threshold``, and those with another phone than
        ``phones``, are not written; they are returned with the reason.
        """
        if n_best is None:
            n_best = 1 if mass is None else 10
        most = _whole("n_best", n_best, 1) or 1
        writer = _native.LexiconWriter(
            self._inner, format, most, mass, threshold, None if phones is None else "\n".join(phones)
        )
        predictor = self._predictor(n_best=most, **search)
        return write(words, as_path(out), writer, predictor, known(self._inner, lexicon))

    def _pairs(self, given: object) -> list[Pair]:
        if not is_path(given):
            return pairs(given)
        found, notes = self._inner.read_pairs(as_path(given))
        for note in notes:
            warn(note, DataWarning)
        return found

    def score(self, pairs: object) -> list[Score]:
        """How likely the model finds the targets of pairs, each symbol after the true ones before it.

        ``pairs`` is an iterable of pairs or the path of a file; the scores are in their order. The least likely
        pairs of a lexicon are often its mistakes.
        """
        return [
            Score(log_probability, per_symbol, weakest, place, tuple(unknown))
            for log_probability, per_symbol, weakest, place, unknown in self._inner.score(self._pairs(pairs))
        ]

    def evaluate(self, pairs: object, **search: Any) -> Evaluation:
        """All figures of the model on pairs: an iterable of pairs, or the path of a file laid out as in training.

        Pairs with the same source are one question with several right answers. ``search`` are the options of a
        search.
        """
        names = (self._name, "pairs", "")
        figures = _native.evaluate(self._predictor(**search), self._pairs(pairs), None, names, "[]")
        return Evaluation(json.loads(figures))

    def report(self, pairs: object, path: PathLike, **search: Any) -> Evaluation:
        """Write a page of HTML, which needs nothing else, about the answers to pairs: scores, history, errors,
        attention, calibration. Returns the figures."""
        name = str(pairs) if is_path(pairs) else "pairs"
        history = json.dumps([_record(one) for one in self._history])
        words = ", ".join(f"{key} {value}" for key, value in search.items()) or "as the recipe says"
        figures = _native.evaluate(
            self._predictor(**search), self._pairs(pairs), as_path(path), (self._name, name, words), history
        )
        return Evaluation(json.loads(figures))

    def compare(self, other: Model, pairs: object, **search: Any) -> Comparison:
        """Compare this model with another on the same pairs, with tests of significance."""
        if not isinstance(other, Model):
            raise TypeError(f"other is not a seq2seq.Model, but {other!r}")
        mine, others = self._predictor(**search), other._predictor(**search)
        return Comparison(json.loads(_native.compare(mine, others, self._pairs(pairs))))


_OPTIONS = [name for name in inspect.signature(Model._searching).parameters if name not in ("self", "align")]


def _record(one: Epoch) -> dict[str, Any]:
    from dataclasses import asdict

    record = asdict(one)
    if record["validation"] is None:
        del record["validation"]
    return record


def _restored(data: bytes, history: tuple[Epoch, ...], name: str) -> Model:
    return Model._of(_native.Model.from_bytes(data), history, name)


def ensemble(models: Iterable[Model], *, log_linear: Union[bool, None] = None, dev: object = None) -> Model:
    """Join models into one that answers with the mean of their distributions, or of their logarithms if
    ``log_linear``.

    They must be trained on the same data, and may be of different architectures, such as a network and a joint
    n-gram model. With ``dev``, validation pairs, each member has the weight that suits these, the better of the two
    means is taken if ``log_linear`` leaves that open, and a member that brings nothing is dropped with a
    ``DataWarning``; ``description["provenance"]`` has the evidence. Without, all weigh the same.
    """
    members = list(models)
    for index, model in enumerate(members):
        if not isinstance(model, Model):
            raise TypeError(f"model {index} is not a seq2seq.Model, but {model!r}")
    found = members[0]._pairs(dev) if dev is not None and members else []
    native, dropped = _native.ensemble([model._inner for model in members], log_linear, found)
    for place, mean, error in dropped:
        warn(
            f"model {place} was dropped: without it, the loss of a target is higher by {mean:.4f} with a standard "
            f"error of {error:.4f}, so it brings nothing",
            DataWarning,
        )
    return Model._of(native, (), "ensemble")
