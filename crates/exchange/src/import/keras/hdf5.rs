//! Arrays of an HDF5 file (<https://www.hdfgroup.org/solutions/hdf5/>), read in bounded time and memory.

use std::sync::atomic::{AtomicU64, Ordering};

use hdf5_pure::{Error, File, FormatError, Group, Source};
use seq2seq_runtime::storage::Array;

use super::super::ImportError;

/// How often each byte of the file may be read on average. Groups are looked up anew for each path, so
/// headers are read several times; what points in circles, or a thousand times at one place, reads more.
const MOST_READS: u64 = 64;
/// Bytes that may be read of any file.
const ALWAYS_ALLOWED: u64 = 1 << 20;
/// Groups within groups, at most.
const DEEPEST: usize = 16;

/// An HDF5 file in memory.
pub struct Hdf5 {
    file: File,
    part: String,
    length: u64,
}

/// The bytes of a file, which end once too many were read.
struct Budgeted {
    bytes: Vec<u8>,
    left: AtomicU64,
}

impl Source for Budgeted {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        let wanted = buffer.len() as u64;
        let take = |left: u64| left.checked_sub(wanted.max(1));
        let taken = (self.left).fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if taken.is_err() {
            return Err(FormatError::Source(
                "its parts refer to each other without end".to_owned(),
            ));
        }
        let end = offset.checked_add(wanted);
        let range = usize::try_from(offset)
            .ok()
            .zip(end.and_then(|end| end.try_into().ok()));
        let bytes = range.and_then(|(start, end): (usize, usize)| self.bytes.get(start..end));
        match bytes {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => {
                return Err(FormatError::UnexpectedEof {
                    expected: end
                        .and_then(|end| end.try_into().ok())
                        .unwrap_or(usize::MAX),
                    available: self.bytes.len(),
                });
            }
        }
        Ok(())
    }
}

impl Hdf5 {
    /// Opens a file; `part` names it in errors.
    ///
    /// # Errors
    /// If it is no HDF5 file, or cut short.
    pub fn open(bytes: Vec<u8>, part: &str) -> Result<Self, ImportError> {
        let length = bytes.len() as u64;
        let budget = length
            .saturating_mul(MOST_READS)
            .saturating_add(ALWAYS_ALLOWED);
        let source = Budgeted {
            bytes,
            left: AtomicU64::new(budget),
        };
        let file = File::from_source(source);
        let file = file.map_err(|error| ImportError::damaged(part, error))?;
        let expected = file.superblock().eof_address;
        if length < expected {
            let reason = format!("it is cut short: {length} of {expected} bytes are there");
            return Err(ImportError::damaged(part, reason));
        }
        Ok(Self {
            file,
            part: part.to_owned(),
            length,
        })
    }

    fn damaged(&self, error: Error) -> ImportError {
        ImportError::damaged(&self.part, error)
    }

    /// A text that the root carries as an attribute.
    ///
    /// # Errors
    /// If it has none, or the attributes cannot be read.
    pub fn attribute(&self, name: &str) -> Result<String, ImportError> {
        let attributes = self.file.root().attrs();
        let attributes = attributes.map_err(|error| self.damaged(error))?;
        let text = attributes.get(name).and_then(|value| value.as_str());
        text.map(str::to_owned)
            .ok_or_else(|| ImportError::damaged(&self.part, format!("it has no text {name:?}")))
    }

    /// All arrays under a path, by their paths from there.
    ///
    /// # Errors
    /// If there is no such group, or an array cannot be read.
    pub fn arrays(&self, path: &str) -> Result<Vec<(String, Array)>, ImportError> {
        let group = self.file.group(path).map_err(|error| match error {
            Error::Format(FormatError::PathNotFound(_)) => {
                ImportError::MissingWeights(path.to_owned())
            }
            error => self.damaged(error),
        })?;
        let mut arrays = Vec::new();
        self.collect(&group, "", 0, &mut arrays)?;
        Ok(arrays)
    }

    fn collect(
        &self,
        group: &Group,
        path: &str,
        depth: usize,
        arrays: &mut Vec<(String, Array)>,
    ) -> Result<(), ImportError> {
        if depth > DEEPEST {
            let reason = format!("there are more than {DEEPEST} groups within each other");
            return Err(ImportError::damaged(&self.part, reason));
        }
        for (name, dataset) in group.iter_datasets().map_err(|error| self.damaged(error))? {
            let name = format!("{path}{name}");
            let shape = dataset.shape().map_err(|error| self.damaged(error))?;
            let size = dataset
                .element_size()
                .map_err(|error| self.damaged(error))?;
            let bytes = shape
                .iter()
                .try_fold(size, |bytes, &n| bytes.checked_mul(n));
            if bytes.is_none_or(|bytes| bytes > self.length) {
                let reason =
                    format!("{name:?} has the shape {shape:?}, which is more than the file");
                return Err(ImportError::damaged(&self.part, reason));
            }
            let values = dataset
                .read_f32()
                .map_err(|error| ImportError::damaged(&self.part, format!("{name:?}: {error}")))?;
            let shape = shape.iter().map(|&n| n as usize).collect();
            arrays.push((name, Array::f32(shape, values)));
        }
        for (name, group) in group.iter_groups().map_err(|error| self.damaged(error))? {
            self.collect(
                &group,
                &format!("{path}{name}/"),
                depth.saturating_add(1),
                arrays,
            )?;
        }
        Ok(())
    }
}
