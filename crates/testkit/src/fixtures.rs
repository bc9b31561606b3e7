//! Small values that most tests need.

use miroir_cluster::{Adopt, Credentials, Defaults};
use miroir_model::NodeId;

/// One group, one copy of each shard, as many shards as said.
pub fn defaults(shards: u16) -> Defaults {
    Defaults { shards: Some(shards), factor: 1, ..Defaults::default() }
}

/// A node of the first group at this address, with keys that say what they are.
pub fn adopt(node: &str, url: &str) -> Adopt {
    let credentials = Credentials {
        master_key: "master".to_owned(),
        lane_key: "lane".to_owned(),
        search_key: "search".to_owned(),
        adoption: format!("adoption of {node}"),
    };
    Adopt {
        node: NodeId::new(node),
        url: url.to_owned(),
        group: 0,
        weight: 1,
        version: "1.50.0".to_owned(),
        credentials,
    }
}
