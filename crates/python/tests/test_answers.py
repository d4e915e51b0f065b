"""Answers, scores and figures of a trained model."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import G2P, ROOT, TINY, program

import seq2seq


def test_an_answer_for_a_source_and_a_list_for_a_list(model: seq2seq.Model) -> None:
    one = model.predict("phone")
    assert isinstance(one, seq2seq.Answer)
    assert one.text == "F OW N" and str(one) == "F OW N" and one.symbols == ("F", "OW", "N")
    assert one.score == one.log_probability < 0 < one.confidence <= 1 and one.finished
    assert model.predict(["phone"]) == [one] == model.predict(("phone",)) == model.predict(iter(["phone"]))
    assert model.predict([]) == []
    assert [answer.text for answer in model.predict(["phone\n", "phone\r\n"])] == [one.text] * 2


def test_hypotheses_are_ranked_and_the_alignment_covers_the_answer(model: seq2seq.Model) -> None:
    answer = model.predict("seashell", beam=5, n_best=3, align=True)
    assert len(answer.hypotheses) == 3
    scores = [output.score for output in answer.hypotheses]
    assert scores == sorted(scores, reverse=True)
    alignment = answer.alignment
    assert alignment is not None
    assert alignment.source == tuple("seashell") and alignment.target == answer.symbols
    assert len(alignment.weights) == len(answer.symbols)
    for row in alignment.weights:
        assert len(row) == 8 and sum(row) == pytest.approx(1.0, abs=1e-3)
    try:
        import numpy
    except ImportError:
        assert alignment.attention == alignment.weights
    else:
        assert alignment.attention.shape == (len(answer.symbols), 8)
        assert numpy.allclose(alignment.attention.sum(axis=1), 1, atol=1e-3)
    assert "→" in str(alignment) and alignment._repr_html_().count("<tr>") == len(answer.symbols) + 1


def test_answers_show_themselves_and_do_not_change(model: seq2seq.Model) -> None:
    answer = model.predict("phone", n_best=2)
    assert repr(answer).startswith("Answer('F OW N', score=-") and "n_best=2" in repr(answer)
    assert "<b>F OW N</b>" in answer._repr_html_()
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.source = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(answer)) == answer
    with pytest.warns(seq2seq.AnswerWarning):
        markup = model.predict("<b>")
    assert "&lt;b&gt;" in markup._repr_html_()


def test_predict_iter_reads_ahead_a_few_batches_only(model: seq2seq.Model, words: list[str]) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield words[read % len(words)]

    answers = model.predict_iter(endless())
    first = [next(answers).text for _ in range(100)]
    assert first == [answer.text for answer in model.predict([words[n % len(words)] for n in range(1, 101)])]
    assert read < 2000


def test_an_answer_depends_on_its_source_alone(model: seq2seq.Model, words: list[str]) -> None:
    together = model.predict(words, beam=3, n_best=2)
    assert [model.predict(word, beam=3, n_best=2) for word in words[:40]] == together[:40]


def test_samples_depend_on_seed_and_place(model: seq2seq.Model, words: list[str]) -> None:
    drawn = [answer.text for answer in model.predict(words, sample=True, seed=3)]
    assert drawn == [answer.text for answer in model.predict_iter(words, sample=True, seed=3)]
    assert drawn != [answer.text for answer in model.predict(words, sample=True, seed=4)]


def test_constraints(model: seq2seq.Model) -> None:
    assert model.predict("phone", allow=["F OW N Z", "P OW N"]).text in ("F OW N Z", "P OW N")
    assert model.predict("phone", pattern="P.*").text.startswith("P")
    with pytest.warns(seq2seq.AnswerWarning, match="cannot write, such as '!'"):
        assert model.predict("phone", allow=["!", "P OW N"]).text == "P OW N"


def test_warnings_are_told_and_kept(model: seq2seq.Model) -> None:
    with pytest.warns(seq2seq.AnswerWarning) as told:
        answers = model.predict(["ß"] * 20)
    assert all("does not know" in answer.warnings[0] for answer in answers)
    assert len(told) == 6 and "15 more" in str(told[-1].message)
    assert told[0].filename == __file__


def test_the_answers_are_those_of_the_program(model: seq2seq.Model, words: list[str]) -> None:
    def asked(*flags: str) -> list[dict[str, object]]:
        command = [program(), "predict", G2P, "--json", *flags]
        done = subprocess.run(command, input="\n".join(words), capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    for flags, options in [((), {}), (("--beam", "4", "--nbest", "2"), {"beam": 4, "n_best": 2})]:
        for theirs, ours in zip(asked(*flags), model.predict(words, **options), strict=True):
            assert theirs["text"] == ours.text
            assert theirs["score"] == pytest.approx(ours.score, abs=1e-9)
            assert theirs["confidence"] == pytest.approx(ours.confidence, abs=1e-9)


def test_the_figures_are_those_of_the_program(model: seq2seq.Model) -> None:
    test = ROOT / "data/g2p_cmudict_sample/test.tsv"
    done = subprocess.run([program(), "eval", G2P, test, "--json"], capture_output=True, text=True, check=True)
    ours = model.evaluate(test)
    assert json.loads(done.stdout)["free_running"] == ours.figures["free_running"]
    assert ours.exact_match + ours.word_error_rate == 1.0
    in_memory = model.evaluate(seq2seq.read_pairs(test))
    assert in_memory == ours
    assert "exact match" in str(ours) and "exact match" in ours._repr_html_()


def test_scores_are_log_probabilities_of_given_targets(model: seq2seq.Model) -> None:
    best = model.predict("phone")
    scores = model.score([("zebra", "F OW N"), ("phone", best.text), ("phone", "F OW !")])
    assert scores[1].log_probability == pytest.approx(best.log_probability, abs=1e-4)
    assert scores[0].per_symbol < scores[1].per_symbol
    assert scores[2].log_probability == float("-inf") and scores[2].unknown == ("!",)


def test_explanation(model: seq2seq.Model) -> None:
    found = model.explain("phone", "F OW N Z", top=2)
    assert found.answer.text == "F OW N" and found.expected == "F OW N Z" and found.is_right is False
    assert [symbol for symbol, _ in found.source][:5] == list("phone")
    assert [step.chosen for step in found.steps] == ["F", "OW", "N", None]
    for step in found.steps:
        assert len(step.choices) == 2 and step.choices[0][0] == step.chosen
        assert 1 >= step.choices[0][1] >= step.choices[1][1] >= 0
    assert "end 0." in str(found) and found._repr_html_().count("<tr>") == 4
    assert not found.first_is_given


def test_comparison_with_itself_finds_no_difference(model: seq2seq.Model, words: list[str]) -> None:
    pairs = seq2seq.read_pairs(ROOT / "data/g2p_cmudict_sample/test.tsv")[:100]
    same = model.compare(model, pairs)
    assert same.difference == 0 and same.p == 1 and same.disagreements == []
    assert model.compare(model, pairs, beam=3).exact_match[0] > 0.2


def test_ensemble_of_equal_models_answers_like_one(model: seq2seq.Model) -> None:
    dev = seq2seq.read_pairs(ROOT / "data/g2p_cmudict_sample/dev.tsv")[:50]
    joined = seq2seq.ensemble([model, model])
    assert joined.predict("phone").text == model.predict("phone").text
    assert joined.description["weights"] == 2 * model.description["weights"]
    with pytest.warns(seq2seq.DataWarning, match="model 0 was dropped"):
        left = seq2seq.ensemble([model, model], dev=dev)
    assert left.description["weights"] == model.description["weights"]


def test_an_ensemble_keeps_what_helps_on_validation_pairs(pairs: list[tuple[str, str]]) -> None:
    ngram = seq2seq.train(pairs, settings={"model.architecture": "ngram"}, progress=False)
    network = seq2seq.train(pairs, settings=TINY | {"training.mixture": "off"}, progress=False)
    with pytest.warns(seq2seq.DataWarning, match="model 0 was dropped"):
        left = seq2seq.ensemble([network, ngram], dev=pairs[:40])
    assert left.description["architecture"] == "ngram"
    with pytest.raises(seq2seq.InvalidInput, match="not trained in steps"):
        seq2seq.Trainer(pairs, settings={"model.architecture": "ngram"})


def test_report(model: seq2seq.Model, tmp_path: Path) -> None:
    test = ROOT / "data/g2p_cmudict_sample/test.tsv"
    page = tmp_path / "report.html"
    assert model.report(test, page) == model.evaluate(test)
    assert "<h1>" in page.read_text(encoding="utf-8")


def test_models_are_saved_copied_and_pickled(model: seq2seq.Model, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model.save(path)
    assert path.read_bytes() == model.to_bytes()
    for other in [
        seq2seq.Model.load(path),
        seq2seq.Model.from_bytes(model.to_bytes()),
        pickle.loads(pickle.dumps(model)),
        copy.copy(model),
        copy.deepcopy(model),
    ]:
        assert other.to_bytes() == model.to_bytes()
        assert other.predict("seashell") == model.predict("seashell")


def test_models_show_themselves_and_do_not_change(model: seq2seq.Model) -> None:
    assert repr(model) == "<seq2seq.Model: monotonic, 48,971 weights, 15 epochs on 5,000 pairs>"
    assert "monotonic" in model._repr_html_()
    assert "[model]" in model.recipe
    weights = model.weights()
    assert sum(array.nbytes // 4 for array in weights.values()) == model.description["weights"]
    with pytest.raises(AttributeError, match="does not change"):
        model.name = "other"  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="comes from"):
        seq2seq.Model()
