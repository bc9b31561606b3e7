//! Bodies of calls: those that break what was not made for them, and generated ones.

use bytes::Bytes;
use miroir_testkit::Dice;

/// How deep is deep.
const DEEP: usize = 100_000;

/// A whole message, framed.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).expect("no longer").to_be_bytes());
    body.extend(message);
    body.into()
}

/// Messages that are no messages, whatever the type: every type here has only small fields.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = vec![
        vec![0xff; 10],
        // A field whose length is larger than what follows, than a message may be, than a number.
        vec![0x0a, 5, b'a'],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        // Wire types that there are not, and field 0.
        vec![0x0e, 1],
        vec![0x0f, 1],
        vec![0x02, 0],
        // A group without an end, and an end without a group.
        vec![0x0b],
        vec![0x0c],
    ];
    messages.push(vec![0x0b; DEEP]);
    // Field 15, which none has, as groups in groups.
    messages.push([vec![0x7b; DEEP], vec![0x7c; DEEP]].concat());
    messages
}

/// Bodies that are not even frames.
pub(crate) fn bodies() -> Vec<Bytes> {
    let mut bodies: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0, 0, 0, 0],
        // Shorter than it says.
        vec![0, 0, 0, 0, 9, 1, 2],
        vec![0, 0xff, 0xff, 0xff, 0xff],
        vec![0, 0x7f, 0xff, 0xff, 0xff, 0, 0],
        // Compressed with nothing, and flags that there are not.
        vec![1, 0, 0, 0, 0],
        vec![1, 0, 0, 0, 2, 0x1f, 0x8b],
        vec![7, 0, 0, 0, 0],
        vec![0xff; 64],
        // Larger than any message may be: refused before it comes.
        [vec![0, 1, 0x10, 0, 0], vec![0; 100]].concat(),
    ];
    bodies.extend(messages().iter().map(|message| framed(message).to_vec()));
    bodies.into_iter().map(Bytes::from).collect()
}

/// A message of random bytes, of random fields, or a damaged one of those.
pub(crate) fn message(dice: &mut Dice) -> Vec<u8> {
    let mut message = Vec::new();
    for _ in 0..dice.below(6) {
        message.push((dice.below(6) << 3 | [0, 1, 2, 2, 5][dice.below(5)]) as u8);
        let length = dice.below(20);
        message.push(length as u8);
        message.extend((0..length).map(|_| dice.below(256) as u8));
    }
    for _ in 0..dice.below(3) {
        let at = dice.below(message.len() + 1);
        message.insert(at, dice.below(256) as u8);
    }
    message.truncate(dice.below(2 * message.len() + 1));
    message
}
