//! The envelope of calls between peers, checked.

use std::fmt;

use bytes::Bytes;
use miroir_model::{PeerId, PeerLife};

use crate::peer::{Envelope, Life};

/// The one Raft group there is. Its number is in every message, so that there can be more.
pub const GROUP: u64 = 0;

/// The id of a cluster, made at random when it is founded.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClusterId(pub u128);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One run of a peer's process, with the random number that tells two copies of a data directory apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incarnation {
    /// Which run, by the peer's own count.
    pub life: PeerLife,
    /// Made at random at the start.
    pub nonce: u64,
}

/// To whom a call is addressed, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// In which cluster.
    pub cluster: ClusterId,
    /// For whom.
    pub to: PeerId,
    /// By whom.
    pub from: Incarnation,
}

/// A call whose envelope is missing, not whole, or for another group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the call has no valid address: {0}")]
pub struct Misaddressed(&'static str);

impl ClusterId {
    /// As it is sent.
    pub fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0.to_be_bytes())
    }

    /// As it was sent; `None` for no cluster.
    ///
    /// # Errors
    /// When it has another length than 0 or 16.
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, Misaddressed> {
        match bytes.try_into() {
            Ok(id) => Ok(Some(Self(u128::from_be_bytes(id)))),
            Err(_) if bytes.is_empty() => Ok(None),
            Err(_) => Err(Misaddressed("a cluster's id is 16 bytes")),
        }
    }
}

impl From<Incarnation> for Life {
    fn from(Incarnation { life, nonce }: Incarnation) -> Self {
        Self { peer: life.peer.0, boot: life.boot, nonce }
    }
}

impl From<Life> for Incarnation {
    fn from(Life { peer, boot, nonce }: Life) -> Self {
        Self { life: PeerLife { peer: PeerId(peer), boot }, nonce }
    }
}

impl From<Address> for Envelope {
    fn from(Address { cluster, to, from }: Address) -> Self {
        Self { group: GROUP, cluster: cluster.to_bytes(), to: to.0, from: Some(from.into()) }
    }
}

impl TryFrom<Option<Envelope>> for Address {
    type Error = Misaddressed;

    fn try_from(envelope: Option<Envelope>) -> Result<Self, Misaddressed> {
        let Envelope { group, cluster, to, from } = envelope.ok_or(Misaddressed("no envelope"))?;
        if group != GROUP {
            return Err(Misaddressed("there is no such group"));
        }
        let cluster = ClusterId::from_bytes(&cluster)?.ok_or(Misaddressed("no cluster"))?;
        let from = from.ok_or(Misaddressed("no sender"))?.into();
        Ok(Self { cluster, to: PeerId(to), from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        let life = PeerLife { peer: PeerId(7), boot: 2 };
        Address { cluster: ClusterId(5), to: PeerId(8), from: Incarnation { life, nonce: 3 } }
    }

    #[test]
    fn addresses_travel() {
        assert_eq!(Address::try_from(Some(address().into())), Ok(address()));
    }

    #[test]
    fn what_is_missing_or_foreign_is_refused() {
        let changed = |change: fn(&mut Envelope)| {
            let mut envelope = Envelope::from(address());
            change(&mut envelope);
            Address::try_from(Some(envelope))
        };
        assert!(changed(|envelope| envelope.group = 1).is_err());
        assert!(changed(|envelope| envelope.cluster = Bytes::new()).is_err());
        assert!(changed(|envelope| envelope.cluster = Bytes::from_static(b"short")).is_err());
        assert!(changed(|envelope| envelope.from = None).is_err());
        assert!(Address::try_from(None).is_err());
    }
}
