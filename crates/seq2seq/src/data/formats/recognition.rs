//! What format a file is in, told from its first lines.

use std::collections::{BTreeSet, HashSet};

use super::Format;
use super::lexicon::{is_number, without_variant, word_and_rest};
use super::table::{Fed, Records};
use crate::data::pairs::ReadOptions;

/// Bytes of a file that are looked at.
pub const SAMPLE_BYTES: usize = 256 << 10;
/// Lines that are looked at, at most.
const LINES: usize = 4000;
/// Phones have so many characters on average, at most; words of sentences have more.
const LONGEST_PHONES: f64 = 3.0;
/// Different phones that a language has, at most; with stress and length marks.
const MOST_PHONES: usize = 500;
/// Numbers between word and phones, at most.
const MOST_NUMBERS: usize = 5;

/// The format of a file, by the bytes that it begins with; [`Format::Tsv`] where it seems to be in
/// none of the others.
///
/// Lexicons have no columns that a setting could name, so they are only looked for where the
/// columns are the first two.
pub fn recognized(start: &[u8], whole: bool, options: &ReadOptions) -> Format {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let text = String::from_utf8_lossy(start);
    let mut lines: Vec<&str> = text.split('\n').collect();
    if !whole && lines.len() > 1 {
        // The last line is cut.
        lines.pop();
    }
    let lines = lines.into_iter().map(|line| line.trim_end_matches('\r'));
    let lines = lines.filter(|line| !line.trim_matches(' ').is_empty());
    let lines: Vec<&str> = lines.take(LINES).collect();
    let Some(first) = lines.first() else {
        return Format::Tsv;
    };
    if options.format == Format::Auto && is_object(first) {
        return Format::JsonLines;
    }
    let with_tab = lines.iter().filter(|line| line.contains('\t')).count();
    let named = options.header || !options.keys.is_empty();
    let plain = options.format == Format::Auto && options.reads_first_two_columns() && !named;
    if plain && is_cmu_dictionary(&lines) {
        return Format::CmuDictionary;
    }
    if with_tab == 0
        && let Some(separator) = [',', ';', '|'].into_iter().find(|&s| are_fields(&lines, s))
    {
        return Format::Separated(separator);
    }
    if plain && have_probabilities(&lines) {
        return Format::Probabilities;
    }
    match with_tab {
        0 if plain && are_words_and_phones(&lines) => Format::Lexicon,
        0 => Format::Tsv,
        _ if has_quoted_column(&lines) => Format::Separated('\t'),
        _ => Format::Tsv,
    }
}

