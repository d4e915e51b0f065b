"""The native part of the package. Its interface is the package's own business and changes without notice."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, final

__all__ = [
    "compare",
    "ensemble",
    "evaluate",
    "explain",
    "generate_addition",
    "Lexicon",
    "LexiconWriter",
    "read_pairs",
    "Model",
    "Predictor",
    "set_threads",
    "threads",
    "trace",
    "Trainer",
    "train",
    "tune",
    "run_program",
    "VERSION",
]

VERSION: str

_Pair = tuple[str, str, str | None]
_Weight = tuple[str, list[int], bytes]

class _Watcher(Protocol):
    def begin(self, about: str) -> None: ...
    def epoch_begins(self, number: int, batches: int, pairs: int) -> None: ...
    def batch_done(self, batch: int, loss: float, accuracy: float) -> None: ...
    def epoch_done(self, record: str) -> bool: ...

@final
class Model:
    @staticmethod
    def load(path: str) -> tuple[Model, str]: ...
    @staticmethod
    def from_bytes(bytes: bytes) -> Model: ...
    def to_bytes(self) -> bytes: ...
    def save(self, path: str) -> None: ...
    def recipe(self) -> str: ...
    def description(self) -> str: ...
    def weights(self) -> list[_Weight]: ...
    def predictor(
        self,
        *,
        beam: int | None,
        n_best: int,
        length_penalty: float | None,
        coverage_penalty: float | None,
        minimum_bayes_risk: bool,
        sampling: tuple[float, int | None, float, int] | None,
        max_length: int | None,
        max_length_ratio: float | None,
        max_length_extra: int | None,
        allow: list[str] | None,
        pattern: str | None,
        align: bool,
        lexicon: Lexicon | None,
    ) -> tuple[Predictor, list[str]]: ...
    def score(self, items: Sequence[_Pair]) -> list[tuple[float, float, str | None, int, list[str]]]: ...
    def read_pairs(self, path: str) -> tuple[list[_Pair], list[str]]: ...

@final
class Predictor:
    def inputs_at_once(self) -> int: ...
    def predict(
        self, items: Sequence[str | tuple[str, str | None]], first_number: int
    ) -> list[tuple[Any, ...]]: ...

@final
class Lexicon:
    """Known words with their pronunciations, as a model spells them; :meth:`seq2seq.Model.lexicon` makes one. Its
    length is the number of words."""

    def __new__(cls, model: Model, items: Sequence[_Pair]) -> Lexicon: ...
    def __len__(self) -> int: ...

@final
class LexiconWriter:
    def __new__(
        cls,
        model: Model,
        format: str,
        n_best: int,
        mass: float | None,
        threshold: float | None,
        phones: str | None,
    ) -> LexiconWriter: ...
    def entries(
        self, predictor: Predictor, lexicon: Lexicon | None, words: Sequence[str]
    ) -> list[tuple[bool, str]]: ...

@final
class Trainer:
    def __new__(cls, asked: object) -> Trainer: ...
    def begin(self) -> str: ...
    def step(self) -> tuple[int, int, int, float, float, str | None]: ...
    def epoch(self, watcher: _Watcher) -> str | None: ...
    def weights(self) -> list[_Weight]: ...
    def model(self) -> Model: ...
    def position(self) -> tuple[int, int, int]: ...
    def history(self) -> str: ...
    def end(self) -> tuple[Model, str]: ...

def train(asked: object, watcher: _Watcher) -> tuple[Model, str]: ...
def tune(
    asked: object,
    ranges: Sequence[tuple[str, str]],
    trials: int,
    seconds: float,
    halving: bool,
    folder: str,
    on_trial: Callable[[str], bool],
) -> str: ...
def read_pairs(
    path: str, source_column: int, target_column: int, features_column: int | None, header: bool
) -> tuple[list[_Pair], list[str]]: ...
def evaluate(
    predictor: Predictor,
    items: Sequence[_Pair],
    report_path: str | None,
    names: tuple[str, str, str],
    history: str,
) -> str: ...
def explain(
    predictor: Predictor, line: str, expected: str | None, choices: int
) -> tuple[
    list[tuple[str, int]],
    list[tuple[str, int]],
    list[tuple[str | None, list[tuple[str | None, float]]]],
    bool,
    tuple[str, bool] | None,
    tuple[Any, ...],
]: ...
def trace(model: Model, item: str | tuple[str, str | None], forced: str) -> dict[str, Any]: ...
def compare(first: Predictor, second: Predictor, items: Sequence[_Pair]) -> str: ...
def ensemble(
    models: Sequence[Model], log_linear: bool | None, dev: Sequence[_Pair]
) -> tuple[Model, list[tuple[int, float, float]]]: ...
def generate_addition(
    terms: int,
    digits: int,
    count: int,
    seed: int,
    reverse: bool,
    unique: bool,
    by_length: bool,
    align_left: bool,
    exclude: set[str],
) -> list[_Pair]: ...
def threads() -> int: ...
def set_threads(count: int) -> None: ...
def run_program(arguments: Sequence[str]) -> int: ...
