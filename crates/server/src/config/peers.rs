//! The peers that found a cluster: names and gRPC addresses.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// `name=host:port,name=host:port,…`; in a file, a table of the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct InitialPeers(pub(crate) BTreeMap<String, String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a list of peers: write name=host:port,name=host:port,…")]
pub(crate) struct InvalidPeers(String);

impl FromStr for InitialPeers {
    type Err = InvalidPeers;

    fn from_str(text: &str) -> Result<Self, InvalidPeers> {
        let pair = |pair: &str| {
            let (name, address) = pair.trim().split_once('=')?;
            let whole = !name.is_empty()
                && address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            whole.then(|| (name.to_owned(), address.to_owned()))
        };
        let peers: Option<Vec<_>> = text.split(',').map(pair).collect();
        let peers = peers.ok_or_else(|| InvalidPeers(text.to_owned()))?;
        let named: BTreeMap<_, _> = peers.iter().cloned().collect();
        if named.len() == peers.len() { Ok(Self(named)) } else { Err(InvalidPeers(text.to_owned())) }
    }
}

impl<'de> Deserialize<'de> for InitialPeers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Peers;
        impl<'de> Visitor<'de> for Peers {
            type Value = InitialPeers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("name=host:port,… or a table of names and addresses")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<InitialPeers, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InitialPeers, A::Error> {
                let mut text = Vec::new();
                while let Some((name, address)) = map.next_entry::<String, String>()? {
                    text.push(format!("{name}={address}"));
                }
                text.join(",").parse().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Peers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_tables_say_the_same() {
        let list: InitialPeers = "a=h1:7710, b=h2:7711".parse().expect("a list");
        let table: InitialPeers = toml::from_str("a = 'h1:7710'\nb = 'h2:7711'").expect("a table");
        assert_eq!(list, table);
        for wrong in ["", "a", "a=h", "a=h:x", "a=h:1,a=h:2", "=h:1"] {
            assert!(wrong.parse::<InitialPeers>().is_err(), "{wrong}");
        }
    }
}
