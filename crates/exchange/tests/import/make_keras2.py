"""Makes the models of Keras 2 of this folder and what Keras answers with them: keras2.json.

    pip install "tensorflow-cpu==2.15.*"
    python make_keras2.py

Keras 2.15.0, as it comes with TensorFlow 2.15.1, made the committed files. The model is the notebook's, with
weights that are random.
"""

import json

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import GRU, LSTM, Dense, Embedding, Input
from tensorflow.keras.models import Model

random = np.random.default_rng(7)
letters, target = "abcdefghij", "\t\nklmnopqrst"
models = []


def rounded(values):
    return [float(f"{value:.7g}") for value in np.asarray(values).ravel().tolist()]


def keep(name, model, encoder, one_hot, ends):
    for weight in model.weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    for end in ends:
        model.save(name + end)
    answers = []
    for source, written in [("abcd", "klm"), ("jihfab", "ttts")]:
        x = np.array([[letters.index(letter) for letter in source]])
        read = np.array([[target.index(symbol) for symbol in "\t" + written]])
        y = read
        if one_hot:
            x, y = np.eye(10, dtype="float32")[x], np.eye(12, dtype="float32")[read]
        states = encoder.predict(x, verbose=0)
        states = states if isinstance(states, list) else [states]
        rows = model.predict([x, y], verbose=0)[0]
        answers.append({
            "source": source,
            "states": [rounded(state) for state in states],
            "read": read[0].tolist(),
            "probabilities": [rounded(row) for row in rows],
        })
    models.append({"files": [name + end for end in ends], "answers": answers})


def seq2seq(cell, one_hot):
    shape = (None, 10) if one_hot else (None,)
    source = Input(shape=shape, name="Encoder_Input")
    read = source if one_hot else Embedding(10, 5, mask_zero=False)(source)
    _, *states = cell(8, return_state=True, name="Encoder")(read)
    shape = (None, 12) if one_hot else (None,)
    written = Input(shape=shape, name="Decoder_Input")
    read = written if one_hot else Embedding(12, 5)(written)
    decoded = cell(8, return_sequences=True, name="Decoder")(read, initial_state=states)
    output = Dense(12, activation="softmax", name="Decoder_Dense")(decoded)
    return Model([source, written], output), Model(source, states)


keep("keras2-lstm", *seq2seq(LSTM, True), True, [".h5", ".keras"])
keep("keras2-gru", *seq2seq(GRU, False), False, [".h5"])
with open("keras2.json", "w") as file:
    result = {"source_symbols": list(letters), "target_symbols": list(target), "models": models}
    json.dump(result, file, separators=(",", ":"))
    file.write("\n")
print(tf.__version__)
