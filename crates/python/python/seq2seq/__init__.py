"""Small-vocabulary sequence-to-sequence models: train, evaluate and run them.

>>> import seq2seq
>>> model = seq2seq.train("pairs.tsv")  # or any iterable of (source, target)
>>> model.predict("seashell").text
>>> model.save("model.safetensors")

``train`` learns a model from pairs. ``Model`` loads, saves, predicts, scores and evaluates. ``addition`` makes pairs of
sums, ``ensemble`` joins models. Everything that computes releases the interpreter's lock and uses as many threads as
``threads()`` says. ``Error`` is what all exceptions of the package are.
"""

from __future__ import annotations

from ._answers import Alignment, Answer, ExplainedStep, Explanation, Hypothesis, Score, Trace
from ._errors import AnswerWarning, DataWarning, Diverged, Error, FileError, InvalidInput
from ._evaluation import Comparison, Epoch, Evaluation, Validation
from ._generators import addition
from ._lexicon import Rejected
from ._model import Model, ensemble
from ._native import VERSION as __version__
from ._native import Lexicon, set_threads, threads
from ._pairs import read_pairs
from ._training import Step, Trainer, recipes, train
from ._tuning import Trial, tune

__all__ = [
    "Alignment",
    "Answer",
    "AnswerWarning",
    "Comparison",
    "DataWarning",
    "Diverged",
    "Epoch",
    "Error",
    "Evaluation",
    "ExplainedStep",
    "Explanation",
    "FileError",
    "Hypothesis",
    "InvalidInput",
    "Lexicon",
    "Model",
    "Rejected",
    "Score",
    "Step",
    "Trace",
    "Trainer",
    "Trial",
    "Validation",
    "addition",
    "ensemble",
    "read_pairs",
    "recipes",
    "set_threads",
    "threads",
    "train",
    "tune",
]

for _name in __all__:
    _object = globals()[_name]
    if getattr(_object, "__module__", "").startswith("seq2seq._"):
        try:
            _object.__module__ = "seq2seq"
        except (AttributeError, TypeError):  # of the native part
            pass
del _name, _object
