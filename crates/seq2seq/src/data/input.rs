//! Where text comes from: a file or standard input, as it is or compressed by gzip or zstd.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::OnceLock;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::DataError;

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// How a file begins that is not plain UTF-8.
const GZIP: &[u8] = b"\x1F\x8B";
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";
const OTHERS: [(&[u8], &str, &str); 6] = [
    (b"\xFF\xFE", "UTF-16", UTF_16),
    (b"\xFE\xFF", "UTF-16", UTF_16),
    (b"\xFD7zXZ\0", "compressed with xz", UNPACK),
    (b"BZh", "compressed with bzip2", UNPACK),
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive", UNPACK),
];
const UTF_16: &str = "save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`";
const UNPACK: &str = "unpack it first (only gzip and zstd are unpacked here)";
/// Bytes of the longest of these marks.
const LONGEST_MARK: usize = 6;

/// Opens a file, or standard input for [`STDIN`], for reading what it holds once it is unpacked.
/// Nothing is read before it is needed, so a person can type.
///
/// # Errors
/// The file is missing, is a folder or cannot be read, or holds another kind of data than text.
pub fn open_input(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let file = name_of(path);
    if path == Path::new(STDIN) {
        return unpacked(BufReader::new(io::stdin()), &file);
    }
    // Opening a folder works on some systems and fails oddly on others.
    if path.is_dir() {
        return Err(DataError::Folder { file });
    }
    match File::open(path) {
        Ok(opened) => unpacked(BufReader::new(opened), &file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataError::Missing { file }),
        Err(cause) => Err(DataError::Unreadable { file, cause }),
    }
}

/// All that standard input holds. It can be read only once, but is asked for again: pairs are looked
/// at to choose settings, then read to train on.
pub(super) fn whole_stdin() -> io::Result<&'static [u8]> {
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(content) = CONTENT.get() {
        return Ok(content);
    }
    let content = whole(io::stdin().lock())?;
    Ok(CONTENT.get_or_init(|| content))
}

/// Bytes of a line after which nobody waits for its end: it may have none, as in `/dev/zero`.
pub(super) const ENDLESS_LINE: u64 = 1 << 30;

/// What is wrong with a line that is as long.
pub(super) fn endless_line() -> io::Error {
    io::Error::other("a line has more than 1 GiB; this is no file of lines")
}

/// All that a reader gives, unless it gives no line end for too long.
fn whole(mut reader: impl BufRead) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let read = reader
            .by_ref()
            .take(ENDLESS_LINE)
            .read_until(b'\n', &mut content)?;
        match read as u64 {
            0 => return Ok(content),
            ENDLESS_LINE => return Err(endless_line()),
            _ => {}
        }
    }
}

/// How an input is called in messages.
pub(super) fn name_of(path: &Path) -> String {
    if path == Path::new(STDIN) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// What a reader gives, unpacked if it begins as gzip or zstd do.
pub(super) fn unpacked<'a>(
    mut reader: impl BufRead + 'a,
    name: &str,
) -> Result<Box<dyn Read + 'a>, DataError> {
    let unreadable = |cause| DataError::Unreadable {
        file: name.to_owned(),
        cause,
    };
    let start = first_bytes(&mut reader).map_err(unreadable)?;
    let (gzip, zstd) = (start.starts_with(GZIP), start.starts_with(ZSTD));
    if !gzip && !zstd {
        refuse_other_kinds(&start, name)?;
        return Ok(Box::new(Cursor::new(start).chain(reader)));
    }
    let packed = Cursor::new(start).chain(reader);
    let mut content: Box<dyn BufRead + 'a> = if gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(packed)))
    } else {
        Box::new(BufReader::new(ZstdFrames {
            reader: packed,
            frame: None,
        }))
    };
    let start = first_bytes(&mut content).map_err(unreadable)?;
    refuse_other_kinds(&start, name)?;
    Ok(Box::new(Cursor::new(start).chain(content)))
}

/// As many bytes as are needed to tell what they begin, and no more.
fn first_bytes(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.len() < LONGEST_MARK && may_be_a_mark(&start) {
        let mut byte = [0];
        if reader.read(&mut byte)? == 0 {
            break;
        }
        start.extend(byte);
    }
    Ok(start)
}

fn may_be_a_mark(start: &[u8]) -> bool {
    let others = OTHERS.iter().map(|(mark, ..)| *mark);
    others
        .chain([GZIP, ZSTD])
        .any(|mark| mark.len() > start.len() && mark.starts_with(start))
}

fn refuse_other_kinds(start: &[u8], name: &str) -> Result<(), DataError> {
    match OTHERS.iter().find(|(mark, ..)| start.starts_with(mark)) {
        None => Ok(()),
        Some((_, kind, advice)) => Err(DataError::OtherKind {
            file: name.to_owned(),
            kind,
            advice,
        }),
    }
}

/// All frames of a zstd file, one after the other, each checked against its checksum.
struct ZstdFrames<R: BufRead> {
    reader: R,
    /// The frame that is being read.
    frame: Option<Box<FrameDecoder>>,
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                while frame.can_collect() == 0 && !frame.is_finished() {
                    frame
                        .decode_blocks(&mut self.reader, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(io::Error::other)?;
                }
                let count = frame.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                verify(frame)?;
            }
            self.frame = next_frame(&mut self.reader)?;
            if self.frame.is_none() {
                return Ok(0);
            }
        }
    }
}

fn verify(frame: &FrameDecoder) -> io::Result<()> {
    let expected = frame.get_checksum_from_data();
    if expected.is_none() || expected == frame.get_calculated_checksum() {
        return Ok(());
    }
    Err(io::Error::other(
        "the zstd data does not match its checksum",
    ))
}

/// The next frame that holds data, if there is one.
fn next_frame(reader: &mut impl BufRead) -> io::Result<Option<Box<FrameDecoder>>> {
    while !reader.fill_buf()?.is_empty() {
        let mut frame = Box::new(FrameDecoder::new());
        match frame.init(&mut *reader) {
            Ok(()) => return Ok(Some(frame)),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                io::copy(&mut reader.take(length.into()), &mut io::sink())?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    Ok(None)
}
