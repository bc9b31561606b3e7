//! One segment file: records, one behind the other.
//!
//! A record is a header of 40 bytes and the chunk's bytes. Numbers are little-endian.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | `MCK1` |
//! | 4..8 | the length of the bytes |
//! | 8..16 | the chunk |
//! | 16..32 | xxh3-128 of the bytes |
//! | 32..40 | xxh3-64 of the 32 bytes before |

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use miroir_cluster::ChunkId;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const MAGIC: &[u8; 4] = b"MCK1";
const HEADER: usize = 40;

/// An open segment.
pub(super) struct Segment {
    file: Arc<File>,
    len: u64,
}

/// Where a chunk lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) chunk: ChunkId,
    /// Where its bytes begin.
    at: u64,
    len: u32,
    hash: u128,
}

/// The path of a segment.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.seg"))
}

/// The numbers of the segments in a directory, in order.
pub(super) fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        numbers.extend(number.and_then(|hex| u64::from_str_radix(hex, 16).ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

impl Segment {
    /// Makes an empty segment; its name is durable.
    pub(super) fn create(dir: &Path, number: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path(dir, number))?;
        File::open(dir)?.sync_all()?;
        Ok(Self { file: Arc::new(file), len: 0 })
    }

    /// Opens a segment and lists its records. Of the `last` one the bytes are checked too, and what follows the
    /// first bad record is cut off.
    pub(super) fn open(dir: &Path, number: u64, last: bool) -> io::Result<(Self, Vec<Record>)> {
        let path = path(dir, number);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let end = file.metadata()?.len();
        let mut records = Vec::new();
        let mut at = 0;
        while at < end {
            match Record::at(&file, at, end).filter(|record| !last || record.read(&file).is_ok()) {
                Some(record) => {
                    at = record.end();
                    records.push(record);
                }
                None if last => {
                    tracing::warn!(path = %path.display(), from = at, to = end, "cutting off a torn segment");
                    file.set_len(at)?;
                    file.sync_all()?;
                    break;
                }
                None => {
                    let text = format!("{} is damaged at byte {at}", path.display());
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
            }
        }
        Ok((Self { file: Arc::new(file), len: at }, records))
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn handle(&self) -> Arc<File> {
        self.file.clone()
    }

    pub(super) fn append(&mut self, chunk: ChunkId, bytes: &Bytes) -> io::Result<Record> {
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let record = Record { chunk, at: self.len + HEADER as u64, len, hash: xxh3_128(bytes) };
        let mut whole = Vec::with_capacity(HEADER + bytes.len());
        whole.extend_from_slice(&record.header());
        whole.extend_from_slice(bytes);
        miroir_fault::write("segments.append", &whole, |bytes| self.file.write_all_at(bytes, self.len))?;
        self.len = record.end();
        Ok(record)
    }
}

impl Record {
    fn end(&self) -> u64 {
        self.at + u64::from(self.len)
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(MAGIC);
        header[4..8].copy_from_slice(&self.len.to_le_bytes());
        header[8..16].copy_from_slice(&self.chunk.0.to_le_bytes());
        header[16..32].copy_from_slice(&self.hash.to_le_bytes());
        let check = xxh3_64(&header[..32]);
        header[32..].copy_from_slice(&check.to_le_bytes());
        header
    }

    /// The record whose header is at `at`, if there is a whole one before `end`.
    fn at(file: &File, at: u64, end: u64) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, at).ok()?;
        let record = Self {
            chunk: ChunkId(u64::from_le_bytes(header[8..16].try_into().ok()?)),
            at: at + HEADER as u64,
            len: u32::from_le_bytes(header[4..8].try_into().ok()?),
            hash: u128::from_le_bytes(header[16..32].try_into().ok()?),
        };
        (record.header() == header && record.end() <= end).then_some(record)
    }

    /// The bytes, checked.
    pub(super) fn read(&self, file: &File) -> io::Result<Bytes> {
        let mut bytes = vec![0; self.len as usize];
        file.read_exact_at(&mut bytes, self.at)?;
        if xxh3_128(&bytes) == self.hash {
            Ok(bytes.into())
        } else {
            let text = format!("the bytes of chunk {} are not what was written", self.chunk.0);
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}
