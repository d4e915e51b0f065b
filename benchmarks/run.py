"""Our binary, PyTorch, Keras, JAX and Yoyodyne in turn on the same works; writes benchmarks/RESULTS.md.

    benchmarks/setup.sh
    target/peers/bin/python benchmarks/run.py

Every measurement of one is followed by one of each other, so that a noisy minute hits all. Training is measured in
f32 and bf16; of the two, the table has the faster one of each peer. The results of a kind of processor take the place
of those that RESULTS.md has of that kind, and leave the others as they are.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / "target/release/seq2seq"
MODULES = {"PyTorch": "torch", "Keras": "keras", "JAX": "jax", "Yoyodyne": "yoyodyne"}
PEERS = {name: ROOT / f"benchmarks/peer_{module}.py" for name, module in MODULES.items()}
# Kinds of processors, by what they have of the most that matters.
KINDS = [("amx_bf16", "x86-64 with AMX"), ("avx512_bf16", "x86-64 with AVX512-BF16"), ("avx512f", "x86-64 with AVX-512"),
         ("avx2", "x86-64 with AVX2")]
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


def output(command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def ours(precision, work, phase, threads):
    report = json.loads(output([OURS, "bench", "--work", work, "--phase", phase, "--threads", threads,
                                "--precision", precision, "--json"]))
    result = report["results"][0]
    return result["per_second"]["median"], result["share_of_limit"], result["symbols"]


def peer(name, precision, work, phase, threads, pairs):
    report = json.loads(output([sys.executable, PEERS[name], "--work", work, "--phase", phase, "--threads", threads,
                                "--precision", precision, "--pairs", pairs]))
    return report["per_second"], report["with_padding"]


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


def faster(speeds):
    """The precision whose median is highest, with its speeds."""
    return max(speeds.items(), key=lambda item: statistics.median(item[1]))


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


def memory_row(work, pairs):
    """The most memory that a process needs at once, while it trains."""
    ours_peak = process([OURS, "bench", "--work", work, "--phase", "train"])[1]
    peer_peak = process([sys.executable, PEERS["PyTorch"], "--work", work, "--pairs", pairs])[1]
    return f"| peak memory, training {work}, MiB | {ours_peak:.0f} | {peer_peak:.0f} | {peer_peak / ours_peak:.1f} |"


def row(work, phase, peers, threads, repetitions, pairs):
    precisions = ["f32", "bf16"] if phase == "train" else ["f32"]
    ours_speeds, shares = {name: [] for name in precisions}, {name: [] for name in precisions}
    speeds = {name: {precision: [] for precision in precisions} for name in peers}
    symbols = set()
    for _ in range(repetitions):
        for precision in precisions:
            speed, share, own = ours(precision, work, phase, threads)
            ours_speeds[precision].append(speed)
            shares[precision].append(share)
            symbols.add(f"{own:.1f}")
            for name in peers:
                speed, own = peer(name, precision, work, phase, threads, pairs)
                speeds[name][precision].append(speed)
                symbols.add(f"{own:.1f}")
    cells = [work, phase, threads, " / ".join(sorted(symbols, key=float))]
    for precision in ("f32", "bf16"):
        if precision in precisions:
            cells += [spread(ours_speeds[precision]), f"{statistics.median(shares[precision]):.0%}"]
        else:
            cells += ["", ""]
    for name in PEERS:
        if name in peers:
            precision, best = faster(speeds[name])
            ratio = statistics.median(faster(ours_speeds)[1]) / statistics.median(best)
            print(f"{work} {phase} {threads}: {ratio:.2f} x {name}", file=sys.stderr)
            cells += [f"{precision}: {spread(best)}", f"**{ratio:.2f}**"]
        else:
            cells += ["", ""]
    return "| " + " | ".join(map(str, cells)) + " |"


def versions():
    found = [f"{name} {version(package)}" for name, package in MODULES.items() if find_spec(package)]
    tensorflow = f" (with TensorFlow {version('tensorflow-cpu')})" if find_spec("tensorflow") else ""
    return ", ".join(found) + tensorflow


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = line.split()
            return next((kind for flag, kind in KINDS if flag in flags), "x86-64 without AVX2")
    return platform.machine()


def with_section(text, kind, section):
    """The page with a section for a kind of processor in the place of the one that it had."""
    head, *sections = text.split("\n## ")
    kept = [part for part in sections if part.splitlines()[0] != kind]
    return "\n## ".join([head.rstrip("\n") + "\n", *kept, section]).rstrip("\n") + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--phase", action="append", help="measure only this phase; may be repeated")
    options = parser.parse_args()
    chosen = [work for work in WORKS if not options.phase or work[1] in options.phase]
    installed = lambda peers: [name for name in peers if find_spec(MODULES[name])]
    with tempfile.TemporaryDirectory() as folder:
        pairs = Path(folder) / "c.tsv"
        pairs.write_text(output([OURS, "bench", "--pairs", "C"]), encoding="utf-8")
        rows = [row(work, phase, installed(peers), threads, options.repetitions, pairs)
                for work, phase, peers in chosen for threads in options.threads]
        others = [start_row(options.repetitions), memory_row("A", pairs), memory_row("C", pairs)]
    command = " ".join(["benchmarks/run.py", *sys.argv[1:]])
    section = f"""{processor()}

{datetime.date.today()}, {platform.system()}, `{command}`: {options.repetitions} run(s) of each in turn. {versions()}.

| work | phase | threads | symbols | seq2seq, f32 | of limit | seq2seq, bf16 | of limit | {" | ratio | ".join(PEERS)} | ratio |
|{"---|" * (8 + 2 * len(PEERS))}
""" + "\n".join(rows) + """

| | seq2seq | PyTorch | ratio |
|---|---|---|---|
""" + "\n".join(others) + "\n"
    page = ROOT / "benchmarks/RESULTS.md"
    page.write_text(with_section(page.read_text(encoding="utf-8"), processor(), section), encoding="utf-8")
    print(section)


if __name__ == "__main__":
    main()
