"""Answers a thousand words with exported models and holds them against the answers of our own runtime.

check.py FOLDER, with a folder for each model. The code that answers is that of the exported README.
"""

import json
import os
import re
import sys
import zipfile

import numpy as np
import onnx
import onnxruntime as ort


def check(folder):
    os.chdir(folder)
    for name in ["encoder", "step", "next"]:
        if os.path.exists(f"{name}.onnx"):
            onnx.checker.check_model(f"{name}.onnx", full_check=True)
    stored = json.load(open("answers.json"))
    code = re.search(r"```python\n(.*?)```", open("README.md").read(), re.S).group(1)
    readme = {"__name__": "readme"}
    exec(code, readme)
    readme["meta"]["longest_output"] = stored["limit"]
    worst = 0.0
    for word, symbols, log_probability in stored["answers"]:
        written, total = readme["answer"](word)
        assert written == symbols, (folder, word, written, symbols)
        worst = max(worst, abs(total - log_probability))
    assert worst < 1e-4, (folder, worst)
    if os.path.exists("next.onnx"):
        check_next(readme["meta"], stored)
    check_batch(readme["meta"], stored)
    if os.path.exists("openutau.zip"):
        check_pack(stored)
    print(f"{os.path.basename(folder)}: {len(stored['answers'])} words agree, log-probabilities within {worst:.1e}")


def encoded(meta, word):
    ids = [meta["source_symbols"].index(c) for c in word]
    if meta["reverse_source"]:
        ids.reverse()
    return ids + ([] if meta["source_end"] is None else [meta["source_end"]])


def copied(meta, word):
    """What each symbol of a known word can be copied as."""
    ids = [meta["target_symbols"].index(c) if c in meta["target_symbols"] else -1 for c in word]
    if meta["reverse_source"]:
        ids.reverse()
    return ids + ([] if meta["source_end"] is None else [-1])


def check_next(meta, stored):
    """The graph without states writes the same, one symbol at a time."""
    session = ort.InferenceSession("next.onnx")
    for word, symbols, _ in stored["answers"][:50]:
        ids = encoded(meta, word)
        written = [meta["target_begin"]]
        while len(written) <= stored["limit"]:
            inputs = {"source": [ids], "lengths": [len(ids)], "written": [written]}
            if meta["copies"]:
                inputs["copied"] = [copied(meta, word)]
            inputs = {k: np.array(v, np.int64) for k, v in inputs.items()}
            (last,) = session.run(["next"], inputs)[0]
            if last == meta["target_end"]:
                break
            written.append(int(last))
        assert [meta["target_symbols"][i] for i in written[1:]] == symbols, word


def check_pack(stored):
    """OpenUtau's loop over its pack writes the same, symbol by symbol."""
    pack = zipfile.ZipFile("openutau.zip")
    assert pack.read("dict.txt") == b"known  K N\n"
    model = onnx.load_from_string(pack.read("g2p.onnx"))
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(pack.read("g2p.onnx"))
    order = dict(line.split(": ") for line in pack.read("symbols.txt").decode().splitlines())
    letters, phones = order["graphemes"].split(" "), order["phonemes"].split(" ")
    kinds = [line.split() for line in pack.read("phones.txt").decode().splitlines()]
    assert [phone for phone, _ in kinds] == phones[4:]
    assert {kind for _, kind in kinds} == {"vowel", "consonant"}
    for word, symbols, _ in stored["answers"][:200]:
        src = np.array([[letters.index(c) for c in word]], np.int32)
        tgt, t = np.array([[2]], np.int32), np.array([0], np.int32)
        while t[0] < src.shape[1] and tgt.shape[1] < 48:
            pred = session.run(["pred"], {"src": src, "tgt": tgt, "t": t})[0]
            if pred[0] != 2:
                tgt = np.append(tgt, pred[None], axis=1)
            else:
                t[0] += 1
        written = [phones[i] for i in tgt[0][1:]]
        assert written[: stored["limit"]] == symbols, (word, written, symbols)


def check_batch(meta, stored):
    """Sources of different lengths in one batch get the same first distributions as each alone."""
    encoder, step = ort.InferenceSession("encoder.onnx"), ort.InferenceSession("step.onnx")
    taken = {i.name for i in step.get_inputs()}
    names = [o.name for o in encoder.get_outputs()]

    def first(words):
        ids = [encoded(meta, word) for word in words]
        lengths = np.array([len(i) for i in ids], np.int64)
        source = np.zeros((len(ids), lengths.max()), np.int64)
        for row, i in zip(source, ids):
            row[: len(i)] = i
        state = dict(zip(names, encoder.run(names, {"source": source, "lengths": lengths})))
        state["lengths"] = lengths
        state["copied"] = np.full_like(source, -1)
        for row, word in zip(state["copied"], words):
            row[: len(copied(meta, word))] = copied(meta, word)
        state["last"] = np.full(len(ids), meta["target_begin"], np.int64)
        return step.run(["log_probabilities"], {k: v for k, v in state.items() if k in taken})[0]

    words = [word for word, _, _ in stored["answers"][:40]]
    together = first(words)
    for row, word in zip(together, words):
        assert np.abs(row - first([word])[0]).max() < 1e-5, word


models = os.path.abspath(sys.argv[1])
for name in sorted(os.listdir(models)):
    check(os.path.join(models, name))
