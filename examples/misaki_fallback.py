"""A fallback for misaki (https://github.com/hexgrad/misaki): phonemes of words that its dictionary lacks.

    from misaki import en
    g2p = en.G2P(trf=False, british=False, fallback=Fallback("model.safetensors"))

The model writes phonemes as misaki does, one character each or between blanks.
"""

import json
import subprocess


class Fallback:
    """Called with a token, gives its phonemes and a rating from 0 (unsure) to 5 (sure)."""

    def __init__(self, model, program="seq2seq"):
        # The program answers line by line, for as long as this object lives.
        self.process = subprocess.Popen(
            [program, "predict", model, "--json"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )

    def __call__(self, token):
        text = token if isinstance(token, str) else token.text
        self.process.stdin.write(text.replace("\n", " ") + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        phonemes = answer["text"].replace(" ", "")
        return phonemes or None, round(5 * answer["confidence"])
