use miroir_model::Slot;
use proptest::prelude::*;

use super::*;
use crate::{stamp, unstamp};

fn slot(n: u16) -> Slot {
    Slot::try_from(n).unwrap()
}

fn frames(blocks: &[Vec<u8>]) -> Result<Vec<(Slot, FrameKind, String)>, DamagedPayload> {
    let mut frames = Vec::new();
    for_each_frame(blocks, |frame| frames.push((frame.slot, frame.kind, frame.text.to_owned())))?;
    Ok(frames)
}

/// Frozen: logs and segments hold these bytes.
#[test]
fn golden_bytes() {
    let mut writer = PayloadWriter::new();
    writer.push_document(slot(5000), r#"{"id":1}"#);
    writer.push_deletion(slot(258), "tt-1");
    let payload = writer.finish();
    let stamped = stamp(r#"{"id":1}"#, slot(5000)).unwrap();
    let mut golden = vec![1, 0, 74, 0, 0, 0];
    golden.extend([0x88, 0x13, 0, 56, 0, 0, 0]);
    golden.extend(stamped.as_bytes());
    golden.extend([0x02, 0x01, 1, 4, 0, 0, 0]);
    golden.extend(b"tt-1");
    assert_eq!(payload.blocks, [golden]);
    assert_eq!((payload.frames, payload.text_bytes, payload.units.len()), (2, 60, 2));
}

/// Frozen: what LZ4 writes may change with its version, what it wrote must be read for ever.
#[test]
fn golden_lz4_block() {
    let golden =
        vec![1, 1, 51, 1, 0, 0, 143, 0, 0, 1, 44, 1, 0, 0, 97, 1, 0, 255, 20, 80, 97, 97, 97, 97, 97];
    assert_eq!(frames(&[golden]), Ok(vec![(slot(0), FrameKind::Deletion, "a".repeat(300))]));
}

#[test]
fn a_frame_longer_than_a_block_straddles_blocks() {
    // Text that LZ4 cannot shorten, so that the limit of stored blocks is met too.
    let mut state = 1u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        char::from(b'0' + (state >> 33) as u8 % 75).to_ascii_lowercase()
    })
    .filter(|c| *c != '\\' && *c != '"')
    .take(3 << 20)
    .collect();
    let document = format!("{{\"id\":1,\"noise\":\"{noise}\"}}");
    let mut writer = PayloadWriter::new();
    writer.push_document(slot(1), r#"{"id":0}"#);
    writer.push_document(slot(9), &document);
    let payload = writer.finish();
    assert!(payload.blocks.len() >= 3);
    assert!(payload.blocks.iter().all(|block| block.len() <= 1 << 20));
    let read = frames(&payload.blocks).unwrap();
    assert_eq!(unstamp(&read[1].2), Some((document, slot(9))));
}

#[test]
fn an_empty_payload_has_no_block() {
    assert_eq!(PayloadWriter::new().finish(), Payload::default());
    assert_eq!(frames(&[]), Ok(Vec::new()));
}

#[test]
fn damage_is_named() {
    let mut writer = PayloadWriter::new();
    writer.push_deletion(slot(3), "abc");
    let block = writer.finish().blocks.remove(0);
    let damaged = |at: usize, byte: u8| {
        let mut block = block.clone();
        block[at] = byte;
        frames(&[block]).unwrap_err()
    };
    assert_eq!(damaged(0, 9), DamagedBlock::Version(9).into());
    assert_eq!(damaged(1, 9), DamagedBlock::Coding(9).into());
    assert_eq!(damaged(2, 9), DamagedBlock::Length(9).into());
    assert_eq!(damaged(4, 255), DamagedBlock::Length(16_711_690).into());
    assert_eq!(damaged(7, 0x40), DamagedPayload::Slot(0x4003));
    assert_eq!(damaged(8, 2), DamagedPayload::Kind(2));
    assert_eq!(damaged(9, 4), DamagedPayload::Truncated);
    assert_eq!(damaged(13, 0xFF), DamagedPayload::Text);
    assert_eq!(frames(&[vec![1, 0]]), Err(DamagedBlock::Short(2).into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the blocks' sizes, frames come back as they were written. Repetition makes payloads of several blocks.
    #[test]
    fn frames_come_back(
        texts in prop::collection::vec((0..16384u16, any::<bool>(), "[a-z0-9]{0,200}"), 0..60),
        repeat in 1..200usize,
    ) {
        let mut writer = PayloadWriter::new();
        let mut expected = Vec::new();
        for (n, delete, text) in texts.iter().cycle().take(texts.len() * repeat) {
            if *delete {
                writer.push_deletion(slot(*n), text);
                expected.push((slot(*n), FrameKind::Deletion, text.clone()));
            } else {
                let document = format!("{{\"id\":\"{text}\"}}");
                writer.push_document(slot(*n), &document);
                expected.push((slot(*n), FrameKind::Document, stamp(&document, slot(*n)).unwrap()));
            }
        }
        let payload = writer.finish();
        prop_assert_eq!(payload.frames, expected.len() as u64);
        prop_assert_eq!(payload.text_bytes, expected.iter().map(|frame| frame.2.len() as u64).sum::<u64>());
        prop_assert_eq!(payload.units, expected.iter().map(|frame| frame.0.unit()).collect());
        prop_assert_eq!(frames(&payload.blocks).unwrap(), expected);
    }

    #[test]
    fn damaged_bytes_never_panic(
        ids in prop::collection::vec("[a-c]{0,40}", 1..30),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut: prop::sample::Index,
    ) {
        let mut writer = PayloadWriter::new();
        ids.iter().for_each(|id| writer.push_deletion(slot(7), id));
        let mut block = writer.finish().blocks.remove(0);
        for (at, byte) in changes {
            let at = at.index(block.len());
            block[at] = byte;
        }
        block.truncate(cut.index(block.len() + 1));
        let _ = frames(&[block]);
    }

    #[test]
    fn any_bytes_never_panic(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4)) {
        let _ = frames(&blocks);
    }
}
