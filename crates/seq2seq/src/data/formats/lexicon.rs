//! Lines of pronunciation lexicons: a word, what separates it, its phones.

use super::Content;
use crate::data::errors::LineProblem;
use crate::data::pairs::{Pair, checked};

/// Columns of word and phones in messages.
const WORD: usize = 1;
const PHONES: usize = 2;

/// What begins a comment that takes a whole line of a CMU dictionary.
const COMMENT_LINES: [&str; 2] = [";;;", "##"];

/// A word and its phones.
pub(super) fn entry(line: &str) -> Result<Pair, LineProblem> {
    let (word, phones) = word_and_rest(line);
    pair_of(word, phones.split([' ', '\t']))
}

/// A word, numbers and its phones. A line may have no numbers.
pub(super) fn entry_with_numbers(line: &str) -> Result<Pair, LineProblem> {
    let (word, rest) = word_and_rest(line);
    let word = without_number(word);
    let pieces: Vec<&str> = pieces(rest).collect();
    // A whole number that nothing follows can only be a phone.
    let is_phone = |at: usize, piece: &str| at == pieces.len() && !piece.contains('.');
    let numbers = (1..).zip(&pieces);
    let numbers = numbers.take_while(|&(at, piece)| is_number(piece) && !is_phone(at, piece));
    let numbers = numbers.count();
    pair_of(word, pieces.into_iter().skip(numbers))
}

/// A line of a CMU dictionary.
pub(super) fn cmu_entry(line: &str) -> Result<Content, LineProblem> {
    if COMMENT_LINES.iter().any(|mark| line.starts_with(mark)) {
        return Ok(Content::Comment);
    }
    let (word, phones) = word_and_rest(line);
    let (word, variant) = match without_variant(word) {
        Some(word) => (word, true),
        None => (word, false),
    };
    let before_comment = pieces(phones).take_while(|piece| !piece.starts_with('#'));
    let pair = pair_of(word, before_comment)?;
    Ok(Content::Pair { pair, variant })
}

/// The word of `WORD(2)`.
pub(super) fn without_variant(word: &str) -> Option<&str> {
    let (word, number) = word.strip_suffix(')')?.rsplit_once('(')?;
    let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && !word.is_empty()).then_some(word)
}

/// What stands before and after the first tab, or else the first run of blanks.
pub(super) fn word_and_rest(line: &str) -> (&str, &str) {
    let line = line.trim_matches(' ');
    let cut = line.split_once('\t').or_else(|| line.split_once(' '));
    let (word, rest) = cut.unwrap_or((line, ""));
    (word.trim_matches(' '), rest)
}

/// The word before a blank and a number, as in `word 0.9<TAB>phones`.
fn without_number(word: &str) -> &str {
    match word.rsplit_once(' ') {
        Some((word, number)) if is_number(number) => word.trim_end_matches(' '),
        _ => word,
    }
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t']).filter(|piece| !piece.is_empty())
}

/// Whether a text is a plain number such as `0.99` or `3`.
pub(super) fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    // Scientific notation, too, which long tails of probabilities are written in.
    begins
        && unsigned.ends_with(|c: char| c.is_ascii_digit())
        && (digits(unsigned) || unsigned.parse::<f64>().is_ok())
}

fn pair_of<'a>(word: &str, phones: impl Iterator<Item = &'a str>) -> Result<Pair, LineProblem> {
    if word.is_empty() {
        return Err(LineProblem::EmptySource { column: WORD });
    }
    let phones: Vec<&str> = phones.filter(|phone| !phone.is_empty()).collect();
    if phones.is_empty() {
        return Err(LineProblem::EmptyTarget { column: PHONES });
    }
    let phones = phones.join(" ");
    checked(word, WORD)?;
    checked(&phones, PHONES)?;
    Ok(Pair::from((word, phones)))
}
