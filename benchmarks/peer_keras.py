"""Keras with TensorFlow on the works of `seq2seq bench` that have no attention.

    python benchmarks/peer_keras.py --work A --phase train --threads 2

Keras at its best: `fit` over an array of one-hot symbols, small recurrent layers unrolled and large ones
compiled by XLA (which is faster here, in each case), decoding as one compiled function. `--precision bf16` trains
with the policy `mixed_bfloat16`.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

import works

layers = keras.layers


def model_of(name, unroll):
    """The notebook's model."""
    source, target, source_steps, target_steps, units, _, _ = works.SIZES[name]
    question = keras.Input((source_steps, source))
    _, hidden, cell = layers.LSTM(units, return_state=True, unroll=unroll)(question)
    read = keras.Input((target_steps, target))
    states = layers.LSTM(units, return_sequences=True, unroll=unroll)(read, initial_state=[hidden, cell])
    return keras.Model([question, read], layers.Dense(target, activation="softmax")(states))


def train(name, precision, seconds):
    if precision == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    source, target, _, _, _, batch, _ = works.SIZES[name]
    parts = [np.concatenate(part) for part in zip(*works.batches(name))]
    inputs = [works.one_hot(parts[0], source), works.one_hot(parts[1], target)]
    expected = works.one_hot(parts[2], target)
    small = name != "B"
    model = model_of(name, unroll=small)
    model.compile("adam", "categorical_crossentropy", jit_compile="auto" if small else True)
    fit = lambda _: model.fit(inputs, expected, batch_size=batch, verbose=0)
    # An epoch at a time; what is compiled on the way is in those that do not count.
    return works.per_second(fit, len(expected), seconds)


def step_models(name):
    """The encoder, and one step of the decoder."""
    source, target, source_steps, _, units, _, _ = works.SIZES[name]
    question = keras.Input((source_steps, source))
    _, hidden, cell = layers.LSTM(units, return_state=True)(question)
    read, *state = keras.Input((1, target)), keras.Input((units,)), keras.Input((units,))
    output, *after = layers.LSTM(units, return_sequences=True, return_state=True)(read, initial_state=state)
    scores = layers.Dense(target)(output)
    return keras.Model(question, [hidden, cell]), keras.Model([read, *state], [scores, *after])


def decode(name, phase, seconds):
    source, target, _, steps, _, _, _ = works.SIZES[name]
    encoder, decoder = step_models(name)

    @tf.function(jit_compile=True)
    def greedy(question):
        state = encoder(tf.one_hot(question, source))
        read, answer = tf.zeros_like(question[:, 0]), []
        for _ in range(steps):
            scores, *state = decoder([tf.one_hot(read, target)[:, None], *state])
            read = tf.argmax(scores[:, 0], -1)
            answer.append(read)
        return tf.stack(answer, 1)

    batch = 1 if phase == "greedy-1" else 128
    questions = [tf.constant(question[:batch]) for question, _, _ in works.batches(name)]
    run = lambda at: greedy(questions[at % len(questions)]).numpy()
    return works.per_second(run, batch, seconds)


def main():
    options = works.arguments(list(works.SIZES), ["train", "greedy", "greedy-1"])
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    if options.phase == "train":
        speed = train(options.work, options.precision, options.seconds)
    else:
        speed = decode(options.work, options.phase, options.seconds)
    works.report(f"Keras {keras.__version__}", speed, options)


if __name__ == "__main__":
    main()
