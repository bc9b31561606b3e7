//! Making a node one of the cluster's.

use miroir_api::ApiVersion;
use miroir_cluster::{Adopt, Credentials};
use miroir_model::NodeId;
use miroir_node::{ApiKey, NewKey, Node, NodeError};
use uuid::Uuid;

/// A node that the configuration names.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfiguredNode {
    /// Its name.
    pub id: NodeId,
    /// Its address: a URL without a trailing slash.
    pub url: String,
    /// The replica group that it belongs to.
    pub group: u32,
    /// Its share of the data, relative to the other nodes of its group.
    pub weight: u32,
    /// The node's master key.
    pub master_key: String,
}

impl std::fmt::Debug for ConfiguredNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, url, group, weight, .. } = self;
        f.debug_struct("ConfiguredNode")
            .field("id", id)
            .field("url", url)
            .field("group", group)
            .field("weight", weight)
            .finish_non_exhaustive()
    }
}

/// Why a node cannot be adopted (yet).
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It does not answer as a node does.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// It refuses the master key.
    #[error("the node refuses its master key: {0}")]
    Unauthorized(NodeError),
    /// It runs a version that the cluster does not speak.
    #[error("the node runs version {0}, which is none of {known}", known = known_versions())]
    Version(String),
    /// It runs another version than the other nodes.
    #[error("the node runs version {0} and the cluster's nodes run {1}")]
    OtherVersion(ApiVersion, ApiVersion),
    /// It holds an index already.
    #[error(
        "the node holds {count} indexes already, `{first}` among them: a node must be empty, since the cluster is its only \
         writer"
    )]
    NotEmpty {
        /// How many.
        count: u64,
        /// One of them.
        first: String,
    },
}

fn known_versions() -> String {
    ApiVersion::ALL.map(|version| version.to_string()).join(", ")
}

/// Checks a node, spoken to with its master key, and makes two keys on it for this adoption; what is to be proposed
/// then. `cluster` is the version that the cluster's nodes run, if it has any.
///
/// # Errors
/// When the node is not fit. An adoption that is not proposed in the end leaves two keys on the node that nobody uses.
pub async fn adopt(
    configured: &ConfiguredNode,
    node: &dyn Node,
    cluster: Option<ApiVersion>,
) -> Result<Adopt, AdoptError> {
    // `/version` asks for a key, so it tells whether the master key is right.
    let version = node.version().await.map_err(unauthorized)?.pkg_version;
    let known = ApiVersion::of_node(&version).ok_or_else(|| AdoptError::Version(version.clone()))?;
    if let Some(cluster) = cluster.filter(|cluster| *cluster != known) {
        return Err(AdoptError::OtherVersion(known, cluster));
    }
    let indexes = node.indexes(0, 1).await?;
    if let Some(first) = indexes.results.into_iter().next() {
        return Err(AdoptError::NotEmpty { count: indexes.total, first: first.uid });
    }
    // For good: whether users may edit documents by functions is the cluster's to say.
    node.enable_edits().await.map_err(unauthorized)?;
    let (lane, search) = (Uuid::new_v4(), Uuid::new_v4());
    node.create_key(&NewKey::lane(lane)).await.map_err(unauthorized)?;
    node.create_key(&NewKey::search(search)).await.map_err(unauthorized)?;
    let value = |uid| ApiKey::derive(&configured.master_key, uid).expose().to_owned();
    Ok(Adopt {
        node: configured.id.clone(),
        url: configured.url.clone(),
        group: configured.group,
        weight: configured.weight,
        version,
        credentials: Credentials {
            master_key: configured.master_key.clone(),
            lane_key: value(lane),
            search_key: value(search),
            adoption: lane.to_string(),
        },
    })
}

fn unauthorized(error: NodeError) -> AdoptError {
    match error {
        NodeError::Rejected { status: 401 | 403, .. } => AdoptError::Unauthorized(error),
        error => AdoptError::Node(error),
    }
}
