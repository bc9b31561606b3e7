//! Commands that are larger than peers can send each other.

use std::time::{Duration, Instant};

use miroir_cluster::{Command, Ledger, PeerStarted, ProposeError};
use miroir_consensus::Limits;

use crate::support::{Group, UPLOADER, chunk, insist};

/// A command of 20 MB that is no payload: more than one message between peers may have.
fn large() -> Command {
    let text = String::new;
    let name = "x".repeat(20 << 20);
    Command::PeerStarted(PeerStarted { life: UPLOADER, name, http: text(), grpc: text() })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_refused_and_the_log_goes_on() {
    let group = Group::start(3, Limits::default()).await;
    for (number, peer) in (0..).zip(group.peers()) {
        let refused = peer.propose(large()).await;
        assert!(matches!(refused, Err(ProposeError::TooLarge { .. })), "{refused:?}");
        let begun = Instant::now();
        insist(&**peer, chunk(number, 100)).await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}
