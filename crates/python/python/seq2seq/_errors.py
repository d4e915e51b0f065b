"""Exceptions and warnings of the package."""

from __future__ import annotations


class Error(Exception):
    """What cannot work, with a message that says where, what was given and what to do."""


class InvalidInput(Error, ValueError):
    """Texts, pairs, settings, options or model files that cannot be used."""


class FileError(Error, OSError):
    """A file or folder that is not there, or that the system does not let us read or write."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class Diverged(Error, ArithmeticError):
    """The loss or a weight became NaN or infinite in training."""


class AnswerWarning(UserWarning):
    """What a user of an answer should know: unknown symbols, an input longer than any in training, a cut output."""


class DataWarning(UserWarning):
    """What somebody who trains should know about pairs or settings."""


for _class in (Error, InvalidInput, FileError, Diverged, AnswerWarning, DataWarning):
    _class.__module__ = "seq2seq"
del _class
