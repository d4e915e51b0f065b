"""What a model answers."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    import numpy

Array = Any
"""A numpy array where numpy is there, else nested tuples or a ``memoryview`` of the same shape."""


def as_array(rows: tuple[tuple[float, ...], ...]) -> Array:
    """Rows of numbers as a numpy array, or as they are without numpy."""
    try:
        import numpy
    except ImportError:
        return rows
    return numpy.asarray(rows, dtype=numpy.float64)


def matrix(shape: Sequence[int], data: bytes) -> Array:
    """Numbers of 32 bits as a numpy array, or as a memoryview of the same shape without numpy."""
    try:
        import numpy
    except ImportError:
        return memoryview(data).cast("f", shape=list(shape))
    return numpy.frombuffer(data, dtype="<f4").reshape(shape)


@dataclass(frozen=True)
class Alignment:
    """Which source symbols the symbols of an output came from.

    ``source`` and ``target`` are symbols. ``spans`` has the first and last source symbol of each target symbol,
    counted from 0, or ``None`` for a first symbol that the model was given. ``weights`` is the attention
    ``[target, source]``; each row sums to one.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    spans: tuple[Union[tuple[int, int], None], ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def attention(self) -> Array:
        """The attention ``[target, source]`` as a numpy array, or ``weights`` without numpy."""
        return as_array(self.weights)

    def __str__(self) -> str:
        joint = "+" if any(len(symbol) > 1 for symbol in self.source) else ""
        return " ".join(
            f"{joint.join(self.source[span[0] : span[1] + 1]) if span else ''}→{target}"
            for target, span in zip(self.target, self.spans)
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(symbol)}</th>" for symbol in self.source)
        rows = "".join(
            f"<tr><th>{html.escape(symbol)}</th>"
            + "".join(
                f'<td title="{weight:.3f}" style="background:rgba(30,100,200,{weight:.2f});min-width:1.2em">'
                "&nbsp;</td>"
                for weight in row
            )
            + "</tr>"
            for symbol, row in zip(self.target, self.weights)
        )
        return f"<table><tr><th></th>{head}</tr>{rows}</table>"


@dataclass(frozen=True)
class Hypothesis:
    """One output.

    ``log_probability`` is natural, end mark included; outputs are ranked by ``score``, which is the same after
    length and coverage penalty. ``confidence`` says how likely the output is to be right, from 0 to 1: its
    probability at the softmax temperature that fits the validation pairs. ``finished`` is false where the length
    limit cut the output. ``alignment`` is there if it was asked for.
    """

    text: str
    symbols: tuple[str, ...]
    log_probability: float
    score: float
    confidence: float
    finished: bool
    alignment: Union[Alignment, None] = None

    def __repr__(self) -> str:
        return f"Hypothesis({self.text!r}, score={self.score:.4f}, confidence={self.confidence:.3f})"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Answer:
    """The answer to one source: ``hypotheses``, best first and never empty, and ``warnings``.

    ``text``, ``symbols``, ``score``, ``log_probability``, ``confidence``, ``finished`` and ``alignment`` are those
    of the best hypothesis. ``origin`` is ``"lexicon"`` where a lexicon of known words had the source, else
    ``"model"``.
    """

    source: str
    hypotheses: tuple[Hypothesis, ...]
    warnings: tuple[str, ...] = ()
    origin: str = "model"

    @property
    def best(self) -> Hypothesis:
        """The best output."""
        return self.hypotheses[0]

    @property
    def text(self) -> str:
        """The best output as text."""
        return self.best.text

    @property
    def symbols(self) -> tuple[str, ...]:
        """The best output as symbols."""
        return self.best.symbols

    @property
    def score(self) -> float:
        """What outputs are ranked by: the log-probability after penalties."""
        return self.best.score

    @property
    def log_probability(self) -> float:
        """Natural logarithm of the probability of the best output, end mark included."""
        return self.best.log_probability

    @property
    def confidence(self) -> float:
        """How likely the best output is to be right, from 0 to 1."""
        return self.best.confidence

    @property
    def finished(self) -> bool:
        """Whether the model ended the best output; otherwise the length limit did."""
        return self.best.finished

    @property
    def alignment(self) -> Union[Alignment, None]:
        """Where the symbols of the best output came from, if ``align=True`` asked for it."""
        return self.best.alignment

    def __repr__(self) -> str:
        more = f", n_best={len(self.hypotheses)}" if len(self.hypotheses) > 1 else ""
        warned = f", warnings={list(self.warnings)}" if self.warnings else ""
        return (
            f"Answer({self.text!r}, score={self.score:.4f}, confidence={self.confidence:.3f}{more}{warned})"
        )

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{rank}</td><td><b>{html.escape(output.text)}</b></td><td>{output.score:.4f}</td>"
            f"<td>{output.confidence:.3f}</td></tr>"
            for rank, output in enumerate(self.hypotheses, 1)
        )
        attention = self.alignment._repr_html_() if self.alignment else ""
        warned = "".join(f"<p>{html.escape(warning)}</p>" for warning in self.warnings)
        return (
            f"<p>{html.escape(self.source)}</p><table><tr><th></th><th>output</th><th>score</th>"
            f"<th>confidence</th></tr>{rows}</table>{attention}{warned}"
        )


