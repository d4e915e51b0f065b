#!/usr/bin/env python3
"""Runs the commands of docs/decoding.md and docs/metrics.md and writes what they print into the pages:

    docs/examples.py target/release/seq2seq

Training the models takes some minutes. Numbers differ in their last digits between kinds of processors.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ["docs/decoding.md", "docs/metrics.md"]
FILES = {"words.txt": "cashier's\nwigglesworth\nincitement\n", "pets.txt": "K AE T\nD AO G\n"}


def trainings(decoding):
    """The training commands: the one that the page gives, and those of its other models."""
    first = re.search(r"```sh\n(seq2seq train .*?)```", decoding, re.S).group(1)
    over = first.replace("--out g2p ", "--out g2p_over ").replace("training.epochs=14", "training.epochs=25")
    return [
        first,
        over.rstrip() + " --set training.keep_best=false",
        "seq2seq train recipes/dates.toml --out dates",
        "seq2seq train recipes/addition-3digit-reversed.toml --out runs/addition-3digit-reversed",
    ]


def refreshed(page, run):
    """The page with what its commands print now. A command begins with `$ `; after `|` or `\\` it goes on in the next
    line."""

    def block(match):
        lines, output = match.group(1).splitlines(), []
        if not lines or not lines[0].startswith("$ "):
            return match.group(0)
        commands = []
        for line in lines:
            if line.startswith("$ "):
                commands.append([line])
            elif commands[-1][-1].endswith(("|", "\\")):
                commands[-1].append(line)
        for command in commands:
            output += command + run("\n".join(command)[2:]).rstrip("\n").splitlines()
        return "```\n" + "\n".join(output) + "\n```"

    return re.sub(r"^```\n(.*?)\n```$", block, page, flags=re.S | re.M)


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "bin").mkdir()
        (folder / "bin/seq2seq").symlink_to(pathlib.Path(program).resolve())
        for name in ["data", "recipes"]:
            (folder / name).symlink_to(ROOT / name)
        for name, text in FILES.items():
            (folder / name).write_text(text)
        path = f"{folder / 'bin'}:{os.environ['PATH']}"

        def run(command):
            result = subprocess.run(
                ["bash", "-c", f"exec 2>&1\n{command}"],
                cwd=folder, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True, check=True,
            )
            return result.stdout

        pages = {name: (ROOT / name).read_text() for name in PAGES}
        for command in trainings(pages[PAGES[0]]):
            run(command)
        for name, page in pages.items():
            (ROOT / name).write_text(refreshed(page, run))


if __name__ == "__main__":
    main(*sys.argv[1:])
