//! Payload that is not what was written, or not there.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use miroir_cluster::{ChunkId, Ledger, PayloadError};
use miroir_consensus::Limits;

use crate::support::{Group, assert_uploaded, chunk, insist, payload, upload};

const MAX: usize = 60 << 10;

/// Turns a bit of a chunk round, in the file that a peer keeps it in.
fn rot(group: &Group, name: &str, number: u64) {
    let wanted = payload(number, MAX);
    let middle = &wanted[wanted.len() / 2..];
    let files = std::fs::read_dir(group.dir(name).join("segments")).expect("lists");
    let place = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("reads");
        let at = bytes.windows(middle.len()).position(|window| window == middle)?;
        Some((path, at as u64, bytes[at] ^ 4))
    };
    let found = files.map(|file| file.expect("a file").path()).find_map(place);
    let (path, at, turned) = found.expect("the upload is in a file");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    file.write_all_at(&[turned], at).expect("writes");
}

fn chunk_of(group: &Group, name: &str, number: u64) -> ChunkId {
    group.peer(name).state().uploads[&upload(number)].chunks[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_rots_is_read_elsewhere_or_named_and_never_given_out() {
    let group = Group::start(3, Limits::default()).await;
    for number in 0..4 {
        insist(&**group.peer("a"), chunk(number, MAX)).await;
    }
    for name in ["a", "b", "c"] {
        group.peer(name).read_barrier().await.expect("a quorum");
    }
    for (rotten, name) in ["a", "b", "c"].into_iter().enumerate() {
        rot(&group, name, 2);
        let state = group.peer("a").state();
        for number in [0, 1, 3] {
            assert_uploaded(&**group.peer(name), &state, number, MAX).await;
        }
        if rotten < 2 {
            assert_uploaded(&**group.peer("a"), &state, 2, MAX).await;
        }
    }
    for name in ["a", "b", "c"] {
        let id = chunk_of(&group, name, 2);
        let read = group.peer(name).payload(id).await;
        assert!(matches!(&read, Err(PayloadError::Damaged(named, _)) if *named == id), "{read:?}");
    }
}