def answer(source: str, raw: tuple[Any, ...]) -> Answer:
    """An answer from what the native part gives."""
    outputs, warnings, origin = raw
    return Answer(source, tuple(map(_hypothesis, outputs)), warnings, origin)


def _hypothesis(raw: tuple[Any, ...]) -> Hypothesis:
    text, symbols, log_probability, score, confidence, finished, aligned = raw
    alignment = None if aligned is None else Alignment(*aligned)
    return Hypothesis(text, symbols, log_probability, score, confidence, finished, alignment)


@dataclass(frozen=True)
class Score:
    """How likely a model finds the target of a pair.

    ``log_probability`` is natural, end mark included, and minus infinity where the target has symbols that the
    model cannot write (``unknown``). ``per_symbol`` is its mean over the symbols. ``weakest`` is the symbol that is
    least likely after those before it, at ``weakest_place`` (counted from 0); ``None`` where that is the end.
    """

    log_probability: float
    per_symbol: float
    weakest: Union[str, None]
    weakest_place: int
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExplainedStep:
    """One step of the decoder: the symbol that was ``chosen``, and the most probable ``choices`` with their
    probabilities. ``None`` is the end."""

    chosen: Union[str, None]
    choices: tuple[tuple[Union[str, None], float], ...]


@dataclass(frozen=True)
class Explanation:
    """How a model comes to its ``answer``.

    ``source`` and ``features`` are what the encoder reads, symbols with their ids. ``steps`` are what the decoder
    writes; where ``first_is_given``, the first symbol was given, and has none. ``expected`` is the right answer, if
    it was told, and ``is_right`` says whether the model gave it.
    """

    answer: Answer
    source: tuple[tuple[str, int], ...]
    features: tuple[tuple[str, int], ...]
    steps: tuple[ExplainedStep, ...]
    first_is_given: bool
    expected: Union[str, None] = None
    is_right: Union[bool, None] = None

    def _shown(self, choice: tuple[Union[str, None], float]) -> str:
        symbol, probability = choice
        return f"{'end' if symbol is None else repr(symbol)} {probability:.3f}"

    def __str__(self) -> str:
        lines = [f"{self.answer.source!r} -> {self.answer.text!r}"]
        if self.expected is not None:
            lines[0] += f", {'right' if self.is_right else f'expected {self.expected!r}'}"
        lines += [f"  {number}. {', '.join(map(self._shown, step.choices))}" for number, step in enumerate(self.steps, 1)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{number}</td>"
            + "".join(f"<td>{html.escape(self._shown(choice))}</td>" for choice in step.choices)
            + "</tr>"
            for number, step in enumerate(self.steps, 1)
        )
        return f"<p>{html.escape(str(self).splitlines()[0])}</p><table>{rows}</table>"


def explanation(source: str, raw: tuple[Any, ...]) -> Explanation:
    """An explanation from what the native part gives."""
    read, features, steps, first_is_given, expected, answered = raw
    text, is_right = expected if expected is not None else (None, None)
    return Explanation(
        answer(source, answered),
        tuple(read),
        tuple(features),
        tuple(ExplainedStep(chosen, tuple(choices)) for chosen, choices in steps),
        first_is_given,
        text,
        is_right,
    )


@dataclass(frozen=True, eq=False)
class Trace:
    """One answer step by step, with everything on the way.

    ``source`` are the symbols of the source, ``read`` what the encoder reads in its order, ``written`` what the
    decoder writes (``None`` for the end), ``first`` a first symbol that it was given, and ``symbols`` all that it
    can write. The arrays, each ``None`` where the network has no such thing:

    ``encoder`` ``[read, units]``
        h of the encoder after each symbol.
    ``h``, ``c`` ``[1 + written, units]``
        The decoder's state before the first step and after each.
    ``probabilities`` ``[written, symbols]``
        The softmax of each step.
    ``attention`` ``[written, source]``
        Weights of the source symbols in each step.
    ``gates``
        ``input``, ``forget``, ``candidate`` and ``output`` of the decoder's lowest LSTM, ``[written, units]`` each.
    """

    source: tuple[str, ...]
    read: tuple[Union[str, None], ...]
    written: tuple[Union[str, None], ...]
    first: Union[str, None]
    symbols: tuple[str, ...]
    finished: bool
    encoder: Array
    h: Array
    c: Array
    probabilities: Array
    attention: Array
    gates: Union[dict[str, Array], None]

    def __repr__(self) -> str:
        text = " ".join("end" if symbol is None else symbol for symbol in self.written)
        return f"<seq2seq.Trace: {len(self.read)} symbols read, {len(self.written)} steps: {text}>"


_GATES = ("input", "forget", "candidate", "output")


def trace(raw: dict[str, Any]) -> Trace:
    """A trace from what the native part gives."""

    def one(name: str) -> Array:
        return None if raw[name] is None else matrix(*raw[name])

    gates = {name: one(name) for name in _GATES}
    return Trace(
        source=tuple(raw["source"]),
        read=tuple(raw["read"]),
        written=tuple(raw["written"]),
        first=raw["first"],
        symbols=tuple(raw["symbols"]),
        finished=raw["finished"],
        encoder=one("encoder"),
        h=one("h"),
        c=one("c"),
        probabilities=one("probabilities"),
        attention=one("attention"),
        gates=None if gates["input"] is None else gates,
    )
