"""Makes cases.json: BLEU and chrF of random and chosen answers, as sacreBLEU computes them.

    pip install sacrebleu==2.6.0
    python make_cases.py > cases.json
"""

import json
import random

from sacrebleu.metrics import BLEU, CHRF

CHOSEN = [
    (["The cat sat on the mat."], [["The cat sat on a mat.", "A cat sat on the mat."]]),
    (["It costs 1,000.50 dollars - or less, e.g. 5-6."], [["It costs 1,000.5 dollars, or less (e.g. 5-6)."]]),
    (["&quot;Yes&quot; &amp; &lt;no&gt;", "It's $5/kg!"], [['"Yes" & <no>'], ["It's $5 / kg !"]]),
    (["", "something"], [["nothing here"], ["something"]]),
    (["x"], [["x"]]),
    (["no match at all"], [["quite different words"]]),
    (["a b"], [["a b c d e f g"]]),
    (["K AE1 T", "D AO1 G Z"], [["K AE1 T"], ["D AO1 G"]]),
    (["2024-03-05"], [["2024-03-15"]]),
    (["Zażółć gęślą jaźń…", "早上 好 。"], [["Zażółć gęślą jazn…"], ["早上 好"]]),
    (["trailing space  ", "tab\tand\u00a0nbsp"], [["trailing space"], ["tab and nbsp"]]),
    (["a , b . c", "1.2.3,4 x.y"], [["a, b. c"], ["1.2.3,4 x.y"]]),
    (["#hash [list] {set} ~tilde^caret_under`tick|bar\\back"], [["# hash [ list ] {set}~ tilde ^ caret"]]),
    (["<skipped>word", "ends-"], [["word"], ["ends -"]]),
    (["one two three", "one two three four five"], [["one two three four"] * 1, ["one two", "one two three four five six seven"]]),
]


def random_case(rng):
    words = ["the", "cat", "sat", "on", "mat", "3.5", "a,b", "end.", "it's", "(x)", "foo-bar", "5-", "é"]
    text = lambda: " ".join(rng.choice(words) for _ in range(rng.randint(0, 12)))
    count = rng.randint(1, 6)
    references = [[text() for _ in range(rng.randint(1, 3))] for _ in range(count)]
    # Answers that resemble a reference, so that long n-grams match as well.
    answers = []
    for options in references:
        answer = rng.choice(options).split()
        for _ in range(rng.randint(0, 3)):
            if answer:
                answer[rng.randrange(len(answer))] = rng.choice(words)
        answers.append(" ".join(answer))
    return answers, references


def scored(answers, references):
    most = max(len(options) for options in references)
    streams = [[options[k] if k < len(options) else None for options in references] for k in range(most)]
    bleu = {
        name: BLEU(tokenize=name).corpus_score(answers, streams)
        for name in ("13a", "none")
    }
    return {
        "answers": answers,
        "references": references,
        "bleu_13a": bleu["13a"].score,
        "bleu_none": bleu["none"].score,
        "precisions_13a": bleu["13a"].precisions,
        "chrf": CHRF().corpus_score(answers, streams).score,
    }


if __name__ == "__main__":
    rng = random.Random(1)
    cases = CHOSEN + [random_case(rng) for _ in range(60)]
    cases = [scored(*case) for case in cases]
    print("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]")
