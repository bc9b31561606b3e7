//! The only unsafe calls of the crate: mapping files into memory.
//!
//! Both are unsafe for one reason: the mapped bytes must not be changed by anyone but LMDB while the mapping lives. They
//! are not: every mapped file lies in the engine's directory, which the engine locks against other processes, and
//! payload files are never written again once they have their final name.
#![expect(unsafe_code, reason = "memory maps of files that the locked data directory keeps to this process")]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;
use milli::heed::{self, Env, EnvOpenOptions, WithoutTls};

/// Opens the LMDB environment at `path`.
///
/// # Errors
/// When the files cannot be opened or are not of LMDB.
pub(crate) fn open_env(options: &EnvOpenOptions<WithoutTls>, path: &Path) -> heed::Result<Env<WithoutTls>> {
    // SAFETY: the directory is locked by this process (see `serve`), and heed refuses to open it twice within it.
    unsafe { options.open(path) }
}

/// Maps a payload file for reading.
///
/// # Errors
/// When the system refuses the mapping.
pub(crate) fn map_file(file: &File) -> io::Result<Mmap> {
    // SAFETY: payload files are complete and never modified after they got their name; unlinking one keeps its bytes.
    unsafe { Mmap::map(file) }
}
