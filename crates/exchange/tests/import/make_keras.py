"""Makes the Keras models of this folder and what Keras answers with them: keras.json.

    pip install keras jax h5py
    python make_keras.py

Keras 3.15.1 with JAX 0.10.2 made the committed files.
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

LIMIT = 12
keras.utils.set_random_seed(7)
random = np.random.default_rng(7)


def spread(model):
    """Weights large enough that answers differ from each other."""
    for weight in model.weights:
        weight.assign(random.normal(0, 0.7, weight.shape).astype("float32"))
    return model


def inputs(one_hot, symbols, length, name):
    shape = (length, symbols) if one_hot else (length,)
    return layers.Input(shape=shape, name=name)


def encoder_decoder(cell, symbols, units, *, one_hot=True, sizes=(None, None), depth=1, lengths=(None, None),
                    bidirectional=False, distributed=False, dropout=0.0, mask=False, options=None):
    """A model of the tutorial's kind; also the encoder's states by themselves."""
    options = options or {}
    source = inputs(one_hot, symbols[0], lengths[0], "source")
    target = inputs(one_hot, symbols[1], lengths[1], "target")
    below, written = source, target
    if not one_hot:
        below = layers.Embedding(symbols[0], sizes[0], mask_zero=mask, name="source_vectors")(source)
        written = layers.Embedding(symbols[1], sizes[1], mask_zero=mask, name="target_vectors")(target)
    states = []
    for depth_here in range(depth):
        layer = cell(units, return_state=True, return_sequences=depth_here + 1 < depth, **options)
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"forward_reader_{depth_here}")
        below, *own = layer(below)
        if bidirectional:
            half = len(own) // 2
            own = [layers.Concatenate()([ahead, back]) for ahead, back in zip(own[:half], own[half:])]
        states.append(own)
        if dropout:
            below = layers.Dropout(dropout)(below)
    width = units * (2 if bidirectional else 1)
    for own in states:
        written = cell(width, return_sequences=True, **options)(written, initial_state=own)
        if dropout:
            written = layers.Dropout(dropout)(written)
    dense = layers.Dense(symbols[1], activation="softmax", name="scores")
    output = layers.TimeDistributed(dense)(written) if distributed else dense(written)
    model = keras.Model([source, target], output)
    return model, keras.Model(source, states[-1])


def encoded(ids, symbols, one_hot, length):
    if not one_hot:
        return np.array([ids])
    padded = np.zeros((1, length or len(ids), symbols), "float32")
    padded[0, np.arange(len(ids)), ids] = 1
    return padded


class Case:
    def __init__(self, name, symbols, *, one_hot=True, lengths=(None, None), end=None, begin=None, source_end=False,
                 reverse=False, right=0):
        self.name, self.symbols, self.one_hot, self.lengths = name, symbols, one_hot, lengths
        self.begin, self.end, self.source_end = begin, end, source_end
        self.reverse, self.right = reverse, right

    def source(self, text):
        text = text.rjust(self.right)
        if self.reverse:
            text = text[::-1]
        return [self.symbols[0].index(symbol) for symbol in text + ("\n" if self.source_end else "")]

    def probabilities(self, model, source, read):
        source = encoded(self.source(source), len(self.symbols[0]), self.one_hot, self.lengths[0])
        length = self.lengths[1] or LIMIT + 1
        if self.one_hot:
            target = encoded(read, len(self.symbols[1]), True, length)
        else:
            # What follows does not change what came before.
            target = np.array([read + [1] * (length - len(read))])
        return np.asarray(model.predict([source, target], verbose=0))[0, : len(read)]

    def greedy(self, model, source, first):
        """Symbols until the end; the mark that begins the input is never written."""
        read, written = [first], []
        limit = self.lengths[1] or LIMIT
        for _ in range(limit):
            row = self.probabilities(model, source, read)[-1]
            if self.begin is not None:
                row[self.symbols[1].index(self.begin)] = -1
            best = int(row.argmax())
            if self.symbols[1][best] == self.end:
                return written, True
            written.append(self.symbols[1][best])
            read.append(best)
        return written, False

    def answers(self, model, encoder, questions):
        result = []
        for source, target in questions:
            first = self.begin if self.begin is not None else target[0]
            rest = target if self.begin is not None else target[1:]
            read = [self.symbols[1].index(symbol) for symbol in first + rest]
            ids = encoded(self.source(source), len(self.symbols[0]), self.one_hot, self.lengths[0])
            states = encoder.predict(ids, verbose=0)
            states = states if isinstance(states, list) else [states]
            written, finished = self.greedy(model, source, read[0])
            result.append({
                "source": source,
                "first": first,
                "states": [np.asarray(state)[0].tolist() for state in states],
                "read": read,
                "probabilities": self.probabilities(model, source, read).tolist(),
                "written": written,
                "finished": finished,
            })
        return result


def trained(case, model):
    """The model after lessons in writing words backwards, each letter ten letters further on."""
    source_symbols, target_symbols = case.symbols
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy")
    for step in range(300):
        words = random.integers(10, size=(64, 2 + step % 3 * 2))
        word = ["".join(letters[letter] for letter in word) for word in words]
        answer = ["".join(written[letter] for letter in word[::-1]) for word in words]
        x = np.array([case.source(text) for text in word])
        y = np.array([[target_symbols.index(symbol) for symbol in "\t" + text + "\n"] for text in answer])
        read = y[:, :-1]
        if case.one_hot:
            x, read = np.eye(len(source_symbols))[x], np.eye(len(target_symbols))[read]
        model.train_on_batch([x, read], y[:, 1:])
    # Without the state of the optimizer.
    return keras.Model(model.inputs, model.outputs)


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


cases = []


def keep(case, model, encoder, questions, ends=(".keras",)):
    files = [case.name + end for end in ends]
    for file in files:
        model.save(file)
    cases.append({
        "files": files,
        "source_symbols": list(case.symbols[0]),
        "target_symbols": list(case.symbols[1]),
        "begin": case.begin,
        "reverse": case.reverse,
        "width": case.right,
        "answers": case.answers(model, encoder, questions),
    })
    print(case.name, model.count_params(), [answer["written"] for answer in cases[-1]["answers"]])


def notebook():
    """The notebook's model of two-digit sums, reversed, trained as there."""
    symbols = "0123456789 +\n"
    case = Case("notebook", (symbols, symbols), lengths=(6, 3), end="\n", source_end=True, reverse=True, right=5)

    def sample():
        terms = random.integers(100, size=2)
        return f"{terms[0]}+{terms[1]}", str(terms.sum()).rjust(3) + "\n"

    source = keras.Input(shape=(6, 13), name="Encoder_Input")
    _, *states = layers.LSTM(units=32, return_state=True, name="Encoder_LSTM")(source)
    target = keras.Input(shape=(3, 13), name="Decoder_Input")
    decoded = layers.LSTM(units=32, return_sequences=True, name="Decoder_LSTM")(target, initial_state=states)
    output = layers.Dense(13, activation="softmax", name="Decoder_Dense")(decoded)
    model = keras.Model(inputs=[source, target], outputs=output)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="categorical_crossentropy")
    pairs = [sample() for _ in range(4000)]
    one_hot = np.eye(13, dtype="float32")
    x = one_hot[[case.source(pair[0]) for pair in pairs]]
    y = one_hot[[[symbols.index(symbol) for symbol in pair[1]] for pair in pairs]]
    model.fit([x, y[:, :-1]], y[:, 1:], epochs=25, batch_size=64, verbose=0)
    questions = [("1+2", "  3"), ("99+99", "198"), ("45+37", " 82")]
    keep(case, model, keras.Model(source, states), questions, (".keras", ".h5"))


