use super::*;

fn bytes(chunk: u64, len: usize) -> Bytes {
    let mut bytes = vec![chunk as u8; len];
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = byte.wrapping_add(at as u8));
    bytes.into()
}

fn open(dir: &Path) -> Segments {
    Segments::open(dir, 64 << 10).expect("opens")
}

fn read(segments: &Segments, chunk: u64) -> Option<Bytes> {
    segments.read(ChunkId(chunk)).expect("reads")
}

#[test]
fn chunks_come_back_after_reopening() {
    let dir = tempfile::tempdir().expect("a directory");
    let segments = open(dir.path());
    for chunk in 0..50 {
        segments.store(ChunkId(chunk), &bytes(chunk, chunk as usize * 100)).expect("stores");
    }
    segments.store(ChunkId(7), &Bytes::from_static(b"other bytes")).expect("is there already");
    segments.sync().expect("syncs");
    for segments in [segments, open(dir.path())] {
        for chunk in 0..50 {
            assert_eq!(read(&segments, chunk), Some(bytes(chunk, chunk as usize * 100)));
        }
        assert_eq!(read(&segments, 50), None);
    }
}

#[test]
fn every_cut_and_every_flipped_byte_of_the_last_segment_leaves_a_prefix() {
    let dir = tempfile::tempdir().expect("a directory");
    let segments = open(dir.path());
    for chunk in 0..4 {
        segments.store(ChunkId(chunk), &bytes(chunk, 300)).expect("stores");
    }
    let path = file::path(dir.path(), 1);
    let whole = std::fs::read(&path).expect("reads");
    let record = whole.len() / 4;
    for at in (0..whole.len()).step_by(17) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        for damaged in [&whole[..at], &flipped] {
            std::fs::write(&path, damaged).expect("writes");
            let segments = open(dir.path());
            for chunk in 0..4 {
                let kept = chunk < at / record;
                assert_eq!(read(&segments, chunk as u64).is_some(), kept, "chunk {chunk}, byte {at}");
            }
            segments.store(ChunkId(9), &bytes(9, 10)).expect("goes on");
            assert_eq!(read(&open(dir.path()), 9), Some(bytes(9, 10)));
        }
    }
}

/// So many files of chunks of that many bytes.
fn filled(dir: &Path, files: usize, size: usize) -> Segments {
    let segments = open(dir);
    let chunks = (0..).take_while(|_| segments.files().len() < files);
    chunks.for_each(|chunk| segments.store(ChunkId(chunk), &bytes(chunk, size)).expect("stores"));
    segments
}

#[test]
fn damage_to_a_complete_segment_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(filled(dir.path(), 2, 8 << 10));
    let path = file::path(dir.path(), 1);
    let mut whole = std::fs::read(&path).expect("reads");
    whole[2] ^= 1;
    std::fs::write(&path, whole).expect("writes");
    let refused = Segments::open(dir.path(), 64 << 10).err().map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::InvalidData));
}

#[test]
fn a_segment_goes_with_its_last_live_chunk() {
    let dir = tempfile::tempdir().expect("a directory");
    let segments = filled(dir.path(), 4, 16 << 10);
    let (first, second) = (ChunkId(0), ChunkId(4));
    segments.collect(|chunk| chunk == second).expect("collects");
    assert_eq!(segments.files(), [2]);
    assert!(!segments.contains(first) && segments.contains(second));
    segments.store(ChunkId(100), &bytes(100, 10)).expect("goes on");
    let segments = open(dir.path());
    assert_eq!(read(&segments, 4), Some(bytes(4, 16 << 10)));
    assert_eq!(read(&segments, 100), Some(bytes(100, 10)));
}

#[test]
fn who_asks_during_a_sync_waits_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let segments = open(dir.path());
    segments.store(ChunkId(1), &bytes(1, 100)).expect("stores");
    let (begun, has_begun) = std::sync::mpsc::channel();
    let durable = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            segments
                .sync_by(|_| {
                    begun.send(()).expect("is awaited");
                    // Time for the other to come back too early, if it can.
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    durable.store(true, std::sync::atomic::Ordering::SeqCst);
                    Ok(())
                })
                .expect("syncs");
        });
        has_begun.recv().expect("begins");
        segments.sync().expect("syncs");
        assert!(durable.load(std::sync::atomic::Ordering::SeqCst), "it was told too early");
    });
}

#[test]
fn a_sync_that_failed_is_not_forgotten() {
    let dir = tempfile::tempdir().expect("a directory");
    let segments = open(dir.path());
    segments.store(ChunkId(1), &bytes(1, 100)).expect("stores");
    segments.sync_by(|_| Err(io::Error::other("planned"))).expect_err("fails");
    let mut asked = false;
    let ask = |_: &File| {
        asked = true;
        Ok(())
    };
    segments.sync_by(ask).expect("syncs");
    assert!(asked);
}
