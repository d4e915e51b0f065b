//! How texts are read: cut into which symbols, in which Unicode form; as the settings say, or as the
//! pairs seem to ask for.

use std::collections::HashSet;

use crate::config::{TextSettings, TokenizationChoice};
use crate::data::{Pair, Texts, guess_tokenization};
use crate::text::{Normalization, Tokenization};

/// Share of the symbols of the validation pairs that must be unseen in training, and seen once
/// texts are taken apart, to take them apart.
const UNSEEN: f64 = 0.01;

/// A tokenization and what it was chosen for.
#[derive(Clone, Debug, PartialEq)]
pub struct ChosenTokenization {
    /// The tokenization.
    pub tokenization: Tokenization,
    /// Why, if it was guessed.
    pub guessed: Option<Guessed>,
}

/// What stands behind a guess.
#[derive(Clone, Debug, PartialEq)]
pub struct Guessed {
    /// What spoke for it.
    pub reason: String,
    /// The tokenization to try if it is wrong.
    pub alternative: Tokenization,
}

/// How both sides are cut into symbols.
pub(super) struct Sides {
    pub source: ChosenTokenization,
    pub target: ChosenTokenization,
}

impl Sides {
    /// As chosen, or as training pairs and pairs held out from them seem to ask for.
    pub fn choose(settings: &TextSettings, pairs: &[Pair], held_out: &[Pair]) -> Self {
        let (sources, targets) = texts(pairs);
        let (held_out_sources, held_out_targets) = texts(held_out);
        let source = Texts {
            own: &sources,
            other: &targets,
            held_out: &held_out_sources,
        };
        let target = Texts {
            own: &targets,
            other: &sources,
            held_out: &held_out_targets,
        };
        Self {
            source: choose(settings.source, &source),
            target: choose(settings.target, &target),
        }
    }
}

/// The sources and the targets of pairs.
fn texts(pairs: &[Pair]) -> (Vec<&str>, Vec<&str>) {
    let pairs = pairs.iter();
    pairs
        .map(|pair| (pair.source.as_str(), pair.target.as_str()))
        .unzip()
}

fn choose(choice: TokenizationChoice, texts: &Texts<'_>) -> ChosenTokenization {
    if let Some(tokenization) = choice.fixed() {
        return ChosenTokenization {
            tokenization,
            guessed: None,
        };
    }
    let guess = guess_tokenization(texts);
    ChosenTokenization {
        tokenization: guess.tokenization,
        guessed: Some(Guessed {
            reason: guess.reason,
            alternative: guess.alternative,
        }),
    }
}

/// Texts are taken apart into letters and marks (NFD), as many symbols of the validation pairs are
/// seen in training in that form only.
#[derive(Clone, Debug, PartialEq)]
pub struct Decomposed {
    /// The side with more of those: `source` or `target`.
    pub side: &'static str,
    /// Their share of the symbols of that side's validation texts.
    pub share: f64,
}

impl Decomposed {
    /// Looks at the sides that are read by characters.
    pub(super) fn if_needed(
        source: &ChosenTokenization,
        target: &ChosenTokenization,
        pairs: &[Pair],
        held_out: &[Pair],
    ) -> Option<Self> {
        let ((sources, targets), (held_out_sources, held_out_targets)) =
            (texts(pairs), texts(held_out));
        let sides = [
            ("source", source, sources, held_out_sources),
            ("target", target, targets, held_out_targets),
        ];
        let shares = sides.into_iter().map(|(side, chosen, pairs, held_out)| {
            let share = match chosen.tokenization {
                Tokenization::Characters => seen_apart_only(&pairs, &held_out),
                Tokenization::Graphemes | Tokenization::Spaces => 0.0,
            };
            Self { side, share }
        });
        let most = shares.max_by(|a, b| a.share.total_cmp(&b.share));
        most.filter(|most| most.share > UNSEEN)
    }
}

/// Share of the held-out characters that the texts do not have, but have all parts of.
fn seen_apart_only(texts: &[&str], held_out: &[&str]) -> f64 {
    let not_ascii = |text: &&&str| !text.is_ascii();
    let seen: HashSet<char> = (texts.iter().filter(not_ascii))
        .flat_map(|text| text.chars())
        .collect();
    let mut unseen = Vec::new();
    let mut characters = 0;
    for text in held_out {
        characters += text.chars().count();
        let new = |c: &char| !c.is_ascii() && !seen.contains(c);
        unseen.extend(text.chars().filter(new));
    }
    if unseen.is_empty() {
        return 0.0;
    }
    let parts: HashSet<char> = (texts.iter())
        .flat_map(|text| Normalization::Nfd.apply(text).chars().collect::<Vec<_>>())
        .collect();
    let seen_apart = |c: &&char| {
        let mut buffer = [0; 4];
        let text = c.encode_utf8(&mut buffer);
        let apart = Normalization::Nfd.apply(text);
        *apart != *text && apart.chars().all(|part| parts.contains(&part))
    };
    unseen.iter().filter(seen_apart).count() as f64 / f64::max(characters as f64, 1.0)
}
