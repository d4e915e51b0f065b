"""Threads, forks and other processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest
from conftest import G2P, TINY, run

import seq2seq

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_a_fork(work: Callable[[], bool]) -> bool:
    """Whether the work is done within 10 seconds in a forked child."""
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        try:
            fine = work()
        except BaseException:
            fine = False
        os._exit(0 if fine else 1)
    return os.waitpid(child, 0)[1] == 0


@forks
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_predicts_and_trains(
    model: seq2seq.Model, words: list[str], pairs: list[tuple[str, str]]
) -> None:
    wanted = model.predict(words)
    trained = seq2seq.train(pairs, settings=TINY).to_bytes()
    for _ in range(3):
        assert in_a_fork(lambda: model.predict(words) == wanted)
        assert in_a_fork(lambda: seq2seq.train(pairs, settings=TINY).to_bytes() == trained)
    # While other threads compute.
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            model.predict(words[:100])

    others = [threading.Thread(target=busy) for _ in range(2)]
    for thread in others:
        thread.start()
    try:
        for _ in range(10):
            assert in_a_fork(lambda: model.predict(words[:100]) == wanted[:100])
    finally:
        stop.set()
        for thread in others:
            thread.join()


POOL = """
import multiprocessing, sys
import seq2seq

def answer(word):
    return model.predict(word)

model = seq2seq.Model.load(sys.argv[1])

if __name__ == "__main__":
    words = ["seashell", "phone", "zebra"] * 20
    wanted = model.predict(words)
    context = multiprocessing.get_context(sys.argv[2])
    with context.Pool(2) as pool:
        assert pool.map_async(answer, words).get(timeout=40) == wanted
        assert pool.map_async(model.predict, words).get(timeout=40) == wanted
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_pools_of_processes(method: str, tmp_path: object) -> None:
    import multiprocessing

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    # A file, which spawned children read.
    script = f"{tmp_path}/pool.py"
    with open(script, "w") as file:
        file.write(POOL)
    run("import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        if method == "fork" else
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))",
        script, G2P, method)  # fmt: skip


def test_joblib(model: seq2seq.Model, words: list[str]) -> None:
    joblib = pytest.importorskip("joblib")
    parts = [words[:50], words[50:100]]
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(model.predict)(part) for part in parts)
    assert found == [model.predict(part) for part in parts]


def test_threads_share_a_model(model: seq2seq.Model, words: list[str]) -> None:
    wanted = model.predict(words)
    found: list[object] = [None] * 4

    def work(number: int) -> None:
        found[number] = model.predict(words)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="counts the threads of Linux")
def test_no_thread_is_left_behind_but_a_pool(pairs: list[tuple[str, str]]) -> None:
    printed = run(
        """
        import gc, os, sys
        import seq2seq

        def count():
            return len(os.listdir("/proc/self/task"))

        before = count()
        model = seq2seq.Model.load(sys.argv[1])
        pairs = [(f"{n:03}", f"{n:03}"[::-1]) for n in range(100)]
        settings = {"model.architecture": "recurrent", "model.encoder_units": 8, "training.epochs": 1}
        counts = []
        for _ in range(5):
            model.predict(["seashell"] * 200)
            seq2seq.train(pairs, settings=settings)
            counts.append(count() - before)
        del model
        gc.collect()
        print(*counts, seq2seq.threads())
        """,
        G2P,
    )
    *counts, threads = map(int, printed.split())
    assert len(set(counts)) == 1 and counts[0] <= 2 * threads
