//! Lines of input, from standard input or a file, as they are or compressed.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use seq2seq::data::{LONGEST_LINE, LONGEST_TEXT, STDIN, open_input, text_of};

/// A source of lines.
pub type Lines = BufReader<Box<dyn Read>>;

/// Enough for a batch of long lines to be read together.
const BUFFER: usize = 256 * 1024;

/// Reads lines from a file, or from standard input without one.
pub fn open(path: Option<&Path>) -> Result<Lines> {
    let input = open_input(path.unwrap_or(Path::new(STDIN)))?;
    Ok(BufReader::with_capacity(BUFFER, input))
}

/// The next lines: waits for one, then takes what is at hand already, up to `most`.
///
/// Whatever arrives together is answered together, and a person who types is answered at once.
pub fn next_lines(reader: &mut Lines, most: usize, number: &mut usize) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    while lines.len() < most {
        let next = number.saturating_add(1);
        let Some(line) = next_line(reader, next)? else {
            break;
        };
        *number = next;
        lines.push(line);
        // What has been read already can be taken without waiting for more.
        if !reader.buffer().contains(&b'\n') {
            break;
        }
    }
    Ok(lines)
}

fn next_line(reader: &mut Lines, number: usize) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let most = (LONGEST_LINE as u64).saturating_add(1);
    let read = reader.take(most).read_until(b'\n', &mut bytes);
    if read.with_context(|| format!("cannot read line {number} of the input"))? == 0 {
        return Ok(None);
    }
    let mut line = bytes.as_slice();
    if number == 1 {
        line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    }
    line = line.strip_suffix(b"\n").unwrap_or(line);
    line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = text_of(line).map_err(|problem| anyhow!("line {number} of the input: {problem}"))?;
    // Every input has exactly one answer, so there is none to leave out.
    if text.split('\t').any(|column| column.len() > LONGEST_TEXT) {
        return Err(anyhow!(
            "line {number} of the input has a text of more than {LONGEST_TEXT} bytes, which is the most"
        ));
    }
    Ok(Some(text.to_owned()))
}
