"""Progress of training in a terminal, in a notebook, or as lines."""

from __future__ import annotations

import html
import importlib
import sys
import time
from typing import Any, Union

from ._evaluation import Epoch

_WIDTH = 30


def in_notebook() -> bool:
    """Whether a notebook shows what is displayed."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Silent:
    """Shows nothing."""

    def begin(self, about: dict[str, Any]) -> None:
        """Training begins."""

    def note(self, text: str) -> None:
        """There is something to say."""

    def epoch_begins(self, epoch: int, batches: int, pairs: int) -> None:
        """An epoch begins."""

    def batch_done(self, batch: int, loss: float, accuracy: float) -> None:
        """A batch is done; told a few times a second at most."""

    def epoch_done(self, one: Epoch) -> None:
        """An epoch is done."""

    def end(self) -> None:
        """Training is over."""


class Lines(Silent):
    """A line an epoch on standard error, and a bar where that is a terminal."""

    def __init__(self) -> None:
        self.epochs: Union[int, None] = None
        self.epoch = 0
        self.batches = 0
        self.pairs = 0
        self.begun = 0.0
        self.with_bar = sys.stderr.isatty()
        self.shown = 0

    def begin(self, about: dict[str, Any]) -> None:
        if about["budget_seconds"] == 0:
            self.epochs = about["epochs"]
        self.write(f"{about['pairs']} training pairs, {about['dev']} validation pairs")

    def note(self, text: str) -> None:
        self.clear()
        self.write(text)

    def epoch_begins(self, epoch: int, batches: int, pairs: int) -> None:
        self.epoch, self.batches, self.pairs, self.begun = epoch, batches, pairs, time.monotonic()

    def bar(self, batch: int, loss: float, accuracy: float) -> str:
        """How far the epoch is."""
        share = min(1.0, batch / max(1, self.batches))
        seconds = max(1e-9, time.monotonic() - self.begun)
        left = seconds / share - seconds if share > 0 else 0.0
        done = round(_WIDTH * share)
        speed = share * self.pairs / seconds
        return (
            f"epoch {self.numbered(self.epoch)} |{'█' * done}{' ' * (_WIDTH - done)}| {batch}/{self.batches} "
            f"{speed:.0f} pairs/s  loss {loss:.4f}  accuracy {accuracy:.3f}  {left:.0f} s left"
        )

    def numbered(self, epoch: int) -> str:
        """An epoch's number, and how many there will be at most."""
        return f"{epoch}/{self.epochs}" if self.epochs else f"{epoch}"

    def line(self, one: Epoch) -> str:
        """The figures of an epoch."""
        text = (
            f"epoch {self.numbered(one.epoch)}  {one.pairs_per_second:.0f} pairs/s  loss {one.loss:.4f}  "
            f"accuracy {one.accuracy:.4f}"
        )
        if one.validation is None:
            return text
        dev = one.validation
        return (
            f"{text}  |  dev: loss {dev.loss:.4f}  accuracy {dev.accuracy:.4f}  exact match "
            f"{dev.exact_match:.4f}  symbol errors {dev.symbol_error_rate:.4f}{'  best' if dev.best else ''}"
        )

    def batch_done(self, batch: int, loss: float, accuracy: float) -> None:
        if self.with_bar:
            self.clear()
            text = self.bar(batch, loss, accuracy)
            sys.stderr.write(text)
            sys.stderr.flush()
            self.shown = len(text)

    def epoch_done(self, one: Epoch) -> None:
        self.clear()
        self.write(self.line(one))

    def end(self) -> None:
        self.clear()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write(f"\r{' ' * self.shown}\r")
            self.shown = 0

    def write(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


class Notebook(Lines):
    """A bar and the last epochs in the output of a notebook's cell, which is updated in place."""

    #: Epochs that are shown.
    LAST = 10

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.handle: Any = None

    def show(self, bar: str = "") -> None:
        shows: Any = importlib.import_module("IPython.display")
        hidden = len(self.lines) - self.LAST
        lines = ([f"(… {hidden} more)"] if hidden > 0 else []) + self.lines[-self.LAST :]
        text = "\n".join([*lines, bar] if bar else lines)
        page = shows.HTML(f"<pre>{html.escape(text)}</pre>")
        if self.handle is None:
            self.handle = shows.display(page, display_id=True)
        else:
            self.handle.update(page)

    def batch_done(self, batch: int, loss: float, accuracy: float) -> None:
        self.show(self.bar(batch, loss, accuracy))

    def epoch_done(self, one: Epoch) -> None:
        self.write(self.line(one))

    def write(self, text: str) -> None:
        self.lines.append(text)
        self.show()


def shown(progress: Union[bool, None]) -> Silent:
    """What shows progress: by default, where there is a terminal or a notebook to show it."""
    notebook = in_notebook()
    if progress is None:
        progress = notebook or sys.stderr.isatty()
    if not progress:
        return Silent()
    return Notebook() if notebook else Lines()
