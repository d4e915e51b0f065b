#!/usr/bin/env python3
"""Writes numbers.json: small inputs and weights with what PyTorch computes from them, in double precision.

    pip install torch
    crates/seq2seq/tests/pytorch/make.py

Weights are given as this project has them: kernels `[inputs, outputs]`, gates in Keras's order (LSTM: i, f, g, o, as
PyTorch; GRU: z, r, h, where PyTorch has r, z, n).
"""

import json
import math
import pathlib

import torch
from torch import nn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def numbers(tensor):
    return [round(x, 12) for x in tensor.detach().reshape(-1).tolist()]


def reordered(tensor, hidden, order):
    """Blocks of `hidden` rows in another order."""
    blocks = tensor.split(hidden)
    return torch.cat([blocks[place] for place in order])


def cell(kind, order, time=4, batch=2, hidden=3, width=5):
    """A layer over a batch: output, final state, and the gradients of a weighted sum of both."""
    layer = kind(width, hidden)
    states = 2 if kind is nn.LSTM else 1
    x = torch.randn(time, batch, width, requires_grad=True)
    initial = torch.randn(states, batch, hidden, requires_grad=True)
    first = (initial[:1], initial[1:]) if states == 2 else initial
    output, final = layer(x, first)
    final = torch.cat(final) if states == 2 else final
    weights = torch.randn(time + states, batch, hidden)
    (torch.cat([output, final]) * weights).sum().backward()
    kernel = reordered(layer.weight_ih_l0, hidden, order)
    recurrent = reordered(layer.weight_hh_l0, hidden, order)
    biases = [reordered(bias, hidden, order) for bias in (layer.bias_ih_l0, layer.bias_hh_l0)]
    d_recurrent = reordered(layer.weight_hh_l0.grad, hidden, order)
    d_biases = [reordered(bias.grad, hidden, order) for bias in (layer.bias_ih_l0, layer.bias_hh_l0)]
    both = kind is nn.GRU  # two biases that are not summed
    return {
        "time": time,
        "batch": batch,
        "hidden": hidden,
        "input": numbers(x @ kernel.T),
        "recurrent": numbers(recurrent.T),
        "bias": numbers(torch.cat(biases) if both else sum(biases)),
        "initial": numbers(initial),
        "output": numbers(torch.cat([output, final])),
        "d_output": numbers(weights),
        "d_recurrent": numbers(d_recurrent.T),
        "d_bias": numbers(torch.cat(d_biases) if both else d_biases[0]),
        "d_initial": numbers(initial.grad),
        # With respect to x; the test multiplies its own gradient by the kernel.
        "kernel": numbers(kernel.T),
        "d_x": numbers(x.grad),
    }


def loss(classes=5, rows=6):
    scores = torch.randn(rows, classes, requires_grad=True)
    ids = torch.tensor([0, 3, -1, 4, 1, -1])
    criterion = nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=0.1, reduction="sum")
    value = criterion(scores, ids)
    value.backward()
    plain = nn.CrossEntropyLoss(ignore_index=-1, reduction="sum")(scores, ids)
    return {
        "classes": classes,
        "scores": numbers(scores),
        "ids": ids.tolist(),
        "smoothed": value.item(),
        "plain": plain.item(),
        "gradient": numbers(scores.grad),
    }


def layer_norm(rows=3, units=6):
    layer = nn.LayerNorm(units)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = torch.randn(rows, units)
    return {
        "input": numbers(x),
        "gain": numbers(layer.weight),
        "bias": numbers(layer.bias),
        "output": numbers(layer(x)),
    }


def optimizer(make):
    """Weights after four steps of rate 0.1 on the loss `sum((w - 1)^2 * (1, 2, ..))`."""
    weights = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0], requires_grad=True)
    factors = torch.arange(1.0, 6.0)
    rule = make([weights])
    for _ in range(4):
        rule.zero_grad()
        ((weights - 1).square() * factors).sum().backward()
        rule.step()
    return numbers(weights)


def schedule(make, steps):
    """The learning rates of so many steps, from 0.01 on."""
    rule = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    plan = make(rule)
    rates = []
    for _ in range(steps):
        rates.append(plan.get_last_lr()[0])
        rule.step()
        plan.step()
    return rates


def positions(time, size):
    """Sines and cosines (Vaswani et al. 2017): all sines, then all cosines."""
    place = torch.arange(float(time))[:, None]
    rate = torch.exp(torch.arange(0.0, size, 2) * (-math.log(10000.0) / size))
    return torch.cat([torch.sin(place * rate), torch.cos(place * rate)], 1)


