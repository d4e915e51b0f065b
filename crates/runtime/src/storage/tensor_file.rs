//! Named tensors and text in one file: safetensors, written in one canonical form with a checksum
//! over every byte, and read with nothing taken on trust.
//!
//! docs/model-file.md is the specification. Equal content gives equal bytes: metadata keys and
//! tensor names are sorted, which the `safetensors` crate leaves open for metadata.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{Array, Values, Weights, write_atomically};

/// Text by key.
pub type Metadata = BTreeMap<String, String>;

/// Longest header that is read: enough for a million words, and no burden on memory.
const LONGEST_HEADER: u64 = 64 << 20;
/// Bytes that hold the header's length.
const PREFIX: u64 = 8;
/// Metadata key of the checksum.
const CHECKSUM: &str = "checksum";
const ALGORITHM: &str = "sha256:";
/// What comes before the checksum's digits: a quotation mark and the algorithm.
const BEFORE_DIGITS: usize = 1 + ALGORITHM.len();
/// Digits that stand where the checksum's will be while it is computed.
const NO_DIGITS: [u8; 64] = [b'0'; 64];

/// What is wrong with the bytes of a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It has never been a file of this kind.
    #[error("it is not a safetensors file ({0})")]
    SomethingElse(String),
    /// The end is missing.
    #[error("it is cut short: {found} of {expected} bytes are there")]
    Truncated {
        /// Bytes that there should be, at least.
        expected: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// Bytes have changed since it was written.
    #[error("it is damaged: {0}")]
    Corrupted(String),
}

/// Why a file could not be read.
#[derive(Debug)]
pub enum ReadFailure {
    /// The content is not what it should be.
    Damage(Damage),
    /// The system refused.
    System(io::Error),
}

impl From<io::Error> for ReadFailure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Damage> for ReadFailure {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// The content of a file whose layout and checksum are right.
#[derive(Debug)]
pub struct TensorFile {
    /// Text by key, without the checksum.
    pub metadata: Metadata,
    /// Whether there was a checksum, which was right then.
    pub checked: bool,
    tensors: Vec<(String, Entry)>,
    data: Vec<u8>,
}

/// Where a tensor is and what it looks like.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Writes tensors and metadata; the file is as it was if that fails.
///
/// # Errors
/// If the system refuses.
pub fn write(path: &Path, tensors: &Weights, metadata: &Metadata) -> io::Result<()> {
    let (header, data) = parts(tensors, metadata)?;
    let data = data.into_iter().map(bytes_of);
    let parts: Vec<&[u8]> = std::iter::once(&header[..]).chain(data).collect();
    write_atomically(path, &parts)
}

/// The bytes of a file with these tensors and this metadata.
///
/// # Errors
/// If the header cannot be written as JSON.
pub fn to_bytes(tensors: &Weights, metadata: &Metadata) -> io::Result<Vec<u8>> {
    let (mut bytes, data) = parts(tensors, metadata)?;
    for array in data {
        bytes.extend_from_slice(bytes_of(array));
    }
    Ok(bytes)
}

/// What comes before the data of a file, its length first and its checksum filled in, and the tensors
/// in the order of the file.
fn parts<'a>(tensors: &'a Weights, metadata: &Metadata) -> io::Result<(Vec<u8>, Vec<&'a Array>)> {
    let (sorted, mut header) = header_of(tensors, metadata)?;
    let length = (header.len() as u64).to_le_bytes();
    let digits = digest(&length, &header, sorted.iter().map(|array| bytes_of(array)));
    let place = find(&header, &quoted_checksum(&NO_DIGITS))
        .and_then(|place| header.get_mut(place..)?.get_mut(..NO_DIGITS.len()))
        .ok_or_else(|| io::Error::other("the header has no place for its checksum"))?;
    place.copy_from_slice(&digits);
    Ok(([&length[..], &header].concat(), sorted))
}

