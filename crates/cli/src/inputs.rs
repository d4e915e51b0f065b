//! Lines of input, from standard input or a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};

/// A source of lines.
pub type Lines = BufReader<Box<dyn Read>>;

/// Enough for a batch of long lines to be read together.
const BUFFER: usize = 256 * 1024;

/// Reads lines from a file, or from standard input without one.
pub fn open(path: Option<&Path>) -> Result<Lines> {
    let input: Box<dyn Read> = match path {
        None => Box::new(io::stdin()),
        Some(path) => {
            Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
        }
    };
    Ok(BufReader::with_capacity(BUFFER, input))
}

/// The next lines: waits for one, then takes what is at hand already, up to `most`.
///
/// Whatever arrives together is answered together, and a person who types is answered at once.
pub fn next_lines(reader: &mut Lines, most: usize, number: &mut usize) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    while lines.len() < most {
        let Some(line) = next_line(reader, *number + 1)? else {
            break;
        };
        *number += 1;
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
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let mut line = String::from_utf8(bytes)
        .with_context(|| format!("line {number} of the input is not UTF-8"))?;
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    }
    Ok(Some(line))
}
