//! Writing files so that a crash, a full disk or a kill leaves the old content or the new one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the temporary files begin that are renamed once they are whole.
const PARTIAL: &str = ".seq2seq-partial-";

/// Writes the parts one after the other as one file: temporary file beside it, sync, rename, sync
/// of the folder.
///
/// # Errors
/// If the system refuses; the file is then as it was.
pub fn write_atomically(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    prepare(path, parts)?.put_in_place()
}

/// A file that is whole and safe on the disk, but not yet under its name; dropped, it is gone.
#[must_use]
#[derive(Debug)]
pub struct PreparedFile<'a> {
    temporary: Temporary,
    path: &'a Path,
}

/// Writes a file up to the last step, which cannot run out of space.
///
/// # Errors
/// If the system refuses; nothing is left then.
pub fn prepare<'a>(path: &'a Path, parts: &[&[u8]]) -> io::Result<PreparedFile<'a>> {
    faults::pass()?;
    let (mut file, temporary) = Temporary::create(folder_of(path))?;
    for part in parts {
        faults::write(&mut file, part)?;
    }
    faults::pass()?;
    file.sync_all()?;
    Ok(PreparedFile { temporary, path })
}

impl PreparedFile<'_> {
    /// Gives the file its name, in the place of another that has it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn put_in_place(self) -> io::Result<()> {
        faults::pass()?;
        fs::rename(&self.temporary.0, self.path)?;
        sync_folder(folder_of(self.path));
        Ok(())
    }
}

/// Name of the file whose lock tells that a process works in a folder.
const LOCK: &str = ".lock";

/// Why a folder's lock cannot be had.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it.
    Busy,
    /// The file cannot be used.
    File(PathBuf, io::Error),
}

/// Takes the lock of a folder, which is free again once the file is closed.
///
/// # Errors
/// If another process has it, or its file cannot be used.
pub fn lock(folder: &Path) -> Result<File, LockError> {
    let path = folder.join(LOCK);
    let mut options = File::options();
    let options = options.create(true).truncate(false).write(true);
    let failed = |error| LockError::File(path.clone(), error);
    let file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Busy),
        // Some network file systems know no locks.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Adds bytes to the end of a file, which is made if it does not exist.
///
/// # Errors
/// If the system refuses.
pub fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    faults::pass()?;
    let mut file = File::options().create(true).append(true).open(path)?;
    faults::write(&mut file, bytes)
}

/// Removes a file; there being none is fine.
///
/// # Errors
/// If the system refuses.
pub fn remove(path: &Path) -> io::Result<()> {
    faults::pass()?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what a killed process left half written in a folder.
///
/// # Errors
/// If the system refuses.
pub fn remove_partial(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PARTIAL.as_bytes())
        {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file that is removed unless it was renamed.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Temporary {
    /// A new file, as readable as any other, with a name that no other process takes.
    fn create(folder: &Path) -> io::Result<(File, Self)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{PARTIAL}{}-{number}", std::process::id()));
            match File::options().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, Self(path))),
                // A killed process of the same number left it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Not every system can sync a folder; the rename itself has happened.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(not(any(test, feature = "faults")))]
mod faults {
    use std::io::{self, Write};

    #[inline(always)]
    pub(super) fn pass() -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(super) fn write(file: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
}

/// A disk that fills up at a chosen operation, for tests.
#[cfg(any(test, feature = "faults"))]
pub mod faults {
    use std::cell::Cell;
    use std::io::{self, Write};

    thread_local! {
        /// Operations that still succeed; every one after them fails.
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Lets so many operations of this thread succeed; `None` for all.
    pub fn allow(operations: Option<usize>) {
        LEFT.set(operations);
    }

    pub(super) fn pass() -> io::Result<()> {
        match LEFT.get() {
            Some(0) => Err(io::ErrorKind::StorageFull.into()),
            left => {
                LEFT.set(left.map(|left| left - 1));
                Ok(())
            }
        }
    }

    /// A write for which there is no space puts half of the bytes down.
    pub(super) fn write(file: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        let passed = pass();
        let fits = if passed.is_ok() {
            bytes
        } else {
            &bytes[..bytes.len() / 2]
        };
        file.write_all(fits)?;
        passed
    }
}
