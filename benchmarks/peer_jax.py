"""JAX on the works of `seq2seq bench` that have no attention.

    python benchmarks/peer_jax.py --work A --threads 2

An LSTM as `lax.scan` over projected inputs, and a training step that is compiled whole. With `--precision bf16`
matrix products read bf16 and sum in single precision.
"""

import os

import works

OPTIONS = works.arguments(list(works.SIZES), ["train"])
# XLA takes as many threads as the process may use processors.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: OPTIONS.threads])

import jax
import jax.numpy as jnp
import optax


def fresh(name):
    source, target, _, _, units, _, _ = works.SIZES[name]
    keys = jax.random.split(jax.random.key(0), 5)
    glorot, orthogonal = jax.nn.initializers.glorot_uniform(), jax.nn.initializers.orthogonal()
    bias = jnp.zeros(4 * units).at[units : 2 * units].set(1.0)
    layer = lambda a, b, symbols: {
        "input": glorot(a, (symbols, 4 * units)), "recurrent": orthogonal(b, (units, 4 * units)), "bias": bias}
    return {"encoder": layer(keys[0], keys[1], source), "decoder": layer(keys[2], keys[3], target),
            "dense": glorot(keys[4], (units, target)), "dense_bias": jnp.zeros(target)}


def times(left, right):
    if OPTIONS.precision == "f32":
        return left @ right
    left, right = left.astype(jnp.bfloat16), right.astype(jnp.bfloat16)
    return jnp.matmul(left, right, preferred_element_type=jnp.float32)


def lstm(layer, inputs, state):
    projected = jnp.swapaxes(times(inputs, layer["input"]) + layer["bias"], 0, 1)

    def step(state, projected):
        hidden, cell = state
        gates = projected + times(hidden, layer["recurrent"])
        input_gate, forget, candidate, output = jnp.split(gates, 4, -1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(input_gate) * jnp.tanh(candidate)
        hidden = jax.nn.sigmoid(output) * jnp.tanh(cell)
        return (hidden, cell), hidden

    return jax.lax.scan(step, state, projected)


def loss(weights, question, read, expected):
    zeros = jnp.zeros((question.shape[0], weights["dense"].shape[0]))
    state, _ = lstm(weights["encoder"], question, (zeros, zeros))
    _, states = lstm(weights["decoder"], read, state)
    scores = jnp.swapaxes(times(states, weights["dense"]) + weights["dense_bias"], 0, 1)
    return optax.softmax_cross_entropy_with_integer_labels(scores, expected).mean()


def train(name, seconds):
    source, target, _, _, _, batch, _ = works.SIZES[name]
    batches = [(works.one_hot(question, source), works.one_hot(read, target), expected)
               for question, read, expected in works.batches(name)]
    optimizer = optax.adam(1e-3)
    weights = fresh(name)
    state = [weights, optimizer.init(weights)]

    @jax.jit
    def step(weights, moments, *batch):
        value, gradient = jax.value_and_grad(loss)(weights, *batch)
        change, moments = optimizer.update(gradient, moments, weights)
        return optax.apply_updates(weights, change), moments, value

    def run(at):
        *state[:], value = step(*state, *batches[at % len(batches)])
        value.block_until_ready()

    return works.per_second(run, batch, seconds)


works.report(f"JAX {jax.__version__}", train(OPTIONS.work, OPTIONS.seconds), OPTIONS)
