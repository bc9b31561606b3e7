//! One block: coding and decoding.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// How many bytes of the stream a block holds at most, so that the block itself never exceeds 1 MiB.
pub const BLOCK_CONTENT: usize = (1 << 20) - HEAD;

const HEAD: usize = 6;
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// Bytes that are no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DamagedBlock {
    /// Fewer bytes than a head has.
    #[error("a block of {0} bytes is too short")]
    Short(usize),
    /// Written by another version of the program.
    #[error("unknown version {0} of a block")]
    Version(u8),
    /// A coding that does not exist.
    #[error("unknown coding {0} of a block")]
    Coding(u8),
    /// A length that no block has, or another than the content's.
    #[error("a block's content does not have its length of {0} bytes")]
    Length(u32),
    /// The content is not what LZ4 writes.
    #[error("a block's content cannot be decoded")]
    Content,
}

/// The block of this content, which is at most [`BLOCK_CONTENT`] bytes long.
pub(super) fn encode(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u32;
    let mut block = vec![0; HEAD + get_maximum_output_size(content.len())];
    let coding = match compress_into(content, &mut block[HEAD..]) {
        Ok(size) if size < content.len() => {
            block.truncate(HEAD + size);
            block.shrink_to_fit();
            LZ4
        }
        _ => {
            block.truncate(HEAD);
            block.extend_from_slice(content);
            PLAIN
        }
    };
    block[0] = VERSION;
    block[1] = coding;
    block[2..HEAD].copy_from_slice(&length.to_le_bytes());
    block
}

/// Appends the content of a block.
pub(super) fn decode(block: &[u8], content: &mut Vec<u8>) -> Result<(), DamagedBlock> {
    let (head, coded) = block.split_first_chunk::<HEAD>().ok_or(DamagedBlock::Short(block.len()))?;
    let [version, coding, length @ ..] = *head;
    let length = u32::from_le_bytes(length);
    if version != VERSION {
        return Err(DamagedBlock::Version(version));
    }
    if length as usize > BLOCK_CONTENT {
        return Err(DamagedBlock::Length(length));
    }
    let start = content.len();
    let size = match coding {
        PLAIN => {
            content.extend_from_slice(coded);
            coded.len()
        }
        LZ4 => {
            content.resize(start + length as usize, 0);
            decompress_into(coded, &mut content[start..]).map_err(|_| DamagedBlock::Content)?
        }
        other => return Err(DamagedBlock::Coding(other)),
    };
    if size == length as usize { Ok(()) } else { Err(DamagedBlock::Length(length)) }
}
