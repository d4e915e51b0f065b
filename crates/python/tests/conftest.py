"""What several tests need."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import seq2seq

ROOT = Path(__file__).resolve().parents[3]
G2P = ROOT / "crates/runtime/examples/g2p.safetensors"
#: A network so small that a training of it takes a moment.
TINY = {
    "model.architecture": "recurrent",
    "model.encoder_units": 8,
    "model.embedding": 4,
    "training.batch_size": 16,
    "training.epochs": 2,
}


@pytest.fixture(scope="session")
def model() -> seq2seq.Model:
    """Pronunciations, with hard monotonic attention."""
    return seq2seq.Model.load(G2P)


@pytest.fixture(scope="session")
def words() -> list[str]:
    """Words that the model has not seen."""
    lines = (ROOT / "data/g2p_cmudict_sample/test.tsv").read_text().splitlines()
    return [line.split("\t")[0] for line in lines]


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    """Pairs that are learned quickly: texts and the same backwards."""
    return [(f"{n:03}", f"{n:03}"[::-1]) for n in range(0, 999, 7)]


def program() -> Path:
    """The program of the same build."""
    folder = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = folder / "debug" / "seq2seq"
    if not path.exists():
        pytest.skip(f"there is no program at {path}")
    return path


def run(script: str, *arguments: object, timeout: float = 60) -> str:
    """Runs a script in a process of its own; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
