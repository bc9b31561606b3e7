//! The document of `/_miroir/topology`.

use std::time::Duration;

use miroir_model::Timestamp;
use miroir_testkit::LocalCluster;
use serde_json::json;

use crate::fake::{FakeNode, trouble};
use crate::world::{cluster, searcher_of, with_movies};

/// The one task is an hour old, and so is the log's time: nobody has written since.
#[tokio::test]
async fn a_lag_grows_while_nobody_writes() {
    let nodes = [FakeNode::start(|_| trouble()).await];
    let then = with_movies(&cluster(&nodes, 1, 1), |_| {});
    let hour = Duration::from_secs(3600);
    let now = Timestamp::default().plus_millis(hour.as_millis() as i64);
    let cluster = LocalCluster::restored((*then.state()).clone(), move || now);
    let topology = searcher_of(&cluster).topology().await;
    let node = &topology["nodes"][0];
    assert_eq!((&node["lane"]["lag_tasks"], &node["documents"]), (&json!(1), &json!(null)));
    assert_eq!(node["lane"]["lag_seconds"], hour.as_secs());
}
