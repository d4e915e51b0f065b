"""Yoyodyne on work C of `seq2seq bench`: its own kind of attention, at the same sizes and lengths.

    python benchmarks/peer_yoyodyne.py --work C --threads 2

Prints one JSON object with pairs a second. Its model in its trainer, as `yoyodyne fit` runs them, without
progress bar, log, checkpoints and validation, and with the settings that are PyTorch's best: the fused
optimizer, denormal numbers flushed to zero, and all batches prepared before the clock starts.
"""

import time
from functools import partial
from importlib.metadata import version

import torch
from lightning.pytorch import Callback, Trainer
from torch.utils.data import DataLoader
from yoyodyne import data, special
from yoyodyne.models import SoftAttentionLSTMModel
from yoyodyne.models.modules import LSTMEncoder

import works

PAIRS = 128
# Numbers of symbols: those of targets come before those of sources.
TARGET = range(len(special.SPECIAL), len(special.SPECIAL) + 43)
SOURCE = range(TARGET.stop, TARGET.stop + 30)


def sequence(symbols, length):
    return torch.randint(symbols.start, symbols.stop, (length,))


def batch():
    """Random pairs, padded to the longest; Yoyodyne puts marks around each source."""
    begin, end = torch.tensor([special.START_IDX]), torch.tensor([special.END_IDX])
    lengths = torch.randint(5, 13, (PAIRS,)).tolist()
    sources = [torch.cat([begin, sequence(SOURCE, length), end]) for length in lengths]
    targets = [sequence(TARGET, length) for length in lengths]
    return data.Batch(data.PaddedTensor(sources), target=data.PaddedTensor(targets))


class Clock(Callback):
    """Pairs a second of training, from the first batch after the warm-up; stops when the time is over."""

    def __init__(self, seconds):
        self.seconds, self.batches, self.begun, self.speed = seconds, 0, None, None

    def on_train_batch_end(self, trainer, *_):
        self.batches += 1
        if self.begun is None:
            if self.batches == works.WARM_UP:
                self.batches, self.begun = 0, time.perf_counter()
            return
        elapsed = time.perf_counter() - self.begun
        if elapsed >= self.seconds:
            self.speed = self.batches * PAIRS / elapsed
            trainer.should_stop = True


def main():
    options = works.arguments(["C"], ["train"])
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    encoder = LSTMEncoder(embedding_size=256, hidden_size=256, bidirectional=True, dropout=0.0)
    model = SoftAttentionLSTMModel(
        embedding_size=256, decoder_hidden_size=512, decoder_dropout=0.0, source_encoder=encoder,
        vocab_size=SOURCE.stop, target_vocab_size=TARGET.stop, optimizer=partial(torch.optim.Adam, fused=True),
        compute_accuracy=False)
    clock = Clock(options.seconds)
    trainer = Trainer(
        accelerator="cpu", max_epochs=-1, callbacks=[clock], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(model, DataLoader([batch() for _ in range(20)], batch_size=None))
    works.report(f"Yoyodyne {version('yoyodyne')}", clock.speed)


if __name__ == "__main__":
    main()
