"""A drop-in for g2p_en (https://github.com/Kyubyong/g2p): `G2p()(text)` gives a list of phonemes.

Words of the lexicon get their pronunciations, all others the model's; a blank stands between words, and
punctuation stays, as in g2p_en.
"""

import json
import re
import subprocess


class G2p:
    def __init__(self, model, lexicon=None, program="seq2seq"):
        command = [program, "predict", model, "--json"] + (["--lexicon", lexicon] if lexicon else [])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )

    def __call__(self, text):
        phones = []
        for token in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*|[.,?!-]", text.lower()):
            if phones:
                phones.append(" ")
            phones += [token] if token in ".,?!-" else self.word(token)
        return phones

    def word(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["text"].split(" ")
