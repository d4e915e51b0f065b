"""Our binary, PyTorch, Keras, JAX and Yoyodyne in turn on the same works; writes benchmarks/RESULTS.md.

    benchmarks/setup.sh
    target/peers/bin/python benchmarks/run.py

Every measurement of one is followed by one of each other, so that a noisy minute hits all.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / "target/release/seq2seq"
MODULES = {"PyTorch": "torch", "Keras": "keras", "JAX": "jax", "Yoyodyne": "yoyodyne"}
PEERS = {name: ROOT / f"benchmarks/peer_{module}.py" for name, module in MODULES.items()}
# Work, phase, and the peers that have it: attention is written for PyTorch, and Yoyodyne has its own.
WORKS = [
    ("A", "train", ["PyTorch", "Keras", "JAX"]),
    ("A-small", "train", ["PyTorch", "Keras", "JAX"]),
    ("B", "train", ["PyTorch", "Keras", "JAX"]),
    ("C", "train", ["PyTorch", "Yoyodyne"]),
    ("A", "greedy", ["PyTorch", "Keras"]),
    ("A", "greedy-1", ["PyTorch", "Keras"]),
    ("C", "greedy", ["PyTorch"]),
    ("C", "greedy-1", ["PyTorch"]),
    ("C", "beam5", ["PyTorch"]),
]


def ours(work, phase, threads):
    command = [OURS, "bench", "--work", work, "--phase", phase, "--threads", str(threads), "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    result = report["results"][0]
    return result["per_second"]["median"], result["share_of_limit"]


def peer(name, work, phase, threads):
    command = [sys.executable, PEERS[name], "--work", work, "--phase", phase, "--threads", str(threads)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return report["per_second"]


def spread(values, digits=0):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} - {high:,.{digits}f})"


def process(command):
    """Wall time in seconds and peak memory in MiB of a command."""
    begun = time.perf_counter()
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def start_row(repetitions):
    """From the start of the process to the end of one training step of A."""
    ours_times, peer_times = [], []
    with tempfile.TemporaryDirectory() as folder:
        recipe = ROOT / "recipes/addition-3digit.toml"
        one_batch = ["data.addition.count=128", "data.addition.test_count=0", "data.validation=0",
                     "training.epochs=1"]
        command = [OURS, "train", recipe, "--out", folder + "/run", "--overwrite", "--quiet"]
        command += [word for setting in one_batch for word in ("--set", setting)]
        for _ in range(repetitions):
            ours_times.append(process(command)[0])
            peer_times.append(process([sys.executable, PEERS["PyTorch"], "--work", "A", "--phase", "first"])[0])
    ratio = statistics.median(peer_times) / statistics.median(ours_times)
    return f"| start to first trained batch of A, s | {spread(ours_times, 2)} | {spread(peer_times, 2)} | {ratio:.1f} |"


def memory_row(work):
    """The most memory that a process needs at once, while it trains."""
    ours_peak = process([OURS, "bench", "--work", work, "--phase", "train"])[1]
    peer_peak = process([sys.executable, PEERS["PyTorch"], "--work", work])[1]
    return f"| peak memory, training {work}, MiB | {ours_peak:.0f} | {peer_peak:.0f} | {peer_peak / ours_peak:.1f} |"


def row(work, phase, peers, threads, repetitions):
    ours_speeds, shares = [], []
    speeds = {name: [] for name in peers}
    for _ in range(repetitions):
        speed, share = ours(work, phase, threads)
        ours_speeds.append(speed)
        shares.append(share)
        for name in peers:
            speeds[name].append(peer(name, work, phase, threads))
    cells = [work, phase, threads, spread(ours_speeds), f"{statistics.median(shares):.0%}"]
    for name in PEERS:
        if name in peers:
            ratio = statistics.median(ours_speeds) / statistics.median(speeds[name])
            print(f"{work} {phase} {threads}: {ratio:.2f} x {name}", file=sys.stderr)
            cells += [spread(speeds[name]), f"**{ratio:.2f}**"]
        else:
            cells += ["", ""]
    return "| " + " | ".join(map(str, cells)) + " |"


def versions():
    return ", ".join(f"{name} {version(package)}" for name, package in MODULES.items())


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = line.split()
            return next((kind for kind in ("avx512f", "avx2") if kind in flags), "no AVX2")
    return platform.machine()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    rows = [row(*work, threads, options.repetitions) for work in WORKS for threads in options.threads]
    text = f"""# Results

Written by `benchmarks/run.py`: pairs (training) or inputs (decoding) a second, median, minimum and
maximum of {options.repetitions} run(s) of each in turn. {platform.system()} on {platform.machine()}, {processor()}.
The limit is what matrix products of the same shapes reach alone on this machine.

{versions()} (with TensorFlow {version("tensorflow-cpu")}), each in the fastest way that we found.

| work | phase | threads | seq2seq | of the limit | PyTorch | ratio | Keras | ratio | JAX | ratio | Yoyodyne | ratio |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
""" + "\n".join(rows) + f"""

| | seq2seq | PyTorch | ratio |
|---|---|---|---|
{start_row(options.repetitions)}
{memory_row("A")}
{memory_row("C")}

The first of these is the wall time of the whole command, with reading, evaluation and files.
"""
    (ROOT / "benchmarks/RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
