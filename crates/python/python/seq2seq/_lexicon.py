"""Known words, and lexicons as other programs read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, Union

from . import _native
from ._errors import FileError
from ._pairs import Pairs, PathLike, is_path, kind, pairs, path, read_pairs

LexiconLike = Union[PathLike, Pairs, "Mapping[str, str]", _native.Lexicon, None]
"""A file, pairs of word and pronunciation, a mapping, or what :meth:`seq2seq.Model.lexicon` made of them."""


class Rejected(NamedTuple):
    """A word that is not in a lexicon, and why."""

    word: str
    reason: str


def known(model: _native.Model, given: LexiconLike) -> Union[_native.Lexicon, None]:
    """Known words as a model spells them."""
    if given is None or isinstance(given, _native.Lexicon):
        return given
    if isinstance(given, Mapping):
        return _native.Lexicon(model, pairs(list(given.items()), "the lexicon"))
    found = read_pairs(path(given)) if is_path(given) else pairs(given, "the lexicon")
    return _native.Lexicon(model, found)


def _different(words: Iterable[str]) -> Iterator[str]:
    seen = set()
    for index, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(f"word {index} is not a string, but {kind(word)}")
        word = word.strip()  # lines of a file have an end
        if word and word not in seen:
            seen.add(word)
            yield word


def write(
    words: Iterable[str],
    out: str,
    writer: _native.LexiconWriter,
    predictor: _native.Predictor,
    lexicon: Union[_native.Lexicon, None],
) -> list[Rejected]:
    """Write the entries of words; those that have none are returned."""
    if isinstance(words, str):
        raise TypeError("the words are a string: give a list of words, or an open file")
    rejected = []
    left = _different(words)
    try:
        with open(out, "w", encoding="utf-8", newline="\n") as file:
            while some := list(islice(left, predictor.inputs_at_once())):
                for word, (is_written, text) in zip(some, writer.entries(predictor, lexicon, some)):
                    if is_written:
                        file.write(text)
                    else:
                        rejected.append(Rejected(word, text))
    except OSError as error:
        raise FileError(f"cannot write {out}: {error.strerror}") from error
    return rejected
