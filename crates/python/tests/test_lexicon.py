"""Known words, lexicons, traces and logging."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest
from conftest import TINY, program

import seq2seq


def test_known_words_go_before_the_model(model: seq2seq.Model, tmp_path: Path) -> None:
    file = tmp_path / "known.dict"
    file.write_text("phone  F OW N S\nphone(2)  F AA N\nsea  S IY\n")
    for known in (file, [("phone", "F OW N S"), ("phone", "F AA N")], model.lexicon(file)):
        phone, other = model.predict(["phone", "seashell"], lexicon=known)
        assert (phone.text, phone.origin) == ("F OW N S", "lexicon")
        assert other.origin == "model" and other.text == model.predict("seashell").text
    assert len(model.lexicon(file)) == 2
    assert model.predict("phone", n_best=2, beam=3, lexicon={"phone": "F AA N"}).text == "F AA N"
    with pytest.raises(seq2seq.FileError):
        model.predict("phone", lexicon=tmp_path / "nothing")
    with pytest.raises(TypeError, match="the lexicon are not an iterable of pairs"):
        model.predict("phone", lexicon=3)  # type: ignore[arg-type]


def test_a_lexicon_is_that_of_the_program(model: seq2seq.Model, words: list[str], tmp_path: Path) -> None:
    chosen = [*words[:40], words[0], "phone", "naïve"]
    known = {"phone": "F OW N"}
    for format in ("cmu", "kaldi-probabilities", "json"):
        out = tmp_path / format
        rejected = model.write_lexicon(chosen, out, format=format, mass=0.8, lexicon=known)
        assert [one.word for one in rejected] == ["naïve"] and "unknown letter" in rejected[0].reason
        listed, dictionary, theirs = tmp_path / "words", tmp_path / "known", tmp_path / f"{format}-program"
        listed.write_text("\n".join(chosen))
        dictionary.write_text("phone\tF OW N\n")
        model.save(tmp_path / "model.safetensors")
        command = [program(), "lexicon", tmp_path / "model.safetensors", listed, "--format", format, "--mass", "0.8"]
        subprocess.run([*command, "--lexicon", dictionary, "--out", theirs], check=True)
        assert out.read_text() == theirs.read_text()


def test_a_lexicon_that_cannot_be_meant_is_refused(model: seq2seq.Model, tmp_path: Path) -> None:
    out = tmp_path / "lexicon"
    with pytest.raises(seq2seq.InvalidInput, match="no format"):
        model.write_lexicon(["phone"], out, format="cmudict")
    with pytest.raises(seq2seq.InvalidInput, match="mass 2"):
        model.write_lexicon(["phone"], out, mass=2)
    with pytest.raises(seq2seq.InvalidInput, match="no phone of the list"):
        model.write_lexicon(["phone"], out, phones=["ə"])
    with pytest.raises(TypeError, match="word 1 is not a string"):
        model.write_lexicon(["phone", b"sea"], out)  # type: ignore[list-item]
    with pytest.raises(seq2seq.FileError, match="cannot write"):
        model.write_lexicon(["phone"], tmp_path / "none" / "lexicon")
    rejected = model.write_lexicon(["phone", "sea"], out, phones=["F", "OW", "N"])
    assert [one.word for one in rejected] == ["sea"] and out.read_text() == "phone F OW N\n"


def test_a_trace_has_the_states_of_every_step(pairs: list[tuple[str, str]]) -> None:
    settings = TINY | {"model.bidirectional": False}
    model = seq2seq.train(pairs, settings=settings, progress=False)
    trace = model.trace("123")
    assert trace.source == ("1", "2", "3") and len(trace.read) >= 3
    text = "".join(symbol for symbol in trace.written if symbol is not None)
    assert text == model.predict("123", beam=1).text
    steps = len(trace.written)
    shapes = {"h": (steps + 1, 8), "c": (steps + 1, 8), "probabilities": (steps, len(trace.symbols))}
    for name, shape in shapes.items():
        assert tuple(getattr(trace, name).shape) == shape
    assert tuple(trace.encoder.shape) == (len(trace.read), 8)
    assert set(trace.gates or {}) == {"input", "forget", "candidate", "output"}
    assert model.trace("123", forced="99").written[:2] == ("9", "9")
    with pytest.raises(seq2seq.InvalidInput, match='"x", which the model cannot write'):
        model.trace("123", forced="x")


def test_training_is_logged(pairs: list[tuple[str, str]], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="seq2seq"):
        seq2seq.train(pairs, settings=TINY, progress=False)
    lines = [record.getMessage() for record in caplog.records if record.name == "seq2seq"]
    assert "training pairs" in lines[0] and len(lines) == 1 + TINY["training.epochs"]
    assert "Epoch(epoch=1" in lines[1]
