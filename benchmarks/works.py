"""What the peers share: sizes of the works, random batches, the clock, the command line.

The works are those of `seq2seq bench`; speed does not depend on what the numbers are.
"""

import argparse
import json
import time

import numpy as np

# Symbols of source and target, steps of both, units, pairs a batch, batches.
SIZES = {
    "A": (13, 13, 8, 4, 128, 128, 39),
    "A-small": (13, 13, 8, 4, 64, 16, 39),
    "B": (72, 92, 16, 59, 256, 64, 20),
}
WARM_UP = 8


def batches(name):
    """For each batch: source `[batch, steps]`, what the decoder reads, and what it is to give."""
    source, target, source_steps, target_steps, _, batch, count = SIZES[name]
    rng = np.random.default_rng(1)
    draw = lambda symbols, steps: rng.integers(0, symbols, (batch, steps))
    return [(draw(source, source_steps), draw(target, target_steps), draw(target, target_steps))
            for _ in range(count)]


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
    return parser.parse_args()


def report(peer, speed):
    print(json.dumps({"peer": peer, "per_second": speed}))
