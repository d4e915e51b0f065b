"""Promises about time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

import pytest
from conftest import G2P, run


def test_the_package_is_imported_quickly() -> None:
    def seconds(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    seconds("import seq2seq")  # writes what Python keeps of the sources
    without, with_it = ([seconds(code) for _ in range(7)] for code in ("pass", "import seq2seq"))
    took = statistics.median(with_it) - statistics.median(without)
    print(f"import: {1000 * took:.0f} ms")
    # A machine that does other work, too, is given time.
    assert took < 0.3


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat() -> None:
    printed = run(
        """
        import gc, sys
        import seq2seq

        def kilobytes():
            gc.collect()
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

        path, predictions, trainings = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        model = seq2seq.Model.load(path)
        pairs = [(f"{n:03}", f"{n:03}"[::-1]) for n in range(60)]
        settings = {"model.architecture": "recurrent", "model.encoder_units": 8, "training.epochs": 1}

        def predict(count):
            for _ in model.predict_iter("seashell" if n % 3 else "phonetics" for n in range(count)):
                pass

        def train(count):
            for _ in range(count):
                seq2seq.train(pairs, settings=settings)

        for work, count in (predict, predictions), (train, trainings):
            work(count // 4)
            before = kilobytes()
            work(count)
            print(kilobytes() - before)
        """,
        G2P,
        100_000,
        200,
        timeout=600,
    )
    predicting, training = map(int, printed.split())
    print(f"growth: {predicting} kB predicting, {training} kB training")
    assert predicting < 3_000 and training < 3_000


def test_two_threads_predict_at_once() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one processor")
    printed = run(
        """
        import sys, threading, time
        import seq2seq

        model = seq2seq.Model.load(sys.argv[1])
        words = ["seashell", "phone", "photograph", "zebra"] * 100
        seq2seq.set_threads(1)

        def work():
            for word in words:
                model.predict(word)

        def seconds(threads):
            begun = time.perf_counter()
            running = [threading.Thread(target=work) for _ in range(threads)]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
            return time.perf_counter() - begun

        work()
        print(max(2 * seconds(1) / seconds(2) for _ in range(5)))

        # Python goes on while a call computes.
        call = threading.Thread(target=model.predict, args=(words * 20,))
        steps = 0
        call.start()
        while call.is_alive():
            steps += 1
        print(steps)
        """,
        G2P,
    )
    times, steps = printed.split()
    # A figure for docs/python.md, which other work on the machine changes.
    print(f"two threads do {float(times):.2f} times the work of one")
    assert int(steps) > 10_000