def transformer(size=8, heads=2, inner=12, layers=2, classes=7):
    """A whole network: log-probabilities of a target, and its weights by this project's names."""
    network = nn.Transformer(size, heads, layers, layers, inner, 0.0, norm_first=True)
    source_table, target_table = torch.randn(6, size) / 3, torch.randn(classes, size) / 3
    for name, parameter in network.named_parameters():
        nn.init.normal_(parameter, std=0.4 if parameter.dim() > 1 else 0.2)
        if "norm" in name and name.endswith("weight"):
            parameter.data += 1
    source, target = torch.tensor([3, 1, 5, 2]), torch.tensor([0, 4, 2, 6, 3])
    read = lambda table, ids: table[ids] * math.sqrt(size) + positions(len(ids), size)
    mask = nn.Transformer.generate_square_subsequent_mask(len(target))
    states = network(read(source_table, source)[:, None], read(target_table, target)[:, None], tgt_mask=mask)
    scores = (states[:, 0] @ target_table.T).log_softmax(1)

    weights = {"source_embedding": source_table, "target_embedding": target_table}

    def dense(name, kernel, bias):
        weights[f"{name}.kernel"], weights[f"{name}.bias"] = kernel.T, bias

    def norm(name, layer):
        weights[f"{name}.gain"], weights[f"{name}.bias"] = layer.weight, layer.bias

    def attention(name, layer):
        parts = zip(("query", "key", "value"), layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3))
        for part, kernel, bias in parts:
            dense(f"{name}.{part}", kernel, bias)
        dense(f"{name}.output", layer.out_proj.weight, layer.out_proj.bias)

    def feed_forward(name, layer):
        dense(f"{name}.inner", layer.linear1.weight, layer.linear1.bias)
        dense(f"{name}.outer", layer.linear2.weight, layer.linear2.bias)

    for at, layer in enumerate(network.encoder.layers):
        norm(f"encoder.{at}.attention_norm", layer.norm1)
        attention(f"encoder.{at}.attention", layer.self_attn)
        norm(f"encoder.{at}.feed_forward_norm", layer.norm2)
        feed_forward(f"encoder.{at}.feed_forward", layer)
    norm("encoder_norm", network.encoder.norm)
    for at, layer in enumerate(network.decoder.layers):
        norm(f"decoder.{at}.own_norm", layer.norm1)
        attention(f"decoder.{at}.own_attention", layer.self_attn)
        norm(f"decoder.{at}.source_norm", layer.norm2)
        attention(f"decoder.{at}.source_attention", layer.multihead_attn)
        norm(f"decoder.{at}.feed_forward_norm", layer.norm3)
        feed_forward(f"decoder.{at}.feed_forward", layer)
    norm("decoder_norm", network.decoder.norm)
    return {
        "size": size,
        "heads": heads,
        "inner": inner,
        "layers": layers,
        "source": source.tolist(),
        "target": target.tolist(),
        "log_probabilities": numbers(scores),
        "weights": {
            name: {"shape": list(value.shape), "values": numbers(value)} for name, value in weights.items()
        },
    }


optim, plans = torch.optim, torch.optim.lr_scheduler
found = {
    "torch": torch.__version__.split("+")[0],
    "lstm": cell(nn.LSTM, [0, 1, 2, 3]),
    "gru": cell(nn.GRU, [1, 0, 2]),
    "rnn": cell(nn.RNN, [0]),
    "loss": loss(),
    "layer_norm": layer_norm(),
    "optimizers": {
        "adam": optimizer(lambda w: optim.Adam(w, lr=0.1, eps=1e-7)),
        "adamw": optimizer(lambda w: optim.AdamW(w, lr=0.1, eps=1e-7, weight_decay=0.05)),
        "sgd": optimizer(lambda w: optim.SGD(w, lr=0.1)),
        "sgd_momentum": optimizer(lambda w: optim.SGD(w, lr=0.1, momentum=0.9)),
        "rmsprop": optimizer(lambda w: optim.RMSprop(w, lr=0.1, alpha=0.9, eps=1e-7)),
    },
    "schedules": {
        "exponential": schedule(lambda rule: plans.ExponentialLR(rule, 0.9), 8),
        "step": schedule(lambda rule: plans.StepLR(rule, 3, 0.5), 8),
        "linear": schedule(lambda rule: plans.LinearLR(rule, 1.0, 0.1, 8), 8),
        "cosine": schedule(lambda rule: plans.CosineAnnealingLR(rule, 8, 0.001), 8),
    },
    "transformer": transformer(),
}
path = pathlib.Path(__file__).parent / "numbers.json"
path.write_text(json.dumps(found, separators=(",", ":")) + "\n")
