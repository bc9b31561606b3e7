//! What a node is told to be, by its keys and its history.

use miroir_node::{ApiKey, Connections, HttpNode, Known, Timeouts, Verdict, examine};
use serde_json::json;
use uuid::Uuid;

use crate::fake::{Disk, Fake, Style};

const KEY: Uuid = Uuid::from_u128(7);

fn known(task: u32) -> Known {
    Known { task, index: "i1-0".to_owned(), mark: Some(format!("m{task}")) }
}

/// A disk that has the adoption's key.
fn adopted(tasks: u32) -> Disk {
    let mut disk = Disk::new("adopted", tasks);
    disk.uids = vec![KEY.to_string()];
    disk
}

async fn verdict(disk: Disk, newest: Option<&Known>) -> Verdict {
    let fake = Fake::start(disk).await;
    let connections = Connections::new(Timeouts::default()).unwrap();
    let node = HttpNode::new(&connections, &fake.url, ApiKey::new("master")).unwrap();
    examine(&node, KEY, newest).await
}

#[tokio::test]
async fn a_node_is_what_its_keys_and_its_history_say() {
    assert_eq!(verdict(adopted(0), None).await, Verdict::Same);
    assert_eq!(verdict(adopted(8), Some(&known(7))).await, Verdict::Same);
    assert_eq!(verdict(adopted(20), Some(&known(7))).await, Verdict::Same);
    assert_eq!(verdict(adopted(7), Some(&known(7))).await, Verdict::Older);
    let mut written_to = adopted(9);
    written_to.tasks[7]["customMetadata"] = json!(null);
    assert_eq!(verdict(written_to, Some(&known(7))).await, Verdict::Older);
    assert_eq!(verdict(Disk::new("empty", 0), Some(&known(7))).await, Verdict::Empty);
    assert_eq!(verdict(Disk::new("foreign", 20), Some(&known(7))).await, Verdict::Foreign);
}

#[tokio::test]
async fn what_refuses_its_master_key_is_never_called_empty() {
    let mut disk = Disk::new("rotated", 0);
    disk.keys = vec!["another"];
    assert_eq!(verdict(disk, Some(&known(7))).await, Verdict::Unauthorized);
}

#[tokio::test]
async fn what_does_not_answer_as_a_node_is_unknown() {
    for style in [Style::Cut, Style::Fault, Style::Hello] {
        let verdict = verdict(Disk::new("empty", 0).styled(style), Some(&known(7))).await;
        assert!(matches!(verdict, Verdict::Unknown(_)), "{style:?}: {verdict:?}");
    }
}
