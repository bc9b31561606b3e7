//! The document of `/_miroir/topology`.

use serde_json::json;

use crate::fake::{FakeNode, trouble};
use crate::world::{cluster, searcher_of, with_movies};

/// The one task is of 1970, and so is the log's time: nobody has written since.
#[tokio::test]
async fn a_lag_grows_while_nobody_writes() {
    let nodes = [FakeNode::start(|_| trouble()).await];
    let cluster = with_movies(&cluster(&nodes, 1, 1), |_| {});
    let topology = searcher_of(&cluster).topology().await;
    let node = &topology["nodes"][0];
    assert_eq!((&node["lane"]["lag_tasks"], &node["documents"]), (&json!(1), &json!(null)));
    let seconds = node["lane"]["lag_seconds"].as_u64().expect("seconds");
    assert!(seconds > 50 * 365 * 24 * 3600, "{seconds}");
}