/// The tensors in the order of the file, and the header, padded, its checksum still open.
fn header_of<'a>(
    tensors: &'a Weights,
    metadata: &Metadata,
) -> io::Result<(Vec<&'a Array>, Vec<u8>)> {
    let mut metadata = metadata.clone();
    let digits = String::from_utf8_lossy(&NO_DIGITS);
    metadata.insert(CHECKSUM.to_owned(), format!("{ALGORITHM}{digits}"));
    // The widest type first, so that all data is aligned.
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by_key(|(name, array)| (Reverse(array.values.dtype().1), *name));
    let mut header = Header {
        metadata,
        tensors: Vec::with_capacity(sorted.len()),
    };
    let mut start = 0_u64;
    for (name, array) in &sorted {
        let end = start.saturating_add(bytes_of(array).len() as u64);
        let entry = Entry {
            dtype: array.values.dtype().0.to_owned(),
            shape: array.shape.iter().map(|&size| size as u64).collect(),
            data_offsets: [start, end],
        };
        header.tensors.push(((*name).clone(), entry));
        start = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok((sorted.into_iter().map(|(_, array)| array).collect(), header))
}

// The format is little-endian, and numbers are written as they lie in memory.
const _: () = assert!(cfg!(target_endian = "little"));

fn bytes_of(array: &Array) -> &[u8] {
    match &array.values {
        Values::F32(values) => bytemuck::cast_slice(values),
        Values::U32(values) => bytemuck::cast_slice(values),
        Values::U8(values) => values,
        Values::Bf16(values) => bytemuck::cast_slice(values),
        Values::I8(values) => bytemuck::cast_slice(values),
    }
}

/// The SHA-256 of a file whose checksum's digits are zeros, as 64 hexadecimal digits.
fn digest<'a>(
    length: &[u8],
    header: &[u8],
    data: impl IntoIterator<Item = &'a [u8]>,
) -> [u8; NO_DIGITS.len()] {
    let mut hasher = Sha256::new();
    hasher.update(length);
    hasher.update(header);
    data.into_iter().for_each(|part| hasher.update(part));
    let mut digits = NO_DIGITS;
    for (pair, byte) in digits.chunks_exact_mut(2).zip(hasher.finalize()) {
        for (digit, value) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = b"0123456789abcdef"
                .get(usize::from(value))
                .copied()
                .unwrap_or(b'0');
        }
    }
    digits
}

/// The checksum as it stands in a header, where a quotation mark within text is escaped.
fn quoted_checksum(digits: &[u8]) -> Vec<u8> {
    [b"\"", ALGORITHM.as_bytes(), digits, b"\""].concat()
}

/// Where the digits begin in the header.
fn find(header: &[u8], quoted: &[u8]) -> Option<usize> {
    let place = header
        .windows(quoted.len())
        .position(|window| window == quoted)?;
    place.checked_add(BEFORE_DIGITS)
}

