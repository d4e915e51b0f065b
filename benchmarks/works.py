"""What the peers share: sizes of the works, random batches, the clock, the command line.

The works are those of `seq2seq bench`; speed does not depend on what the numbers are.
"""

import argparse
import json
import random
import time

import numpy as np

# Symbols of source and target, steps of both, units, pairs a batch, batches.
SIZES = {
    "A": (13, 13, 8, 4, 128, 128, 39),
    "A-small": (13, 13, 8, 4, 64, 16, 39),
    "B": (72, 92, 16, 59, 256, 64, 20),
}
# Pairs a batch of C. Its symbols are the characters from this one on; 0 stands for padding.
C_BATCH, C_FIRST = 128, 0x4E00
C_SOURCE, C_TARGET = 30, 42
WARM_UP = 8


def batches(name):
    """For each batch: source `[batch, steps]`, what the decoder reads, and what it is to give."""
    source, target, source_steps, target_steps, _, batch, count = SIZES[name]
    rng = np.random.default_rng(1)
    draw = lambda symbols, steps: rng.integers(0, symbols, (batch, steps))
    return [(draw(source, source_steps), draw(target, target_steps), draw(target, target_steps))
            for _ in range(count)]


def pairs_of_c(path):
    """The pairs that `seq2seq bench --pairs C` prints, as lists of numbers."""
    numbers = lambda text: [ord(symbol) - C_FIRST for symbol in text]
    with open(path, encoding="utf-8") as lines:
        return [tuple(map(numbers, line.rstrip("\n").split("\t"))) for line in lines]


def batches_by_length(pairs, batch):
    """Batches of pairs of similar lengths, in random order: as little padding as `seq2seq` has."""
    pairs = sorted(pairs, key=lambda pair: (len(pair[1]), len(pair[0])))
    cut = [pairs[start : start + batch] for start in range(0, len(pairs) - batch + 1, batch)]
    random.Random(1).shuffle(cut)
    return cut


def symbols_of(name, batches=None):
    """Source and target symbols that a pair takes on average: without padding, and with it."""
    if batches is None:
        steps = SIZES[name][2] + SIZES[name][3]
        return {"symbols": steps, "with_padding": steps}
    # With the end mark of each target.
    pairs = [pair for batch in batches for pair in batch]
    own = sum(len(source) + len(target) + 1 for source, target in pairs)
    longest = lambda batch, side: max(len(pair[side]) for pair in batch)
    padded = sum(len(batch) * (longest(batch, 0) + longest(batch, 1) + 1) for batch in batches)
    return {"symbols": own / len(pairs), "with_padding": padded / len(pairs)}


def one_hot(ids, symbols):
    return np.eye(symbols, dtype=np.float32)[ids]


def per_second(run, each, seconds):
    """Pairs or inputs a second, if `run(number)` handles `each` of them; the first runs do not count."""
    done, begun = 0, None
    while begun is None or time.perf_counter() - begun < seconds:
        run(done)
        done += 1
        if begun is None and done == WARM_UP:
            done, begun = 0, time.perf_counter()
    return done * each / (time.perf_counter() - begun)


def arguments(works, phases):
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", choices=works, required=True)
    parser.add_argument("--phase", choices=phases, default="train")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--pairs", help="the pairs of C: what `seq2seq bench --pairs C` prints")
    options = parser.parse_args()
    if options.work == "C" and not options.pairs:
        parser.error("--work C needs its pairs: seq2seq bench --pairs C > FILE, then --pairs FILE")
    return options


def report(peer, speed, options, batches=None):
    """Prints the result; `batches` are those of C, as pairs."""
    symbols = symbols_of(options.work, batches)
    print(json.dumps({"peer": peer, "precision": options.precision, "per_second": speed, **symbols}))
