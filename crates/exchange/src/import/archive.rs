//! Zip archives, of which no more is unpacked than a model can have.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::ImportError;

/// Bytes that a byte of the file may unpack to. Weights hardly get smaller by packing.
const MOST_EXPANSION: u64 = 16;
/// Bytes that any entry may have.
const ALWAYS_ALLOWED: u64 = 1 << 20;

/// A zip archive in memory.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    most: u64,
}

impl<'a> Archive<'a> {
    /// Opens an archive.
    ///
    /// # Errors
    /// If it is none, or cut short.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ImportError> {
        let zip = ZipArchive::new(Cursor::new(bytes));
        Ok(Self {
            zip: zip.map_err(|error| ImportError::damaged("the zip archive", error))?,
            most: (bytes.len() as u64)
                .saturating_mul(MOST_EXPANSION)
                .saturating_add(ALWAYS_ALLOWED),
        })
    }

    /// Whether it has an entry.
    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// The bytes of an entry.
    ///
    /// # Errors
    /// If there is no such entry, it is damaged, or unpacks to more than a model can have.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, ImportError> {
        let most = self.most;
        let entry = self.zip.by_name(name).map_err(|error| match error {
            ZipError::FileNotFound => {
                ImportError::SomethingElse(format!("the zip archive has no {name}"))
            }
            error => ImportError::damaged(name, error),
        })?;
        let mut bytes = Vec::new();
        // The size that the entry states is not trusted.
        let read = entry.take(most.saturating_add(1)).read_to_end(&mut bytes);
        if bytes.len() as u64 > most {
            return Err(ImportError::TooLarge {
                part: name.to_owned(),
                most,
            });
        }
        read.map_err(|error| ImportError::damaged(name, error))?;
        Ok(bytes)
    }
}
