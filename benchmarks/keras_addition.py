"""The Keras addition example under its own protocol, for comparison with recipes/keras-addition-*.toml.

    pip install keras jax numpy
    KERAS_BACKEND=jax python benchmarks/keras_addition.py --digits 2 --count 5000 --epochs 55 --batch 32

Prints the validation loss and accuracy of every epoch.
"""

import argparse

import keras
import numpy as np
from keras import layers


def questions(digits, count, rng):
    """Distinct questions and answers, padded on the right, the question reversed, in random order."""
    seen, pairs = set(), []
    draw = lambda: int("".join(rng.choice(list("0123456789")) for _ in range(rng.integers(1, digits + 1))))
    while len(pairs) < count:
        a, b = draw(), draw()
        key = tuple(sorted((a, b)))
        if key in seen:
            continue
        seen.add(key)
        question, answer = f"{a}+{b}".ljust(2 * digits + 1), str(a + b).ljust(digits + 1)
        pairs.append((question[::-1], answer))
    return [pairs[i] for i in rng.permutation(count)]


def one_hot(texts, chars="0123456789+ "):
    ids = np.array([[chars.index(c) for c in text] for text in texts])
    return np.eye(len(chars), dtype="float32")[ids]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--digits", type=int, default=2)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=55)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    keras.utils.set_random_seed(args.seed)
    pairs = questions(args.digits, args.count, np.random.default_rng(args.seed))
    x, y = one_hot([q for q, _ in pairs]), one_hot([a for _, a in pairs])
    split = len(pairs) - len(pairs) // 10
    model = keras.Sequential(
        [
            layers.Input((2 * args.digits + 1, 12)),
            layers.LSTM(128),
            layers.RepeatVector(args.digits + 1),
            layers.LSTM(128, return_sequences=True),
            layers.Dense(12, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(
        x[:split], y[:split], batch_size=args.batch, epochs=args.epochs,
        validation_data=(x[split:], y[split:]), verbose=0,
    ).history
    for epoch, (loss, accuracy) in enumerate(zip(history["val_loss"], history["val_accuracy"]), 1):
        print(f"epoch {epoch}: validation loss {loss:.4f}, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
