//! Writing files so that a crash, a full disk or a kill leaves the old content or the new one.

use std::fs::{self, DirEntry, File, FileType, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
pub struct PreparedFile {
    temporary: Temporary,
    path: PathBuf,
}

/// Writes a file up to the last step, which cannot run out of space. Where the path is a link, it is that
/// of the file that the link leads to.
///
/// # Errors
/// If the system refuses, or what has the path is no regular file; nothing is left then.
pub fn prepare(path: &Path, parts: &[&[u8]]) -> io::Result<PreparedFile> {
    faults::pass()?;
    let path = destination(path)?;
    let folder = folder_of(&path);
    remove_abandoned(folder);
    let (mut file, temporary) = Temporary::create(folder)?;
    for part in parts {
        faults::write(&mut file, part)?;
    }
    faults::pass()?;
    file.sync_all()?;
    Ok(PreparedFile { temporary, path })
}

impl PreparedFile {
    /// Gives the file its name, in the place of another that has it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn put_in_place(self) -> io::Result<()> {
        faults::pass()?;
        fs::rename(&self.temporary.0, &self.path)?;
        sync_folder(folder_of(&self.path));
        Ok(())
    }
}

/// Links that are followed, at most.
const MOST_LINKS: usize = 40;

/// Where an output to this path goes: to a regular file, or where there is nothing yet. Links are
/// followed.
///
/// # Errors
/// If there is a folder, a device, a FIFO or the like: nothing takes its place.
pub fn destination(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let about = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            about => about?,
        };
        if !about.is_symlink() {
            return check_regular(&about).map(|()| path);
        }
        path = folder_of(&path).join(fs::read_link(&path)?);
    }
    Err(io::Error::other(
        "it is a link that leads to another without end",
    ))
}

/// Refuses what is no regular file.
pub fn check_regular(about: &Metadata) -> io::Result<()> {
    if about.is_file() {
        return Ok(());
    }
    let kind = kind_of(about.file_type());
    Err(io::Error::other(format!(
        "it is {kind}, not a regular file"
    )))
}

#[cfg(unix)]
fn kind_of(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        _ if kind.is_dir() => "a folder",
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_symlink() => "a link",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}

/// Opens a file to read it, unless it is no regular file: opening a FIFO waits for somebody to write.
pub fn open_regular(path: &Path) -> io::Result<File> {
    check_regular(&fs::metadata(path)?)?;
    File::open(path)
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
    destination(&path).map_err(|error| LockError::File(path.clone(), error))?;
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

/// Whether a folder whose lock was taken is still there.
pub fn has_lock(folder: &Path) -> bool {
    folder.join(LOCK).exists()
}

/// Adds bytes to the end of a file, which is made if it does not exist.
///
/// # Errors
/// If the system refuses.
pub fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    faults::pass()?;
    destination(path)?;
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

/// Removes what a killed process left half written in a folder that no other process works in.
///
/// # Errors
/// If the system refuses.
pub fn remove_partial(folder: &Path) -> io::Result<()> {
    for path in partial_files(folder)? {
        remove(&path?)?;
    }
    Ok(())
}

/// The same in a folder that others may write to: a file that is being written is locked, and a new one
/// soon will be.
fn remove_abandoned(folder: &Path) {
    let is_abandoned = |path: &PathBuf| {
        let file = File::options().write(true).open(path).ok()?;
        let age = file.metadata().ok()?.modified().ok()?.elapsed().ok()?;
        (age > ABANDONED && file.try_lock().is_ok()).then_some(())
    };
    let files = partial_files(folder).into_iter().flatten().flatten();
    for path in files.filter(|path| is_abandoned(path).is_some()) {
        // Whatever keeps it from going is no reason to write nothing.
        let _ = fs::remove_file(path);
    }
}

/// Age from which a temporary file without a lock belongs to nobody.
const ABANDONED: Duration = Duration::from_secs(10);

fn partial_files(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<PathBuf>>> {
    let is_partial = |entry: &io::Result<DirEntry>| match entry {
        Ok(entry) => {
            let name = entry.file_name();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            is_file && name.as_encoded_bytes().starts_with(PARTIAL.as_bytes())
        }
        Err(_) => true,
    };
    let entries = fs::read_dir(folder)?.filter(is_partial);
    Ok(entries.map(|entry| Ok(entry?.path())))
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
                Ok(file) => {
                    // It is given back when the file is closed, also when the process is killed. On a file
                    // system without locks no file counts as abandoned, as none can be had there.
                    let _ = file.try_lock();
                    return Ok((file, Self(path)));
                }
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

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may fail by panicking

    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn nothing_takes_the_place_of_what_is_no_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let _listener = UnixListener::bind(path("socket")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        symlink("socket", path("link")).unwrap();
        symlink("round", path("round")).unwrap();
        for (name, kind) in [
            ("socket", "a socket"),
            ("link", "a socket"),
            ("folder", "a folder"),
            ("round", "without end"),
        ] {
            for result in [
                write_atomically(&path(name), &[b"new"]),
                append(&path(name), b"new"),
            ] {
                let error = result.unwrap_err().to_string();
                assert!(error.contains(kind), "{name}: {error}");
            }
        }
        assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 4, "nothing half written is left");
    }

    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("there")).unwrap();
        fs::write(path("there/file"), "old").unwrap();
        symlink("there/file", path("link")).unwrap();
        symlink("there/new", path("dangling")).unwrap();
        for (link, file) in [("link", "there/file"), ("dangling", "there/new")] {
            write_atomically(&path(link), &[b"new"]).unwrap();
            assert_eq!(fs::read(path(file)).unwrap(), b"new");
            assert!(fs::symlink_metadata(path(link)).unwrap().is_symlink());
        }
    }

    /// What killed processes left goes, what others are writing stays.
    #[test]
    fn abandoned_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".seq2seq-partial-left");
        let fresh = folder.path().join(".seq2seq-partial-fresh");
        let (file, theirs) = Temporary::create(folder.path()).unwrap();
        let old = SystemTime::now() - 2 * ABANDONED;
        fs::write(&fresh, "half").unwrap();
        file.set_modified(old).unwrap();
        File::create(&left).unwrap().set_modified(old).unwrap();
        write_atomically(&folder.path().join("file"), &[b"new"]).unwrap();
        assert!(!left.exists() && fresh.exists() && theirs.0.exists());
    }
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
