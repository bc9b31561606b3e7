//! The nodes that the configuration names.

use miroir_rebalancer::ConfiguredNode;

use crate::config;
use crate::exit::Exit;

/// With their master keys read.
pub(super) fn read(nodes: &[config::ConfiguredNode]) -> Result<Vec<ConfiguredNode>, Exit> {
    nodes
        .iter()
        .map(|node| {
            Ok(ConfiguredNode {
                id: node.id.as_str().into(),
                url: node.url.trim_end_matches('/').to_owned(),
                group: node.group,
                weight: node.weight,
                master_key: node.master_key()?,
            })
        })
        .collect()
}
