#!/usr/bin/env python3
"""Runs the tests that count something and writes what they count into docs/reliability.md:

    docs/reliability.py [KILLS [MUTATIONS]]

200 kills and 1,000,000 mutations take about a quarter of an hour on two cores.
"""

import datetime
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- counted -->\n", "<!-- end -->\n"


def output(*command, **environment):
    """What a command prints; it must succeed."""
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{run.stdout[-3000:]}")
    return run.stdout


def test(*arguments, **environment):
    return output("cargo", "test", "--workspace", *arguments, "--", "--nocapture", **environment)


def number(text):
    return f"{int(text):,}"


def main():
    kills, mutations = (sys.argv[1:] + ["200", "1000000"][len(sys.argv) - 1 :])[:2]
    rows = []
    found = re.search(r"(\d+) kills in (\d+) runs survived", test("--test", "kills", SEQ2SEQ_KILLS=kills))
    rows.append((f"kills of a training process, in {found[2]} runs", found[1]))
    faults = re.findall(r"(\d+) faults survived", test("--lib", "fault_tests"))
    rows.append(("writes that failed once, in a new and in a resumed run", str(sum(map(int, faults)))))
    for target, count in re.findall(r"(\w+): (\d+) mutations", test("--test", "fuzz", SEQ2SEQ_FUZZ=mutations)):
        rows.append((f"mutated inputs: {target.replace('_', ' ')}", count))
    found = re.search(r"(\d+) command lines refused", test("--test", "bad_arguments"))
    rows.append(("command lines that are refused", found[1]))
    kernels = re.findall(r"test result: ok. (\d+) passed", output("cargo", "test", "-p", "rnn-kernels"))
    rows.append(("tests of the kernels", str(sum(map(int, kernels)))))

    revision = output("git", "rev-parse", "--short", "HEAD").strip()
    date = datetime.date.today().isoformat()
    lines = [f"Counted on {date} at revision {revision} by `docs/reliability.py {kills} {mutations}`:\n\n"]
    lines += ["| what | how many |\n", "|---|---|\n"]
    lines += [f"| {what} | {number(count)} |\n" for what, count in rows]
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + "".join(lines) + END + after)


if __name__ == "__main__":
    main()