impl TensorFile {
    /// Reads and checks a file; no more of it than its header promises.
    ///
    /// # Errors
    /// If the system refuses, or the content is not what it should be.
    pub fn open(path: &Path) -> Result<Self, ReadFailure> {
        // Opening a FIFO waits for somebody to write to it.
        if !std::fs::metadata(path)?.is_file() {
            return Err(Damage::SomethingElse("it is not a regular file".into()).into());
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Self::read(file, length)
    }

    /// Reads and checks the `length` bytes of a file.
    ///
    /// # Errors
    /// If the system refuses, or the content is not what it should be.
    pub fn read(mut reader: impl Read, length: u64) -> Result<Self, ReadFailure> {
        let prefix = read_prefix(&mut reader, length)?;
        let header_length = u64::from_le_bytes(prefix);
        let mut header_bytes = take(&mut reader, header_length)?;
        let header: Header = parse_header(&header_bytes)?;
        let data_length = checked_layout(&header.tensors)?;
        let expected = header_length
            .saturating_add(PREFIX)
            .saturating_add(data_length);
        if length < expected {
            let found = length;
            return Err(Damage::Truncated { expected, found }.into());
        }
        if length > expected {
            let more = length.abs_diff(expected);
            return Err(Damage::Corrupted(format!("{more} bytes follow its end")).into());
        }
        let data = take(&mut reader, data_length)?;
        let mut metadata = header.metadata;
        let checksum = metadata.remove(CHECKSUM);
        if let Some(checksum) = &checksum {
            verify(checksum, &prefix, &mut header_bytes, &data)?;
        }
        Ok(Self {
            metadata,
            checked: checksum.is_some(),
            tensors: header.tensors,
            data,
        })
    }

    /// Numbers in all tensors together.
    pub fn numbers(&self) -> usize {
        let numbers = |(_, entry): &(String, Entry)| entry.shape.iter().product::<u64>();
        // The layout has been checked: there are no more than bytes.
        self.tensors.iter().map(numbers).sum::<u64>() as usize
    }

    /// Name and type of the first tensor whose numbers have fewer bits than single precision.
    pub fn first_narrow(&self) -> Option<(&str, &str)> {
        let types = self.tensors.iter();
        let mut types = types.map(|(name, entry)| (&name[..], &entry.dtype[..]));
        types.find(|(_, dtype)| matches!(*dtype, "BF16" | "I8"))
    }

    /// Names of the tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|(name, _)| name.as_str())
    }

    /// The tensors by name.
    pub fn into_tensors(self) -> Weights {
        let data = &self.data;
        self.tensors
            .into_iter()
            .filter_map(|(name, entry)| {
                let [start, end] = entry.data_offsets;
                // The layout has been checked: nothing is left out.
                let bytes = data.get(start as usize..end as usize)?;
                let shape: Vec<usize> = entry.shape.iter().map(|&size| size as usize).collect();
                let array = match entry.dtype.as_str() {
                    "F32" => Array::f32(shape, floats(bytes)),
                    "U32" => Array::u32(shape, integers(bytes)),
                    "BF16" => Array {
                        shape,
                        values: Values::Bf16(halves(bytes)),
                    },
                    "I8" => Array {
                        shape,
                        values: Values::I8(bytemuck::cast_slice(bytes).into()),
                    },
                    _ => Array::u8(bytes),
                };
                Some((name, array))
            })
            .collect()
    }
}

/// The eight bytes that give the header's length, once they and the next make sense.
fn read_prefix(reader: &mut impl Read, length: u64) -> Result<[u8; 8], ReadFailure> {
    let something_else = |reason: &str| Damage::SomethingElse(reason.to_owned());
    let mut prefix = [0; 8];
    if length < 9 {
        let reason = if length == 0 {
            "it is empty".into()
        } else {
            format!("it has only {length} bytes")
        };
        return Err(something_else(&reason).into());
    }
    reader.read_exact(&mut prefix)?;
    match u64::from_le_bytes(prefix) {
        0..2 | LONGEST_HEADER.. => {
            Err(something_else("it does not begin with the length of a header").into())
        }
        header if header.saturating_add(PREFIX) > length => {
            let mut first = [0];
            reader.read_exact(&mut first)?;
            if first == *b"{" {
                let (expected, found) = (header.saturating_add(PREFIX), length);
                Err(Damage::Truncated { expected, found }.into())
            } else {
                Err(something_else("it does not begin with the length of a header").into())
            }
        }
        _ => Ok(prefix),
    }
}

/// Exactly so many bytes, which the file is known to have.
fn take(reader: &mut impl Read, length: u64) -> Result<Vec<u8>, ReadFailure> {
    let mut bytes = Vec::new();
    let wanted = usize::try_from(length).map_err(io::Error::other)?;
    bytes.try_reserve_exact(wanted).map_err(io::Error::other)?;
    let found = reader.take(length).read_to_end(&mut bytes)?;
    if found == wanted {
        Ok(bytes)
    } else {
        // It shrank while it was read.
        let (expected, found) = (length, found as u64);
        Err(Damage::Truncated { expected, found }.into())
    }
}