notebook()

letters, written = "abcdefghij", "klmnopqrst"
target = "\t\n" + written
symbols = ("_" + letters, "_" + target)
questions = [("abcd", "klm"), ("jihfab", "ttts"), ("ce", "o")]
one_hot = {"begin": "\t", "end": "\n"}
ids = {"one_hot": False, **one_hot}


def keep_trained(case, made, ends):
    model, encoder = made
    keep(case, trained(case, model), encoder, questions, ends)


case = Case("tutorial", (letters, target), **one_hot)
keep_trained(case, encoder_decoder(layers.LSTM, (10, 12), 16), (".keras",))

case = Case("gru-embedding", symbols, **ids)
made = encoder_decoder(layers.GRU, (11, 13), 12, one_hot=False, sizes=(5, 7), mask=True)
keep_trained(case, made, (".keras", ".h5"))

case = Case("stacked", symbols, **ids)
made = encoder_decoder(layers.LSTM, (11, 13), 9, one_hot=False, sizes=(6, 6), depth=2, dropout=0.1)
keep_trained(case, made, (".h5",))

case = Case("bidirectional", symbols, **ids)
made = encoder_decoder(layers.LSTM, (11, 13), 6, one_hot=False, sizes=(6, 6), bidirectional=True, distributed=True)
keep_trained(case, made, (".keras",))

case = Case("gru-original", (letters, target), **one_hot)
options = {"reset_after": False, "use_bias": False}
keep_trained(case, encoder_decoder(layers.GRU, (10, 12), 8, options=options), (".keras",))

case = Case("simple-rnn", (letters, target), **one_hot)
keep_trained(case, encoder_decoder(layers.SimpleRNN, (10, 12), 8, bidirectional=True), (".h5",))

# The addition example of Keras: the encoder's output at every step, targets of one length, no marks.
digits = "0123456789+ "
model = spread(keras.Sequential([
    keras.Input(shape=(5, 12)),
    layers.LSTM(8),
    layers.RepeatVector(3),
    layers.LSTM(8, return_sequences=True),
    layers.Dense(12, activation="softmax"),
]))
answers = []
for source in ["12+34", "9+9", "+++++"]:
    read = np.eye(12, dtype="float32")[[digits.index(symbol) for symbol in source.ljust(5)]][None]
    rows = np.asarray(model.predict(read, verbose=0))[0]
    written = [digits[best] for best in rows.argmax(-1)]
    answers.append({"source": source, "probabilities": rows.tolist(), "written": written})
repeated = {"file": "addition.keras", "symbols": list(digits), "answers": answers}
model.save(repeated["file"])
print("addition", model.count_params(), [answer["written"] for answer in answers])

# What cannot be imported: attention to the source.
source, written = keras.Input(shape=(None, 4), name="source"), keras.Input(shape=(None, 4), name="target")
read, *states = layers.LSTM(3, return_sequences=True, return_state=True)(source)
written_states = layers.LSTM(3, return_sequences=True)(written, initial_state=states)
context = layers.Attention(name="looks")([written_states, read])
joined = layers.Concatenate(name="joined")([written_states, context])
keras.Model([source, written], layers.Dense(4, activation="softmax")(joined)).save("attention.keras")

with open("keras.json", "w") as file:
    json.dump(rounded({"limit": LIMIT, "models": cases, "repeated": repeated}), file, separators=(",", ":"))
    file.write("\n")
