//! How the log's parts look on disk.
//!
//! Numbers are big-endian. A payload is one byte of kind, the length of its body as 4 bytes, and the body:
//!
//! | kind | body |
//! |---|---|
//! | 1 | blank: nothing |
//! | 2 | a proposal: stamp as 8 bytes, then the command's own encoding |
//! | 3 | a membership in postcard |
//!
//! The checksum around each record is the WAL's.

use std::io::{self, Read, Write};

use bytes::Bytes;
use miroir_model::Timestamp;
use raft_log::Callback;
use raft_log::codeq::{Decode, Encode};

use crate::types::{Flushed, LeaderId, LogId, Payload, Proposal, Vote};

const BLANK: u8 = 1;
const PROPOSAL: u8 = 2;
const MEMBERSHIP: u8 = 3;
/// No record is larger: a longer length in a header is damage, not a reason to allocate.
const MAX_BODY: usize = 64 << 20;

/// The parts of the log, for the WAL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parts;

impl raft_log::Types for Parts {
    type LogId = WalId;
    type LogPayload = WalPayload;
    type Vote = WalVote;
    type Callback = Notify;
    type UserData = u64;

    fn log_index(id: &WalId) -> u64 {
        id.0.index
    }

    fn payload_size(payload: &WalPayload) -> u64 {
        body_len(&payload.0) as u64
    }
}

/// Which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WalId(pub(crate) LogId);

/// Whom this peer voted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) struct WalVote(pub(crate) Vote);

/// What an entry holds.
#[derive(Debug, Clone)]
pub(crate) struct WalPayload(pub(crate) Payload);

/// Tells openraft that bytes are durable. The WAL's flush thread drops what it had queued when it fails; dropped
/// unsent, it says so too, since openraft would wait for ever otherwise.
pub(crate) struct Notify(Option<Flushed>);

impl Notify {
    pub(crate) fn new(flushed: Flushed) -> Self {
        Self(Some(flushed))
    }
}

impl Callback for Notify {
    fn send(mut self, result: Result<(), io::Error>) {
        if let Some(flushed) = self.0.take() {
            flushed.io_completed(result.and_then(|()| miroir_fault::point("log.synced")));
        }
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        if let Some(flushed) = self.0.take() {
            flushed.io_completed(Err(io::Error::other("the log's flush thread has stopped")));
        }
    }
}

/// The size of the body, near enough for budgets where exactness would need an encoding.
pub(crate) fn body_len(payload: &Payload) -> usize {
    match payload {
        Payload::Blank => 0,
        Payload::Normal(proposal) => 8 + proposal.command.len(),
        Payload::Membership(_) => 256,
    }
}

