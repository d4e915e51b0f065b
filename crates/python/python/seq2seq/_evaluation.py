"""Figures of models."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any, Union


@dataclass(frozen=True)
class Validation:
    """Figures of a validation: teacher-forced ``loss`` and ``accuracy``, free-running ``exact_match`` and
    ``symbol_error_rate``."""

    loss: float
    accuracy: float
    exact_match: float
    symbol_error_rate: float
    questions: int
    best: bool


@dataclass(frozen=True)
class Epoch:
    """Figures of an epoch. ``loss`` (nats a symbol) and ``accuracy`` are teacher-forced, on the training pairs."""

    epoch: int
    step: int
    learning_rate: float
    loss: float
    accuracy: float
    pairs_per_second: float
    seconds: float
    validation: Union[Validation, None] = None


def epoch(record: dict[str, Any]) -> Epoch:
    """An epoch from a line of a run's metrics."""
    validation = record.get("validation")
    return Epoch(**{**record, "validation": Validation(**validation) if validation else None})


@dataclass(frozen=True)
class Evaluation:
    """All figures of a model on pairs; ``figures`` has those of ``seq2seq eval --json``.

    Teacher-forced figures (each symbol predicted from the true ones before it) and free-running ones (from the
    model's own) are never mixed.
    """

    figures: dict[str, Any] = field(repr=False)

    @property
    def pairs(self) -> int:
        """Pairs that the model was evaluated on."""
        return int(self.figures["pairs"])

    @property
    def questions(self) -> int:
        """Different sources among them."""
        return int(self.figures["free_running"]["questions"])

    @property
    def loss(self) -> float:
        """Teacher-forced cross-entropy of a symbol, in nats."""
        return float(self.figures["teacher_forced"]["loss"])

    @property
    def accuracy(self) -> float:
        """Teacher-forced share of symbols predicted right."""
        return float(self.figures["teacher_forced"]["accuracy"])

    @property
    def exact_match(self) -> float:
        """Free-running share of questions answered right."""
        return float(self.figures["free_running"]["exact_match"])

    @property
    def word_error_rate(self) -> float:
        """Free-running share of questions answered wrong."""
        return 1.0 - self.exact_match

    @property
    def symbol_error_rate(self) -> float:
        """Free-running edits for each symbol of the references."""
        return float(self.figures["free_running"]["symbol_error_rate"])

    @property
    def bleu(self) -> Union[float, None]:
        """BLEU of the answers, 0 to 100, as sacreBLEU computes it; ``None`` where it says nothing."""
        found = self.figures.get("bleu")
        return None if found is None else float(found["score"])

    @property
    def chrf(self) -> float:
        """chrF2 of the answers, 0 to 100, as sacreBLEU computes it."""
        return float(self.figures["chrf"]["score"])

    def _rows(self) -> list[tuple[str, str]]:
        free = "free-running"
        rows = [
            ("pairs", f"{self.pairs}"),
            ("questions", f"{self.questions}"),
            ("loss (teacher-forced)", f"{self.loss:.4f}"),
            ("accuracy (teacher-forced)", f"{self.accuracy:.4f}"),
            (f"exact match ({free})", f"{self.exact_match:.4f}"),
            (f"symbol error rate ({free})", f"{self.symbol_error_rate:.4f}"),
            ("chrF2", f"{self.chrf:.2f}"),
        ]
        if self.bleu is not None:
            rows.append(("BLEU", f"{self.bleu:.2f}"))
        return rows

    def __repr__(self) -> str:
        return (
            f"Evaluation(questions={self.questions}, exact_match={self.exact_match:.4f}, "
            f"symbol_error_rate={self.symbol_error_rate:.4f}, loss={self.loss:.4f}, accuracy={self.accuracy:.4f})"
        )

    def __str__(self) -> str:
        return "\n".join(f"{name:<32}{value:>10}" for name, value in self._rows())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{value}</td></tr>" for name, value in self._rows()
        )
        return f"<table>{rows}</table>"


@dataclass(frozen=True)
class Comparison:
    """Two models on the same pairs; ``figures`` has those of ``seq2seq compare --json``. Differences are those of
    the second from the first."""

    figures: dict[str, Any] = field(repr=False)

    @property
    def exact_match(self) -> tuple[float, float]:
        """Free-running share of questions that each model answers right."""
        return (self.figures["first"]["exact_match"], self.figures["second"]["exact_match"])

    @property
    def difference(self) -> float:
        """Exact match of the second minus that of the first."""
        return float(self.figures["exact_match"]["difference"])

    @property
    def p(self) -> float:
        """How easily chance alone could give this difference (two-sided paired bootstrap)."""
        return float(self.figures["exact_match"]["p"])

    @property
    def disagreements(self) -> list[dict[str, Any]]:
        """Questions that exactly one of the models answers right."""
        return list(self.figures["disagreements"])

    def __repr__(self) -> str:
        first, second = self.exact_match
        return f"Comparison(exact_match=({first:.4f}, {second:.4f}), difference={self.difference:+.4f}, p={self.p:.4f})"
