"""Yoyodyne on work C of `seq2seq bench`: its own kind of attention, at the same sizes and lengths.

    python benchmarks/peer_yoyodyne.py --work C --threads 2

Prints one JSON object with pairs a second. Its model and its loss, without the trainer of `yoyodyne fit`, which
measured no slower, and with the settings that are PyTorch's best: the fused optimizer,
denormal numbers flushed to zero, and all batches prepared before the clock starts.
"""

from functools import partial
from importlib.metadata import version

import torch
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
    optimizer = model.configure_optimizers()[0][0]
    batches = [batch() for _ in range(20)]

    def run(at):
        pairs = batches[at % len(batches)]
        loss = model.loss_func(model(pairs), pairs.target.tensor)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()

    works.report(f"Yoyodyne {version('yoyodyne')}", works.per_second(run, PAIRS, options.seconds))


if __name__ == "__main__":
    main()
