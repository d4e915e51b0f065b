"""Yoyodyne on work C of `seq2seq bench`: its own kind of attention, at the same sizes and lengths.

    seq2seq bench --pairs C > pairs.tsv
    python benchmarks/peer_yoyodyne.py --work C --pairs pairs.tsv --threads 2

Prints one JSON object with pairs a second, and the symbols of a pair. Its model and its loss, without the trainer of `yoyodyne fit`, which
measured no slower, and with the settings that are PyTorch's best: the fused optimizer,
denormal numbers flushed to zero, and all batches prepared before the clock starts. `--precision bf16` trains with
`torch.autocast`.
"""

from contextlib import nullcontext
from functools import partial
from importlib.metadata import version

import torch
from yoyodyne import data, special
from yoyodyne.models import SoftAttentionLSTMModel
from yoyodyne.models.modules import LSTMEncoder

import works

# Numbers of symbols: those of targets come before those of sources.
TARGET = range(len(special.SPECIAL), len(special.SPECIAL) + works.C_TARGET)
SOURCE = range(TARGET.stop, TARGET.stop + works.C_SOURCE + 1)


def sequence(symbols, first):
    return torch.tensor([first + symbol for symbol in symbols])


def batch(pairs):
    """Pairs, padded to the longest; Yoyodyne puts marks around each source and an end mark after each target."""
    begin, end = torch.tensor([special.START_IDX]), torch.tensor([special.END_IDX])
    sources = [torch.cat([begin, sequence(source, SOURCE.start), end]) for source, _ in pairs]
    targets = [torch.cat([sequence(target, TARGET.start), end]) for _, target in pairs]
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
    pairs = works.batches_by_length(works.pairs_of_c(options.pairs), works.C_BATCH)
    batches = list(map(batch, pairs))
    is_bf16 = options.precision == "bf16"
    precision = lambda: torch.autocast("cpu", torch.bfloat16) if is_bf16 else nullcontext()

    def run(at):
        these = batches[at % len(batches)]
        with precision():
            scores = model(these)
        loss = model.loss_func(scores.float(), these.target.tensor)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()

    speed = works.per_second(run, works.C_BATCH, options.seconds)
    works.report(f"Yoyodyne {version('yoyodyne')}", speed, options, pairs)


if __name__ == "__main__":
    main()