fn is_object(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

/// Nine of ten.
fn mostly(count: usize, all: usize) -> bool {
    count > 0 && count.saturating_mul(10) >= all.saturating_mul(9)
}

/// Whether these are words and phones, with the comments or numbered variants that only this
/// dictionary has.
fn is_cmu_dictionary(lines: &[&str]) -> bool {
    let comments = lines.iter().filter(|line| line.starts_with(";;;")).count();
    let entries: Vec<&str> = (lines.iter().copied())
        .filter(|line| !line.starts_with(";;;") && !line.starts_with('#'))
        .collect();
    let shaped = |line: &&&str| {
        let (word, rest) = word_and_rest(line);
        !word.contains(' ') && !rest.trim_matches(' ').is_empty() && !rest.contains('\t')
    };
    if !mostly(entries.iter().filter(shaped).count(), entries.len()) {
        return false;
    }
    if comments > 0 {
        return true;
    }
    let words: HashSet<&str> = entries.iter().map(|line| word_and_rest(line).0).collect();
    let of_known = |line: &&str| {
        let variant = without_variant(word_and_rest(line).0);
        variant.is_some_and(|word| words.contains(word))
    };
    // In a table, a number in brackets may be part of the text.
    let tabs = entries.iter().any(|line| line.contains('\t'));
    match tabs {
        true => entries.iter().any(of_known) && are_phones(&entries),
        false => entries
            .iter()
            .any(|line| without_variant(word_and_rest(line).0).is_some()),
    }
}

/// Whether most lines have the same number of fields, more than one, between separators.
fn are_fields(lines: &[&str], separator: char) -> bool {
    let mut records = Records::new(separator);
    let (mut all, mut alike, mut of_first) = (0_usize, 0_usize, None);
    let mut open = false;
    for line in lines {
        let line = format!("{line}\n");
        let fed = match open {
            false => records.begin(line.as_bytes()),
            true => records.feed(line.as_bytes()),
        };
        open = matches!(fed, Fed::Open);
        if open {
            continue;
        }
        let fields = records.fields().map_or(0, |fields| fields.len());
        all = all.saturating_add(1);
        let same = fields > 1 && *of_first.get_or_insert(fields) == fields;
        alike = alike.saturating_add(usize::from(same));
    }
    // Prose has a blank after its commas.
    let prose = lines.iter().filter(|line| {
        let spaced = format!("{separator} ");
        line.contains(&spaced)
    });
    mostly(alike, all) && !open && prose.count().saturating_mul(2) <= lines.len()
}

/// Whether a column is in quotes throughout.
fn has_quoted_column(lines: &[&str]) -> bool {
    let quoted = |field: &str| field.len() > 1 && field.starts_with('"') && field.ends_with('"');
    let rows = lines
        .iter()
        .map(|line| line.split('\t').map(quoted).collect::<Vec<bool>>());
    let columns = rows.reduce(|all, row| all.iter().zip(row).map(|(a, b)| *a && b).collect());
    lines.len() > 1 && columns.is_some_and(|columns| columns.contains(&true))
}

/// Whether lines have numbers, decimal ones among them, between a word and phones. Lines without
/// numbers may stand among them.
fn have_probabilities(lines: &[&str]) -> bool {
    let (mut numbered, mut fitting) = (0_usize, 0_usize);
    for line in lines {
        let (word, rest) = word_and_rest(line);
        let mut pieces: Vec<&str> = Vec::new();
        if let Some((_, number)) = word.rsplit_once(' ') {
            pieces.push(number);
        }
        let blanks = !line.contains('\t');
        let columns = rest.split('\t').flat_map(|column| match blanks {
            true => column.split(' ').collect::<Vec<_>>(),
            false => vec![column],
        });
        pieces.extend(columns.filter(|piece| !piece.is_empty()));
        let numbers = pieces.iter().take_while(|piece| is_number(piece)).count();
        let decimal = pieces
            .iter()
            .take(numbers)
            .any(|number| number.contains('.'));
        let after = pieces.len().saturating_sub(numbers);
        // Columns after the phones make it another kind of table.
        let one_text = after > 0 && (blanks || after == 1);
        if one_text && numbers <= MOST_NUMBERS {
            fitting = fitting.saturating_add(1);
            numbered = numbered.saturating_add(usize::from(decimal));
        }
    }
    mostly(fitting, lines.len()) && numbered.saturating_mul(3) >= lines.len()
}

/// Whether these are lines of a word and a few short symbols that recur.
fn are_words_and_phones(lines: &[&str]) -> bool {
    let shaped = |line: &&&str| !word_and_rest(line).1.trim_matches(' ').is_empty();
    // Sentences end in a mark, and have commas after their words.
    let prose = |line: &&&str| {
        let comma = word_and_rest(line).0.ends_with(',');
        comma || line.trim_end().ends_with(['.', '!', '?'])
    };
    let prose = lines.iter().filter(prose).count();
    mostly(lines.iter().filter(shaped).count(), lines.len())
        && prose.saturating_mul(2) < lines.len()
        && are_phones(lines)
}

/// Whether what follows the words looks like phones: few, short, and used again and again.
fn are_phones(lines: &[&str]) -> bool {
    let mut distinct = BTreeSet::new();
    let (mut count, mut characters) = (0_usize, 0_usize);
    for line in lines {
        for phone in word_and_rest(line).1.split(' ').filter(|p| !p.is_empty()) {
            distinct.insert(phone);
            count = count.saturating_add(1);
            characters = characters.saturating_add(phone.chars().count());
        }
    }
    let length = characters as f64 / count.max(1) as f64;
    // A long list of words has every phone many times.
    let recur = lines.len() < 100 || count >= distinct.len().saturating_mul(5);
    count > 0 && length <= LONGEST_PHONES && distinct.len() <= MOST_PHONES && recur
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Format {
        recognized(text.as_bytes(), true, &ReadOptions::default())
    }

    #[test]
    fn formats_are_told_from_their_first_lines() {
        let comma = Format::Separated(',');
        for (text, format) in [
            ("", Format::Tsv),
            ("cat\tchat\n", Format::Tsv),
            ("cat\tK AE T\n", Format::Tsv),
            ("cat K AE T\ncat(2) K AH T\n", Format::CmuDictionary),
            (";;; x\nCAT  K AE1 T\n", Format::CmuDictionary),
            ("cat\tK AE T\ncat(2)\tK AH T\n", Format::CmuDictionary),
            ("f(1)\tx y\ng(2)\tz\n", Format::Tsv),
            ("cat K AE T\ndog D AO G\n", Format::Lexicon),
            ("the cat sleeps here\nthe dog barks aloud\n", Format::Tsv),
            (
                "cat\t0.9\tK AE T\ndog\t1.0\tD AO G\n",
                Format::Probabilities,
            ),
            ("cat 0.9\tK AE T\ndog 1.0\tD AO G\n", Format::Probabilities),
            ("cat 0.9 K AE T\ndog 1.0 D AO G\n", Format::Probabilities),
            (
                "cat\t0.9\t0.1\t1.2\t1\tK AE T\ndog\tD AO G\n",
                Format::Probabilities,
            ),
            ("cat\t3\tK AE T\ndog\t4\tD AO G\n", Format::Tsv),
            (
                "cat\t0.9\tK AE T\tnoun\ndog\t1.0\tD AO G\tnoun\n",
                Format::Tsv,
            ),
            ("word,phones\ncat,K AE T\n\"a, b\",EY B\n", comma),
            ("cat;chat\ndog;chien\n", Format::Separated(';')),
            ("cat|chat\ndog|chien\n", Format::Separated('|')),
            ("Well, it is.\nNo, it is not.\n", Format::Tsv),
            ("\"cat\"\t\"K\"\n\"dog\"\t\"D\"\n", Format::Separated('\t')),
            ("\"cat\tK\ndog\"\tD\n", Format::Tsv),
            ("{\"source\":\"cat\"}\n", Format::JsonLines),
            ("{cat\n", Format::Tsv),
        ] {
            assert_eq!(of(text), format, "{text:?}");
        }
    }

    #[test]
    fn columns_that_are_named_make_a_table() {
        let options = ReadOptions {
            target_column: 3,
            ..ReadOptions::default()
        };
        let text = b"cat\t0.9\tK AE T\n";
        assert_eq!(recognized(text, true, &options), Format::Tsv);
    }
}
