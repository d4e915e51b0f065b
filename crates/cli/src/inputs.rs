//! Lines of input, from standard input or a file, as they are or compressed.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow};
use seq2seq::data::{LONGEST_LINE, LONGEST_TEXT, STDIN, open_input, text_of};

/// Enough for a batch of long lines to be read together.
const BUFFER: usize = 256 * 1024;

type Reader = BufReader<Box<dyn Read>>;

/// A source of lines, which counts them.
pub struct Lines {
    reader: Reader,
    read: usize,
    /// Why the line after those that were read cannot be used.
    failed: Option<Error>,
}

impl Lines {
    /// Reads lines from a file, or from standard input without one.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let input = open_input(path.unwrap_or(Path::new(STDIN)))?;
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER, input),
            read: 0,
            failed: None,
        })
    }

    /// Lines that are at hand.
    pub fn of(lines: &[String]) -> Self {
        let bytes = Cursor::new((lines.join("\n") + "\n").into_bytes());
        Self {
            reader: BufReader::with_capacity(BUFFER, Box::new(bytes)),
            read: 0,
            failed: None,
        }
    }

    /// Lines that were read so far.
    pub fn read(&self) -> usize {
        self.read
    }

    /// The next lines: waits for one, then takes what is at hand already, up to `most`; none at the end.
    ///
    /// Whatever arrives together is answered together, and a person who types is answered at once. A
    /// line that cannot be used is an error only once those before it were given.
    pub fn next(&mut self, most: usize) -> Result<Vec<String>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut lines = Vec::new();
        while lines.len() < most {
            let number = self.read.saturating_add(1);
            match next_line(&mut self.reader, number) {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(error) if lines.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
            self.read = number;
            // What has been read already can be taken without waiting for more.
            if !self.reader.buffer().contains(&b'\n') {
                break;
            }
        }
        Ok(lines)
    }
}

/// All lines of a file, read as inputs are.
pub fn all_lines(path: &Path) -> Result<Vec<String>> {
    let mut lines = Lines::open(Some(path))?;
    let mut all = Vec::new();
    loop {
        let more = lines
            .next(usize::MAX)
            .with_context(|| path.display().to_string())?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

fn next_line(reader: &mut Reader, number: usize) -> Result<Option<String>> {
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
