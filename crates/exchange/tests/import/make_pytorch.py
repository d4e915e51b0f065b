"""Makes the PyTorch weights of this folder and what PyTorch answers with them: pytorch.json.

    pip install torch numpy safetensors
    python make_pytorch.py

PyTorch 2.15.0 made the committed files.
"""

import json

import torch
from safetensors.torch import save_file
from torch import nn

LIMIT = 12
torch.manual_seed(7)
letters, written = "abcdefghij", "klmnopqrst"
symbols = ["<pad>", *letters], ["<pad>", "<sos>", "<eos>", *written]


class Encoder(nn.Module):
    def __init__(self, kind, size, units, depth, both, bridge):
        super().__init__()
        self.embedding = nn.Embedding(len(symbols[0]), size) if size else None
        width = size or len(symbols[0])
        self.rnn = kind(width, units, depth, batch_first=True, bidirectional=both)
        # One layer for each state: h, and c of an LSTM.
        names = ("fc_h", "fc_c")[: 2 if kind is nn.LSTM else 1]
        self.bridge = names if bridge else ()
        for name in self.bridge:
            self.add_module(name, nn.Linear(units * (2 if both else 1), bridge))
        self.both = both

    def forward(self, ids):
        if self.embedding is None:
            read = nn.functional.one_hot(ids, len(symbols[0])).float()
        else:
            read = self.embedding(ids)
        _, states = self.rnn(read)
        states = states if isinstance(states, tuple) else (states,)
        if self.both:
            # [layers * 2, batch, units] to [layers, batch, 2 * units].
            states = tuple(torch.cat([state[0::2], state[1::2]], dim=-1) for state in states)
        if self.bridge:
            layers = [getattr(self, name) for name in self.bridge]
            states = tuple(torch.tanh(layer(state)) for layer, state in zip(layers, states))
        return states if len(states) == 2 else states[0]


class Decoder(nn.Module):
    def __init__(self, kind, size, units, depth):
        super().__init__()
        self.embedding = nn.Embedding(len(symbols[1]), size) if size else None
        self.rnn = kind(size or len(symbols[1]), units, depth, batch_first=True)
        self.fc_out = nn.Linear(units, len(symbols[1]))

    def forward(self, ids, states):
        if self.embedding is None:
            read = nn.functional.one_hot(ids, len(symbols[1])).float()
        else:
            read = self.embedding(ids)
        output, states = self.rnn(read, states)
        return self.fc_out(output), states


class Seq2Seq(nn.Module):
    def __init__(self, kind, sizes, units, depth=1, both=False, bridge=None):
        super().__init__()
        self.encoder = Encoder(kind, sizes[0], units, depth, both, bridge)
        self.decoder = Decoder(kind, sizes[1], bridge or units, depth)

    def forward(self, source, target):
        return self.decoder(target, self.encoder(source))[0]


def ids(text, side):
    return [symbols[side].index(symbol) for symbol in text]


def train(model):
    """Words written backwards, each letter ten letters further on."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(300):
        words = torch.randint(10, (64, 2 + step % 3 * 2))
        source = words + 1
        marks = torch.ones(64, 1, dtype=torch.long)
        target = torch.cat([marks, words.flip(1) + 3, 2 * marks], dim=1)
        loss = nn.functional.cross_entropy(model(source, target[:, :-1]).transpose(1, 2), target[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def answer(model, source, target):
    states = model.encoder(torch.tensor([ids(source, 0)]))
    # The highest layer's states.
    highest = [state[-1, 0].tolist() for state in (states if isinstance(states, tuple) else (states,))]
    read = [1, *ids(target, 1)]
    rows = model.decoder(torch.tensor([read]), states)[0].softmax(-1)[0].tolist()
    last, greedy, finished = 1, [], False
    while len(greedy) < LIMIT:
        scores, states = model.decoder(torch.tensor([[last]]), states)
        scores[0, 0, 1] = -torch.inf  # what begins the input is never written
        last = int(scores[0, 0].argmax())
        finished = last == 2
        if finished:
            break
        greedy.append(symbols[1][last])
    return {"source": source, "states": highest, "read": read, "probabilities": rows, "written": greedy,
            "finished": finished}


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


models = []


def keep(name, model, mapping, save):
    train(model)
    save(model.eval())
    questions = [("abcd", "klm"), ("jihfab", "ttts"), ("ce", "o")]
    answers = [answer(model, *question) for question in questions]
    models.append({"file": name, "mapping": mapping, "answers": answers})
    print(name, [answer["written"] for answer in answers])


EMBEDDINGS = 'source_embedding = "encoder.embedding"\ntarget_embedding = "decoder.embedding"\n'
LAYERS = 'encoder = "encoder.rnn"\ndecoder = "decoder.rnn"\noutput = "decoder.fc_out"\n'

model = Seq2Seq(nn.LSTM, (6, 6), 9, depth=2)
keep("lstm.pt", model, EMBEDDINGS + LAYERS, lambda model: torch.save(model.state_dict(), "lstm.pt"))

model = Seq2Seq(nn.GRU, (5, 7), 8, both=True, bridge=10)
keep("gru.safetensors", model, EMBEDDINGS + LAYERS + 'bridge = ["encoder.fc_h"]\nbridge_activation = "tanh"\n',
     lambda model: save_file(model.state_dict(), "gru.safetensors"))


def save_checkpoint(model):
    state = model.state_dict()
    torch.save({"epoch": 3, "model": state, "optimizer": {"momentum": torch.zeros(3)}}, "one-hot.pt")


model = Seq2Seq(nn.LSTM, (None, None), 8, both=True, bridge=7)
keep("one-hot.pt", model,
     'prefix = "model"\n' + LAYERS + 'bridge = ["encoder.fc_h", "encoder.fc_c"]\nbridge_activation = "tanh"\n',
     save_checkpoint)

with open("pytorch.json", "w") as file:
    result = {"limit": LIMIT, "source_symbols": symbols[0], "target_symbols": symbols[1], "models": models}
    json.dump(rounded(result), file, separators=(",", ":"))
    file.write("\n")
