"""Trains on sums, a few steps by hand and the rest at once, and asks the model.

    python examples/python/train_and_predict.py
"""

from __future__ import annotations

import seq2seq


def main() -> None:
    pairs = seq2seq.addition(1000, digits=1)
    settings = {"model.encoder_units": 32, "model.embedding": 16, "training.epochs": 10}

    trainer = seq2seq.Trainer(pairs, settings=settings, seed=1)
    losses = [trainer.step().loss for _ in range(5)]
    print("first losses:", ", ".join(f"{loss:.2f}" for loss in losses))

    def told(epoch: seq2seq.Epoch) -> bool:
        print(f"epoch {epoch.epoch}: loss {epoch.loss:.3f}")
        return epoch.loss > 0.05

    model = seq2seq.train(pairs, settings=settings, seed=1, progress=False, on_epoch=told)
    for answer in model.predict(["7+8", "1+1"], beam=3, n_best=2):
        print(answer.source, answer.text, [output.text for output in answer.hypotheses])
    print(model.evaluate(seq2seq.addition(200, digits=1, seed=2)))


if __name__ == "__main__":
    main()
