//! Cutting off a tail that was never acknowledged.
//!
//! A process that is killed leaves a record cut short, and a machine that loses power may leave blocks that were
//! never written; the WAL itself cuts a short record and a tail of zeros. What it refuses is a record of which some
//! blocks were written and others were not. Such a block reads as zeros from end to end, which a damaged disk does
//! not produce (etcd tells a torn record from a rotten one in the same way). So a bad record in the last chunk file
//! with an empty block in it, or after it, was never synced, and the file is cut there. Anything else is damage to
//! what was acknowledged: opening fails, and the peer is to be rebuilt from the others.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use raft_log::{Config, Dump, DumpApi};

use super::record::Parts;

const BLOCK: u64 = 512;

/// Cuts the tail off if it is torn, and says whether it was.
pub(super) fn cut_torn(config: &Arc<Config>) -> io::Result<bool> {
    let Some((file_start, good)) = first_damage(config)? else { return Ok(false) };
    let path = config.wal.chunk_path(raft_log::ChunkId(file_start));
    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    let end = file.metadata()?.len();
    let good = good - file_start;
    if !has_empty_block(&mut file, good, end)? {
        return Ok(false);
    }
    tracing::warn!(path, from = good, to = end, "cutting off a torn tail of the log");
    file.set_len(good)?;
    file.sync_all()?;
    Ok(true)
}

/// The last chunk, and where in it the first record lies that cannot be read.
fn first_damage(config: &Arc<Config>) -> io::Result<Option<(u64, u64)>> {
    let (mut chunk, mut end, mut bad) = (0, 0, false);
    Dump::<Parts>::new(config.clone())?.write_with(|id, _, record| {
        if id.0 != chunk || end == 0 {
            // A damaged chunk with others behind it is none of ours.
            (chunk, end, bad) = (id.0, id.0, false);
        }
        match record {
            Ok((segment, _)) => end = id.0 + segment.offset + segment.size,
            Err(_) => bad = true,
        }
        Ok(())
    })?;
    Ok(bad.then_some((chunk, end)))
}

/// Whether a block between two places was never written; the last one may be cut short by the end of the file.
fn has_empty_block(file: &mut (impl Read + Seek), from: u64, to: u64) -> io::Result<bool> {
    let mut at = from.next_multiple_of(BLOCK).min(to);
    file.seek(SeekFrom::Start(at))?;
    while at < to {
        let mut block = vec![0; BLOCK.min(to - at) as usize];
        file.read_exact(&mut block)?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        at += BLOCK;
    }
    Ok(false)
}