fn parse_header(bytes: &[u8]) -> Result<Header, Damage> {
    if bytes.first() != Some(&b'{') {
        let reason = "its header does not begin with a brace";
        return Err(Damage::SomethingElse(reason.into()));
    }
    serde_json::from_slice(bytes).map_err(|error| Damage::Corrupted(format!("its header: {error}")))
}

/// Checks that the tensors fill the data without gap or overlap, each as large as its shape says;
/// gives the length of the data.
fn checked_layout(tensors: &[(String, Entry)]) -> Result<u64, Damage> {
    let wrong = |name: &str, what: &str| Err(Damage::Corrupted(format!("tensor {name:?} {what}")));
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut place = 0;
    for (name, entry) in sorted {
        let [start, end] = entry.data_offsets;
        let width = match entry.dtype.as_str() {
            "F32" | "U32" => 4,
            "BF16" => 2,
            "U8" | "I8" => 1,
            other => {
                let known = "not F32, U32, BF16, U8 or I8";
                return wrong(name, &format!("has the type {other:?}, {known}"));
            }
        };
        let size = entry
            .shape
            .iter()
            .try_fold(width, |size: u64, &n| size.checked_mul(n));
        if start != place || size.is_none() || size != end.checked_sub(start) {
            return wrong(name, "does not lie where its shape puts it");
        }
        place = end;
    }
    // Room for the header in front, so that lengths can be added.
    if place > u64::MAX / 2 {
        return Err(Damage::Corrupted("it is impossibly large".into()));
    }
    Ok(place)
}

fn verify(checksum: &str, prefix: &[u8], header: &mut [u8], data: &[u8]) -> Result<(), Damage> {
    let corrupted = |what: &str| Damage::Corrupted(what.to_owned());
    let digits = checksum
        .strip_prefix(ALGORITHM)
        .filter(|digits| digits.len() == NO_DIGITS.len())
        .ok_or_else(|| corrupted("its checksum is not of the form sha256:…"))?;
    find(header, &quoted_checksum(digits.as_bytes()))
        .and_then(|place| header.get_mut(place..)?.get_mut(..NO_DIGITS.len()))
        .ok_or_else(|| corrupted("its checksum is written in another form"))?
        .copy_from_slice(&NO_DIGITS);
    if digest(prefix, header, [data]) == digits.as_bytes() {
        Ok(())
    } else {
        Err(corrupted("its content does not match its checksum"))
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect()
}

fn integers(bytes: &[u8]) -> Vec<u32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| u32::from_le_bytes(bytes))
        .collect()
}

fn halves(bytes: &[u8]) -> Arc<[u16]> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&bytes| u16::from_le_bytes(bytes))
        .collect()
}

/// The header as JSON: metadata first, then the tensors in their order; no key twice.
#[derive(Debug)]
struct Header {
    metadata: Metadata,
    tensors: Vec<(String, Entry)>,
}

/// Key of the metadata among the tensors.
const METADATA: &str = "__metadata__";

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.tensors.len().checked_add(1))?;
        map.serialize_entry(METADATA, &self.metadata)?;
        for (name, entry) in &self.tensors {
            map.serialize_entry(name, entry)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut names = HashSet::new();
        let (mut metadata, mut tensors) = (Metadata::new(), Vec::new());
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("{name:?} is there twice")));
            }
            if name == METADATA {
                metadata = map.next_value::<UniqueKeys>()?.0;
            } else {
                tensors.push((name, map.next_value()?));
            }
        }
        Ok(Header { metadata, tensors })
    }
}

/// Text by key, no key twice.
struct UniqueKeys(Metadata);

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = UniqueKeys;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueKeys, A::Error> {
                let mut metadata = Metadata::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if metadata.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("{key:?} is there twice")));
                    }
                }
                Ok(UniqueKeys(metadata))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
