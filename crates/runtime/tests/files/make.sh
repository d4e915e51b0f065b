#!/usr/bin/env bash
# Makes the models and answers of this folder: make.sh PROGRAM FOLDER, with the program of version 0.1.
set -euo pipefail
program=$1
cd "$2"
sample=$(dirname "$0")/../../../../data/g2p_cmudict_sample
head -600 "$sample/train.tsv" > train.tsv
head -60 "$sample/dev.tsv" > dev.tsv
train() { # NAME PAIRS SETTING...
    local name=$1 pairs=$2 set=()
    shift 2
    for setting in "$@"; do set+=(--set "$setting"); done
    "$program" train "$pairs" --out "$name" --overwrite "${set[@]}"
    cp "$name/model.safetensors" "$name.safetensors"
}
words=(training.epochs=40 training.batch_size=16 training.learning_rate=0.004 training.patience=0
    training.validate_every=10)
train recurrent train.tsv "${words[@]}" model.architecture=recurrent model.attention=general \
    model.encoder_units=12 model.embedding=8 model.bidirectional=true
train transformer train.tsv "${words[@]}" model.architecture=transformer model.transformer.model_size=16 \
    model.transformer.feed_forward=24 model.transformer.layers=1 model.transformer.heads=2 \
    model.transformer.dropout=0.05
train monotonic train.tsv "${words[@]}" model.architecture=monotonic model.encoder_units=10 \
    model.embedding=8 model.monotonic.dropout=0.05
# Not in version 0.1: a later program makes this one.
train ngram train.tsv model.architecture=ngram model.ngram.order=3
"$program" ensemble recurrent transformer monotonic -o ensemble.safetensors --overwrite
python3 - > features.tsv <<'PYTHON'
import random
random.seed(1)
for _ in range(240):
    word = "".join(random.choice("abcde") for _ in range(random.randint(2, 6)))
    kind = random.choice(["UP", "ING;PST", "PST", "DBL"])
    form = {"UP": "o", "ING;PST": "ingd", "PST": "d", "DBL": word[-1]}[kind]
    print(word, word + form, kind, sep="\t")
PYTHON
train features features.tsv data.features_column=3 model.architecture=recurrent model.attention=additive \
    model.features=encoder model.copy=true model.encoder_units=10 model.embedding=6 model.input_feeding=true \
    model.layer_norm=true model.cell=gru training.epochs=40 training.batch_size=8 training.learning_rate=0.005 \
    training.validate_every=10
train notebook ../../../../recipes/addition-3digit-reversed.toml data.addition.count=2000 training.epochs=20 \
    model.encoder_units=12 training.validate_every=10 training.learning_rate=0.005
# Not in version 0.1, either: models with weights of fewer bits.
quantize() { # NAME BITS
    "$program" quantize "$1.safetensors" --to "$2" --out "$1-$2.safetensors" --overwrite
}
quantize ensemble bf16
quantize ensemble int8
quantize features int8
quantize notebook int8
for name in recurrent transformer monotonic ngram ensemble ensemble-bf16 ensemble-int8; do
    "$program" predict "$name.safetensors" words.txt --beam 3 --nbest 2 --json > "$name.json"
done
for name in features features-int8; do
    "$program" predict "$name.safetensors" features.txt --beam 3 --nbest 2 --json > "$name.json"
done
for name in notebook notebook-int8; do
    "$program" predict "$name.safetensors" notebook.txt --json > "$name.json"
done
