"""What cannot work is refused, with a message that says where, what was given and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import G2P, TINY

import seq2seq

GOOD = [("a", "b")] * 20


@pytest.mark.parametrize(
    ("pairs", "error", "message"),
    [
        ([("a", "b"), ("a",)], seq2seq.InvalidInput, "pair 1 has 1 elements"),
        ([("a", "b", "c", "d")], ValueError, "pair 0 has 4 elements"),
        (["ab"], TypeError, "pair 0 is not a pair, but of type str"),
        ([("a", "b"), ("a", None)], TypeError, "the target of pair 1 is not a string, but None"),
        ([(b"a", "b")], TypeError, "the source of pair 0 is not a string, but bytes; decode it"),
        ([("a", "b", 3)], TypeError, "the features of pair 0 is not a string"),
        ([{"source": "a", "traget": "b"}], seq2seq.InvalidInput, "pair 0 has no 'target'"),
        ([], seq2seq.InvalidInput, "the pairs are empty"),
        (iter([]), seq2seq.InvalidInput, "the pairs are empty"),
        (None, TypeError, "pairs are None"),
        (7, TypeError, "the pairs are not an iterable of pairs"),
        (b"pairs.tsv", TypeError, "pair 0 is not a pair"),
        ([("a\ud800", "b")] * 20, seq2seq.InvalidInput, "the source of pair 0 is not valid Unicode"),
        ([("a" * 2_000_000, "b")] * 20, seq2seq.InvalidInput, "the source of pair 0 has 2000000 bytes"),
    ],
)
def test_pairs(pairs: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        seq2seq.train(pairs)


def test_what_an_iterable_raises_comes_through() -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield ("a", "b")
        raise LookupError("the source broke")

    with pytest.raises(LookupError, match="the source broke"):
        seq2seq.train(broken())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dev": []}, seq2seq.InvalidInput, "the validation pairs are empty"),
        ({"recipe": "g2p-dutsch"}, seq2seq.InvalidInput, "did you mean 'g2p-dutch'"),
        ({"recipe": "none.toml"}, seq2seq.FileError, "cannot read the recipe none.toml"),
        ({"settings": {"training.epoch": 5}}, seq2seq.InvalidInput, "did you mean `epochs`"),
        ({"settings": {"epochs": 5}}, seq2seq.InvalidInput, "did you mean `training.epochs`"),
        ({"settings": {"training": {"epochs": "many"}}}, seq2seq.InvalidInput, "training.epochs"),
        ({"settings": {"training.epochs": object()}}, TypeError, "a setting cannot be"),
        ({"settings": "training.epochs=5"}, TypeError, "settings are a mapping"),
        ({"settings": {"training.epochs": 0}}, seq2seq.InvalidInput, "epochs"),
        ({"seed": "one"}, TypeError, "seed is not a whole number"),
        ({"seed": -1}, seq2seq.InvalidInput, "seed is -1"),
        ({"resume": True}, seq2seq.InvalidInput, "resume needs out"),
        ({"header": True}, seq2seq.InvalidInput, "are in memory"),
        ({"start": "nowhere.safetensors"}, seq2seq.FileError, "there is no model at nowhere.safetensors"),
    ],
)
def test_options_of_training(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        seq2seq.train(GOOD, **options)  # type: ignore[arg-type]


def test_files(tmp_path: Path) -> None:
    with pytest.raises(seq2seq.FileError, match="this is a folder"):
        seq2seq.train(tmp_path)
    with pytest.raises(OSError, match="there is no such file"):
        seq2seq.train(tmp_path / "none.tsv")
    with pytest.raises(seq2seq.FileError, match="holds no run"):
        seq2seq.train(GOOD, out=tmp_path, resume=True)
    (tmp_path / "bad.tsv").write_text("one column\n")
    with pytest.raises(ValueError, match="line 1"):
        seq2seq.read_pairs(tmp_path / "bad.tsv")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda model: model.predict("a", beam=0), seq2seq.InvalidInput, "a beam of 0 keeps no hypothesis"),
        (lambda model: model.predict("a", beam=-1), ValueError, "beam is -1"),
        (lambda model: model.predict("a", beam=True), TypeError, "beam is not a whole number"),
        (lambda model: model.predict("a", n_best=0), seq2seq.InvalidInput, "leaves no answer"),
        (lambda model: model.predict("a", beam=2, n_best=3), seq2seq.InvalidInput, "3 outputs are wanted"),
        (lambda model: model.predict("a", bem=2), TypeError, "did you mean 'beam'"),
        (lambda model: model.predict("a", length_penalty=-1.0), seq2seq.InvalidInput, "length penalty"),
        (lambda model: model.predict("a", temperature=2.0), seq2seq.InvalidInput, "need sample=True"),
        (lambda model: model.predict("a", sample=True, temperature=0.0), seq2seq.InvalidInput, "temperature"),
        (lambda model: model.predict("a", allow=[]), seq2seq.InvalidInput, "empty"),
        (lambda model: model.predict("a", allow="F OW N"), TypeError, "allow is a string"),
        (lambda model: model.predict("a", pattern="("), seq2seq.InvalidInput, "regular expression"),
        (lambda model: model.predict("a", allow=["F"], pattern="F"), seq2seq.InvalidInput, "leave one out"),
        (lambda model: model.predict(b"a"), TypeError, "not a string or a list of strings, but bytes"),
        (lambda model: model.predict(None), TypeError, "but None"),
        (lambda model: model.predict(["a", None]), TypeError, "input 1 is not a string, but None"),
        (lambda model: model.predict(["a", b"a"]), TypeError, "input 1 is not a string, but bytes"),
        (lambda model: model.predict("\ud800"), ValueError, "input 0 is not valid Unicode"),
        (lambda model: model.score(["ab"]), TypeError, "pair 0 is not a pair"),
        (lambda model: model.evaluate([]), seq2seq.InvalidInput, "the pairs are empty"),
        (lambda model: model.evaluate("none.tsv"), seq2seq.FileError, "there is no such file"),
        (lambda model: model.compare(3, GOOD), TypeError, "other is not a seq2seq.Model"),
        (lambda model: model.save("/nowhere/m.safetensors"), seq2seq.FileError, "cannot write"),
        (lambda model: seq2seq.ensemble([]), seq2seq.InvalidInput, "at least one model"),
        (lambda model: seq2seq.ensemble([model, 3]), TypeError, "model 1 is not"),
        (lambda model: seq2seq.addition(digits=99), seq2seq.InvalidInput, "digits"),
        (lambda model: seq2seq.addition(draw="even"), seq2seq.InvalidInput, "'digit-length'"),
        (lambda model: seq2seq.set_threads(0), ValueError, "0 threads"),
    ],
)
def test_calls(
    model: seq2seq.Model, call: Callable[[seq2seq.Model], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(model)


def test_a_closed_file_and_a_broken_iterable_raise_what_they_raise(model: seq2seq.Model, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("a\n")
    with open(tmp_path / "words") as file:
        pass
    with pytest.raises(ValueError, match="closed file"):
        model.predict(file)


def test_model_files(tmp_path: Path) -> None:
    data = bytearray(G2P.read_bytes())
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    digits = header["__metadata__"]["checksum"].removeprefix("sha256:").encode()
    later = data.replace(b'"version":"1"', b'"version":"9"').replace(digits, b"0" * 64)
    assert b'"version":"9"' in later
    later = later.replace(b"0" * 64, hashlib.sha256(later).hexdigest().encode())
    data[-1] ^= 1
    for content, message in [(data, "cannot be used"), (later, "newer version"), (b"", "cannot be used")]:
        (tmp_path / "m.safetensors").write_bytes(content)
        with pytest.raises(seq2seq.InvalidInput, match=message):
            seq2seq.Model.load(tmp_path / "m.safetensors")
    with pytest.raises(seq2seq.FileError, match="there is no model at"):
        seq2seq.Model.load(tmp_path)
    with pytest.raises(TypeError, match="not bytes"):
        seq2seq.Model.load(b"m.safetensors")  # type: ignore[arg-type]


def test_training_that_diverges(pairs: list[tuple[str, str]]) -> None:
    settings = TINY | {"training.learning_rate": 1e30, "training.optimizer": "sgd", "training.clip_norm": 0.0}
    with pytest.raises(seq2seq.Diverged, match="NaN or infinite"):
        seq2seq.train(pairs, settings=settings)
