#!/usr/bin/env bash
# A step of a Kaldi recipe: writes lexiconp.txt for the words of data/train/text, with the pronunciations
# that are known and the model's for all others.
# kaldi_prepare_lexicon.sh MODEL TEXT KNOWN_LEXICON DICT_FOLDER
set -euo pipefail
model=$1 text=$2 known=$3 dict=$4
mkdir -p "$dict"
# The first column of Kaldi's text is the utterance.
cut -d' ' -f2- "$text" | tr -s ' ' '\n' |
    "${SEQ2SEQ:-seq2seq}" lexicon "$model" --lexicon "$known" --format kaldi-probabilities --mass 0.9 --nbest 3 \
        --rejected "$dict/rejected.tsv" --out "$dict/lexiconp.txt" --overwrite
echo "<unk> 1.0 SPN" >> "$dict/lexiconp.txt"
sort -o "$dict/lexiconp.txt" -u "$dict/lexiconp.txt"
