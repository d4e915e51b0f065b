"""PyTorch on the works of `seq2seq bench`: same sizes, same lengths, same batches.

    python benchmarks/peer_torch.py --work A --phase train --threads 2 --precision bf16

Prints one JSON object with pairs (training) or inputs (decoding) a second, and the symbols of a pair. PyTorch's
best settings for this work: its fused LSTM over whole sequences, the fused optimizer, denormal numbers flushed to
zero, and all batches prepared as tensors before the clock starts. `--precision bf16` trains with
`torch.autocast`.
"""

from contextlib import nullcontext

import torch
from torch import nn
from torch.nn import functional as F

import works


class Recurrent(nn.Module):
    """Works A and B: one-hot symbols, the encoder's final state, a decoder, a dense layer."""

    def __init__(self, source, target, units):
        super().__init__()
        self.sizes = source, target
        self.encoder = nn.LSTM(source, units, batch_first=True)
        self.decoder = nn.LSTM(target, units, batch_first=True)
        self.output = nn.Linear(units, target)

    def encode(self, source):
        return self.encoder(F.one_hot(source, self.sizes[0]).float())[1]

    def decode(self, read, state):
        hidden, state = self.decoder(F.one_hot(read, self.sizes[1]).float(), state)
        return self.output(hidden), state

    def forward(self, source, read):
        return self.decode(read, self.encode(source))[0]


class Attention(nn.Module):
    """Work C: embeddings, a bidirectional encoder, Luong's general attention."""

    def __init__(self, source, target):
        super().__init__()
        self.source = nn.Embedding(source, 256)
        self.target = nn.Embedding(target, 256)
        self.encoder = nn.LSTM(256, 256, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(256, 512, batch_first=True)
        self.key = nn.Linear(512, 512, bias=False)
        self.attentional = nn.Linear(1024, 512)
        self.output = nn.Linear(512, target)

    def encode(self, source, mask):
        states, (h, c) = self.encoder(self.source(source))
        joined = lambda state: torch.cat([state[0], state[1]], 1).unsqueeze(0)
        return (states, self.key(states).transpose(1, 2), mask.unsqueeze(1)), (joined(h), joined(c))

    def decode(self, read, memory, state):
        states, keys, mask = memory
        hidden, state = self.decoder(self.target(read), state)
        weights = (hidden @ keys).masked_fill(mask, -1e9).softmax(2)
        both = torch.cat([hidden, weights @ states], 2)
        return self.output(torch.tanh(self.attentional(both))), state

    def forward(self, source, read, mask):
        memory, state = self.encode(source, mask)
        return self.decode(read, memory, state)[0]


def words(path):
    """The batches of C, as pairs."""
    return works.batches_by_length(works.pairs_of_c(path), works.C_BATCH)


def padded(rows, padding):
    return torch.nn.utils.rnn.pad_sequence(list(map(torch.tensor, rows)), True, padding)


def work(name, path):
    """Model, batches of model inputs and expected symbols, batch size."""
    if name in works.SIZES:
        source, target, _, _, units, batch, _ = works.SIZES[name]
        tensors = [map(torch.from_numpy, parts) for parts in works.batches(name)]
        batches = [((question, read), expected) for question, read, expected in tensors]
        return Recurrent(source, target, units), batches, batch
    # What the decoder reads first, and the end mark of a target.
    begin, end = works.C_TARGET, works.C_TARGET + 1
    batches = []
    for pairs in words(path):
        source = padded([source for source, _ in pairs], 0)
        read = padded([[begin, *target] for _, target in pairs], 0)
        expected = padded([[*target, end] for _, target in pairs], -100)
        batches.append(((source, read, source == 0), expected))
    return Attention(works.C_SOURCE + 1, works.C_TARGET + 2), batches, works.C_BATCH


def train(options):
    model, batches, batch = work(options.work, options.pairs)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    is_bf16 = options.precision == "bf16"
    precision = lambda: torch.autocast("cpu", torch.bfloat16) if is_bf16 else nullcontext()

    def run(at):
        inputs, expected = batches[at % len(batches)]
        with precision():
            scores = model(*inputs)
        loss = F.cross_entropy(scores.float().flatten(0, 1), expected.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()

    return works.per_second(run, batch, options.seconds)


def greedy_addition(model, inputs):
    """Four steps, as long as every answer."""
    source = inputs[0]
    state = model.encode(source)
    read = torch.zeros(len(source), 1, dtype=torch.long)
    for _ in range(4):
        scores, state = model.decode(read, state)
        read = scores.argmax(2)
    return read


def greedy_words(model, inputs, steps):
    memory, state = model.encode(*inputs)
    read = torch.zeros(len(inputs[0]), 1, dtype=torch.long)
    for _ in range(steps):
        scores, state = model.decode(read, memory, state)
        read = scores.argmax(2)
    return read


def beam_words(model, inputs, steps, size=5):
    """The `size` best hypotheses of every word, all words side by side."""
    memory, state = model.encode(*inputs)
    batch = len(inputs[0])
    memory = tuple(part.repeat_interleave(size, 0) for part in memory)
    state = tuple(part.repeat_interleave(size, 1) for part in state)
    read = torch.zeros(batch * size, 1, dtype=torch.long)
    total = torch.full((batch, size), -1e9)
    total[:, 0] = 0
    first = torch.arange(batch).unsqueeze(1) * size
    for _ in range(steps):
        scores, state = model.decode(read, memory, state)
        log_probs = scores[:, 0].log_softmax(1).view(batch, size, -1)
        symbols = log_probs.shape[2]
        total, best = (total.unsqueeze(2) + log_probs).view(batch, -1).topk(size)
        rows = (first + best // symbols).flatten()
        read = (best % symbols).view(-1, 1)
        # Attention's memory is the same for all hypotheses of a word.
        state = tuple(part[:, rows] for part in state)
    return read


@torch.inference_mode()
def decode(options):
    name, phase = options.work, options.phase
    model, batches, _ = work(name, options.pairs)
    batch = 1 if phase == "greedy-1" else 128
    cut = lambda inputs: tuple(part[:batch] for part in inputs)
    if name == "C":
        # An answer is as long as its word: one word at a time ends at its own length.
        words = [(cut((inputs[0], inputs[2])), inputs[2][:batch]) for inputs, _ in batches]
        words = [(inputs, int((~mask).sum(1).max())) for inputs, mask in words]
        words = [((source[:, :steps], mask[:, :steps]), steps) for (source, mask), steps in words]
        run = lambda at: (beam_words if phase == "beam5" else greedy_words)(model, *words[at % len(words)])
    else:
        run = lambda at: greedy_addition(model, cut(batches[at % len(batches)][0]))
    return works.per_second(lambda at: run(at).tolist(), batch, options.seconds)


def first_batch(options):
    """One training step, for the time from the start of the process and its peak memory."""
    model, batches, _ = work(options.work, options.pairs)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    inputs, expected = batches[0]
    F.cross_entropy(model(*inputs).flatten(0, 1), expected.flatten()).backward()
    optimizer.step()
    return 0


def main():
    options = works.arguments([*works.SIZES, "C"], ["train", "greedy", "greedy-1", "beam5", "first"])
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    if options.phase == "train":
        speed = train(options)
    elif options.phase == "first":
        speed = first_batch(options)
    else:
        speed = decode(options)
    pairs = words(options.pairs) if options.work == "C" else None
    works.report(f"PyTorch {torch.__version__}", speed, options, pairs)


if __name__ == "__main__":
    main()
