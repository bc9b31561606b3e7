//! Rows in a file, on their way from another peer into the store.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

/// No key or value is larger: a longer length is damage.
const MAX: u32 = 64 << 10;

/// Writes rows into a file that is new.
pub(crate) struct Writer(BufWriter<File>);

impl Writer {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(BufWriter::new(File::create(path)?)))
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        for part in [key, value] {
            let len = u32::try_from(part.len()).ok().filter(|len| *len <= MAX);
            let len = len.ok_or_else(|| io::Error::other("a row is too large"))?;
            self.0.write_all(&len.to_le_bytes())?;
        }
        self.0.write_all(key)?;
        self.0.write_all(value)
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
