"""The command that the wheel installs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import G2P

import seq2seq

COMMAND = Path(sys.executable).parent / "seq2seq"


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]


def test_the_command_answers_as_the_package_does(model: seq2seq.Model, words: list[str]) -> None:
    done = run("predict", G2P, input="\n".join(words))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [answer.text for answer in model.predict(words)]
    module = subprocess.run([sys.executable, "-m", "seq2seq", "--version"], capture_output=True, text=True)
    assert seq2seq.__version__ in module.stdout


def test_the_command_has_exit_codes() -> None:
    assert run("predict", "/nowhere").returncode == 1
    assert run("predict", "--beem", "3").returncode == 2
    assert run().returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_training_in_good_order(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{n:05}\t{n:05}\n" for n in range(20000)))
    command = [COMMAND, "train", pairs, "--out", tmp_path / "run", "--set", "training.epochs=500"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert child.stderr is not None and "training pairs" in child.stderr.readline()
    time.sleep(2)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=20)
    assert child.returncode == 130 and "train --resume" in told
