"""Phonetisaurus and our joint n-gram model on the same words: training, answers, errors.

    pip install phonetisaurus==0.3.0
    python benchmarks/peer_phonetisaurus.py --train TRAIN.tsv --test TEST.tsv --program target/release/seq2seq

Both files have a word and its phonemes, separated by blanks, on each line. Prints a Markdown table: seconds and peak
memory of training (the largest of its programs), size of the model, seconds and peak memory of answering all test
words with one thread (the model's loading included), words a second without loading (the time for one word is taken
away), wrong words, and words whose right answer is among the five best.
"""

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

NBEST = 5


def run(command, output=DEVNULL, environment=None):
    """Seconds and peak memory in MB of a command."""
    begun = time.monotonic()
    process = Popen([str(part) for part in command], stdout=output, stderr=DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit(f"failed: {command}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def together(runs):
    return sum(seconds for seconds, _ in runs), max(memory for _, memory in runs)


class Phonetisaurus:
    name = "Phonetisaurus 0.3.0"

    def __init__(self, folder):
        package = Path(find_spec("phonetisaurus").submodule_search_locations[0])
        self.bin = package / "bin" / "x86_64"
        libraries = package / "lib" / "x86_64"
        self.environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
        self.folder, self.model = folder, folder / "model.fst"

    def call(self, name, *arguments, output=DEVNULL):
        return run([self.bin / name, *arguments], output, self.environment)

    def train(self, pairs):
        lexicon, corpus, arpa = (self.folder / name for name in ["lexicon", "corpus", "arpa"])
        lexicon.write_text("".join(f"{word}\t{phonemes}\n" for word, phonemes in pairs))
        return together([
            self.call("phonetisaurus-align", f"--input={lexicon}", f"--ofile={corpus}", "--seq1_del=false"),
            self.call("estimate-ngram", "-o", "8", "-t", corpus, "-wl", arpa),
            self.call("phonetisaurus-arpa2wfst", f"--lm={arpa}", f"--ofile={self.model}"),
        ])

    def answer(self, words):
        listed, answers = self.folder / "words", self.folder / "answers"
        listed.write_text("".join(f"{word}\n" for word in words))
        with answers.open("w") as output:
            figures = self.call("phonetisaurus-g2pfst", f"--model={self.model}", f"--wordlist={listed}",
                                f"--nbest={NBEST}", output=output)
        found = defaultdict(list)
        for line in answers.read_text().splitlines():
            word, _, phonemes = line.split("\t")
            found[word].append(phonemes)
        return figures, found


class Ours:
    def __init__(self, folder, program, beam):
        self.folder, self.program, self.beam = folder, program, beam
        self.name = f"this program, beam of {beam}"
        self.model = folder / "run" / "model.safetensors"

    def train(self, pairs):
        # Two percent of the words are held out to choose order and span.
        train = self.folder / "train.tsv"
        train.write_text("".join(f"{word}\t{phonemes}\n" for word, phonemes in pairs))
        return run([self.program, "train", train, "--out", self.folder / "run", "--overwrite", "--quiet",
                    "--threads", "1", "--set", "model.architecture=ngram", "--set", "text.target=spaces",
                    "--set", "data.validation=0.02"])

    def answer(self, words):
        listed, answers = self.folder / "words", self.folder / "ours.json"
        listed.write_text("".join(f"{word}\n" for word in words))
        with answers.open("w") as output:
            figures = run([self.program, "predict", self.model, listed, "--threads", "1", "--beam", self.beam,
                           "--nbest", min(NBEST, self.beam), "--json"], output)
        found = {}
        for word, line in zip(words, answers.read_text().splitlines()):
            answer = json.loads(line)
            found[word] = [answer["text"], *(other["text"] for other in answer.get("alternatives", []))]
        return figures, found


def read(path):
    lines = path.read_text().splitlines()
    return [tuple(line.split("\t")[:2]) for line in lines]


def row(system, pairs, references):
    training, memory = system.train(pairs)
    words = list(references)
    (one, _), _ = system.answer(words[:1])
    (seconds, answering), found = system.answer(words)
    right = sum(answer in references[word] for word in words for answer in found[word][:1])
    among = sum(any(answer in references[word] for answer in found[word]) for word in words)
    cells = [system.name, f"{training:.1f}", f"{memory:.0f}", f"{system.model.stat().st_size / 1e6:.1f}",
             f"{seconds:.2f}", f"{answering:.0f}", f"{len(words) / max(seconds - one, 1e-3):,.0f}",
             f"{100 - 100 * right / len(words):.2f}", f"{100 * among / len(words):.2f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--program", type=Path, default=Path("target/release/seq2seq"))
    options = parser.parse_args()
    references = defaultdict(set)
    for word, phonemes in read(options.test):
        references[word].add(phonemes)
    print("| system | training, s | memory, MB | model, MB | answers, s | memory, MB | words/s | wrong words, % "
          "| among the 5 best, % |")
    print("|---|---|---|---|---|---|---|---|---|")
    pairs = read(options.train)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for system in [Phonetisaurus(folder), Ours(folder, options.program, 1), Ours(folder, options.program, 5)]:
            row(system, pairs, references)


if __name__ == "__main__":
    main()
