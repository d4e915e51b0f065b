"""Our binary and PyTorch in turn on the same works; writes benchmarks/RESULTS.md.

    benchmarks/setup.sh
    target/peers/bin/python benchmarks/run.py

Every measurement of one is followed by one of the other, so that a noisy minute hits both.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / "target/release/seq2seq"
PEER = ROOT / "benchmarks/peer_torch.py"
WORKS = [("A", "train"), ("B", "train"), ("C", "train"), ("A", "greedy"), ("A", "greedy-1")]


def ours(work, phase, threads):
    command = [OURS, "bench", "--work", work, "--phase", phase, "--threads", str(threads), "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    result = report["results"][0]
    return result["per_second"]["median"], result["share_of_limit"]


def peer(work, phase, threads):
    command = [sys.executable, PEER, "--work", work, "--phase", phase, "--threads", str(threads)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return report["per_second"], report["peer"]


def spread(values):
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} - {max(values):,.0f})"


def row(work, phase, threads, repetitions):
    our_speeds, shares, peer_speeds, name = [], [], [], ""
    for _ in range(repetitions):
        speed, share = ours(work, phase, threads)
        our_speeds.append(speed)
        shares.append(share)
        speed, name = peer(work, phase, threads)
        peer_speeds.append(speed)
    ratio = statistics.median(our_speeds) / statistics.median(peer_speeds)
    print(f"{work} {phase} {threads}: {ratio:.2f} x {name}", file=sys.stderr)
    cells = [work, phase, threads, spread(our_speeds), spread(peer_speeds), f"{ratio:.2f}",
             f"{statistics.median(shares):.0%}"]
    return name, "| " + " | ".join(map(str, cells)) + " |"


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = line.split()
            return next((kind for kind in ("avx512f", "avx2") if kind in flags), "no AVX2")
    return platform.machine()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    rows = [row(work, phase, threads, options.repetitions)
            for work, phase in WORKS for threads in options.threads]
    name = rows[0][0]
    text = f"""# Results

Written by `benchmarks/run.py`: pairs (training) or inputs (decoding) a second, median, minimum and
maximum of {options.repetitions} runs of each in turn. {platform.system()} on {platform.machine()}, {processor()}.
The limit is what matrix products of the same shapes reach alone on this machine.

| work | phase | threads | seq2seq | {name} | ratio | share of the limit |
|---|---|---|---|---|---|---|
""" + "\n".join(line for _, line in rows) + "\n"
    (ROOT / "benchmarks/RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