fn damaged(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

impl Encode for WalId {
    fn encode<W: Write>(&self, mut to: W) -> io::Result<usize> {
        let LeaderId { term, node_id } = self.0.leader_id;
        Ok(term.encode(&mut to)? + node_id.encode(&mut to)? + self.0.index.encode(&mut to)?)
    }
}

impl Decode for WalId {
    fn decode<R: Read>(mut from: R) -> io::Result<Self> {
        let leader_id = LeaderId { term: u64::decode(&mut from)?, node_id: u64::decode(&mut from)? };
        Ok(Self(LogId { leader_id, index: u64::decode(&mut from)? }))
    }
}

impl Encode for WalVote {
    fn encode<W: Write>(&self, mut to: W) -> io::Result<usize> {
        let Vote { leader_id: LeaderId { term, node_id }, committed } = self.0;
        Ok(term.encode(&mut to)? + node_id.encode(&mut to)? + u8::from(committed).encode(&mut to)?)
    }
}

impl Decode for WalVote {
    fn decode<R: Read>(mut from: R) -> io::Result<Self> {
        let leader_id = LeaderId { term: u64::decode(&mut from)?, node_id: u64::decode(&mut from)? };
        Ok(Self(Vote { leader_id, committed: u8::decode(&mut from)? != 0 }))
    }
}

impl Encode for WalPayload {
    fn encode<W: Write>(&self, mut to: W) -> io::Result<usize> {
        let mut header = |kind: u8, len: usize| -> io::Result<()> {
            let len = u32::try_from(len).map_err(damaged)?;
            to.write_all(&[kind])?;
            to.write_all(&len.to_be_bytes())
        };
        let len = match &self.0 {
            Payload::Blank => header(BLANK, 0).map(|()| 0)?,
            Payload::Normal(proposal) => {
                let len = 8 + proposal.command.len();
                header(PROPOSAL, len)?;
                to.write_all(&proposal.stamp.0.to_be_bytes())?;
                to.write_all(&proposal.command)?;
                len
            }
            Payload::Membership(membership) => {
                let body = postcard::to_stdvec(membership).map_err(damaged)?;
                header(MEMBERSHIP, body.len())?;
                to.write_all(&body)?;
                body.len()
            }
        };
        Ok(5 + len)
    }
}

impl Decode for WalPayload {
    fn decode<R: Read>(mut from: R) -> io::Result<Self> {
        let (mut kind, mut len) = ([0; 1], [0; 4]);
        from.read_exact(&mut kind)?;
        from.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if len > MAX_BODY {
            return Err(damaged(format!("an entry of {len} bytes")));
        }
        let mut body = vec![0; len];
        from.read_exact(&mut body)?;
        let payload = match kind[0] {
            BLANK => Payload::Blank,
            PROPOSAL => {
                let body = Bytes::from(body);
                let stamp = body.get(..8).and_then(|bytes| bytes.try_into().ok());
                let stamp = i64::from_be_bytes(stamp.ok_or_else(|| damaged("a proposal without stamp"))?);
                Payload::Normal(Proposal { stamp: Timestamp(stamp), command: body.slice(8..) })
            }
            MEMBERSHIP => Payload::Membership(postcard::from_bytes(&body).map_err(damaged)?),
            other => return Err(damaged(format!("an entry of kind {other}"))),
        };
        Ok(Self(payload))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::types::Member;

    fn hex<T: Encode>(value: &T) -> String {
        let mut bytes = Vec::new();
        let len = value.encode(&mut bytes).expect("writes to memory");
        assert_eq!(len, bytes.len());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn back<T: Encode + Decode>(value: &T) -> T {
        let mut bytes = Vec::new();
        value.encode(&mut bytes).expect("writes to memory");
        T::decode(bytes.as_slice()).expect("reads back")
    }

    /// These bytes are on disks: they never change.
    #[test]
    fn the_bytes_on_disk() {
        let leader_id = LeaderId { term: 2, node_id: 3 };
        let id = WalId(LogId { leader_id, index: 4 });
        assert_eq!(hex(&id), "000000000000000200000000000000030000000000000004");
        assert_eq!(back(&id), id);
        let vote = WalVote(Vote { leader_id, committed: true });
        assert_eq!(hex(&vote), "0000000000000002000000000000000301");
        assert_eq!(back(&vote), vote);

        let proposal = Proposal { stamp: Timestamp(5), command: Bytes::from_static(b"abc") };
        let member = Member { name: "a".to_owned(), grpc: "h:1".to_owned() };
        let membership = openraft::Membership::new(vec![BTreeSet::from([3])], BTreeMap::from([(3, member)]))
            .expect("is valid");
        for (payload, bytes) in [
            (Payload::Blank, "0100000000"),
            (Payload::Normal(proposal), "020000000b0000000000000005616263"),
            (Payload::Membership(membership), "030000000b0101030103016103683a31"),
        ] {
            let payload = WalPayload(payload);
            assert_eq!(hex(&payload), bytes);
            assert_eq!(back(&payload).0, payload.0);
        }
    }

    #[test]
    fn damaged_bytes_are_errors() {
        let unknown = [9, 0, 0, 0, 0];
        let huge = [1, 0xff, 0xff, 0xff, 0xff];
        let no_stamp = [2, 0, 0, 0, 2, 1, 1];
        for bytes in [&unknown[..], &huge, &no_stamp, &[1, 0, 0]] {
            assert!(WalPayload::decode(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_callback_that_is_dropped_is_an_error() {
        use openraft::type_config::TypeConfigExt;
        let (done, mut flushed) = crate::types::Group::oneshot();
        drop(Notify::new(Flushed::signal(done)));
        assert!(matches!(flushed.try_recv(), Ok(Err(_))));
    }
}
