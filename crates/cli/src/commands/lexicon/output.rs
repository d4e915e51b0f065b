//! The lexicon and the list of rejected words while they are written, and where to go on after an
//! interruption.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use seq2seq::{check_output, write_atomically};
use serde::{Deserialize, Serialize};

use crate::commands::predict::one_field;

/// How far the files are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// Different words that were answered.
    pub words: usize,
    /// How many of them were rejected.
    pub rejected: usize,
    /// Bytes of the lexicon.
    lexicon_bytes: u64,
    /// Bytes of the list of rejected words.
    rejected_bytes: u64,
    /// What the lexicon was asked for with.
    settings: String,
}

/// The files that are written.
pub struct Output {
    lexicon: Box<dyn Write>,
    rejected: Option<BufWriter<File>>,
    position: Position,
    /// Where the position is kept, if the lexicon is a file.
    progress: Option<PathBuf>,
    /// When it was kept last.
    kept: Option<Instant>,
}

/// Time between two writes of the position.
const BETWEEN: Duration = Duration::from_secs(1);

impl Output {
    /// Opens lexicon and list of rejected words, at their beginning or where the position says.
    pub fn open(
        [lexicon, rejected]: [Option<&Path>; 2],
        settings: &str,
        resume: bool,
        overwrite: bool,
    ) -> Result<Self> {
        let progress = lexicon.map(progress_path);
        let position = match (resume, &progress) {
            (true, Some(path)) => read_position(path, settings)?,
            _ => Position {
                settings: settings.to_owned(),
                ..Position::default()
            },
        };
        for path in [lexicon, rejected].into_iter().flatten() {
            check_output(path)?;
            if path.is_file() && !resume && !overwrite {
                bail!(
                    "{} exists: replace it with --overwrite, or choose another file",
                    path.display()
                );
            }
        }
        let file = |path: &Path, bytes| {
            opened(path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        let lexicon: Box<dyn Write> = match lexicon {
            Some(path) => Box::new(file(path, position.lexicon_bytes)?),
            None => Box::new(BufWriter::new(io::stdout())),
        };
        let rejected = rejected
            .map(|path| file(path, position.rejected_bytes))
            .transpose()?;
        Ok(Self {
            lexicon,
            rejected,
            position,
            progress,
            kept: None,
        })
    }

    /// How far it is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Writes the lines of a word.
    pub fn write(&mut self, lines: &str) -> Result<()> {
        self.lexicon.write_all(lines.as_bytes())?;
        self.position.lexicon_bytes += lines.len() as u64;
        Ok(())
    }

    /// Lists a word that is not written.
    pub fn reject(&mut self, word: &str, reason: &str) -> Result<()> {
        self.position.rejected += 1;
        if let Some(file) = &mut self.rejected {
            let line = format!("{word}\t{}\n", one_field(reason));
            file.write_all(line.as_bytes())?;
            self.position.rejected_bytes += line.len() as u64;
        }
        Ok(())
    }

    /// So many words are written or listed: after an interruption, those after them are answered. The
    /// position is kept once a second, since keeping it waits for the disk.
    pub fn commit(&mut self, words: usize) -> Result<()> {
        self.position.words += words;
        if self.kept.is_some_and(|kept| kept.elapsed() < BETWEEN) {
            return Ok(());
        }
        self.kept = Some(Instant::now());
        self.lexicon.flush()?;
        if let Some(file) = &mut self.rejected {
            file.flush()?;
        }
        if let Some(path) = &self.progress {
            write_atomically(path, &serde_json::to_vec(&self.position)?)?;
        }
        Ok(())
    }

    /// Ends the files.
    pub fn finish(mut self) -> Result<Position> {
        self.lexicon.flush()?;
        if let Some(file) = &mut self.rejected {
            file.flush()?;
        }
        if let Some(path) = self.progress.filter(|path| path.exists()) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(self.position)
    }
}

/// Where the position of a lexicon is kept while it is written.
fn progress_path(lexicon: &Path) -> PathBuf {
    let mut name = lexicon.as_os_str().to_owned();
    name.push(".progress");
    name.into()
}

fn read_position(path: &Path, settings: &str) -> Result<Position> {
    if !path.exists() {
        bail!(
            "there is no {}: the lexicon was finished, or never begun. Leave --resume out",
            path.display()
        );
    }
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let position: Position = serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged: leave --resume out", path.display()))?;
    if position.settings != settings {
        bail!(
            "{} was begun with other settings: give the same --format, --text, --nbest, --mass and \
             --threshold, or leave --resume out",
            path.with_extension("").display()
        );
    }
    Ok(position)
}

/// A file that goes on after so many bytes.
fn opened(path: &Path, bytes: u64) -> io::Result<BufWriter<File>> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let found = file.metadata()?.len();
    if found < bytes {
        return Err(io::Error::other(format!(
            "it has {found} bytes, but {bytes} were written before the interruption; leave --resume out"
        )));
    }
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes))?;
    Ok(BufWriter::new(file))
}
