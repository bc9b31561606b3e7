//! Rows in a file, on their way from another peer into the store.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// No key or value is larger: a longer length is damage.
const MAX: u32 = 64 << 10;

/// A row that is not too large to be kept.
pub(crate) struct Row<'a> {
    lens: [u32; 2],
    parts: [&'a [u8]; 2],
}

/// A row with a key or value that nobody writes.
#[derive(Debug, thiserror::Error)]
#[error("a row of a snapshot is larger than {MAX} bytes")]
pub(crate) struct TooLarge;

impl<'a> Row<'a> {
    pub(crate) fn new(key: &'a [u8], value: &'a [u8]) -> Result<Self, TooLarge> {
        let len = |part: &[u8]| u32::try_from(part.len()).ok().filter(|len| *len <= MAX).ok_or(TooLarge);
        Ok(Self { lens: [len(key)?, len(value)?], parts: [key, value] })
    }
}

/// Writes rows into a file that is new.
pub(crate) struct Writer(BufWriter<File>);

impl Writer {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(BufWriter::new(File::create(path)?)))
    }

    pub(crate) fn push(&mut self, row: Row<'_>) -> io::Result<()> {
        miroir_fault::point("fetch.spool")?;
        for len in row.lens {
            self.0.write_all(&len.to_le_bytes())?;
        }
        row.parts.into_iter().try_for_each(|part| self.0.write_all(part))
    }

    /// Not synced: nothing reads the file after a crash.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The rows of a file.
pub(crate) fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<(Vec<u8>, Vec<u8>)>> + use<>> {
    let mut from = BufReader::new(File::open(path)?);
    Ok(std::iter::from_fn(move || row(&mut from).transpose()))
}

fn row(from: &mut impl Read) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut lens = [[0; 4]; 2];
    match from.read_exact(&mut lens[0]) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    from.read_exact(&mut lens[1])?;
    let mut part = |len: [u8; 4]| {
        let len = u32::from_le_bytes(len);
        if len > MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a row is too large"));
        }
        let mut bytes = vec![0; len as usize];
        from.read_exact(&mut bytes).map(|()| bytes)
    };
    Ok(Some((part(lens[0])?, part(lens[1])?)))
}
