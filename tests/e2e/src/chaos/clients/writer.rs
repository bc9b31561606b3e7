//! Writes through all peers, as fast as it is answered.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::json;

use super::draw;
use crate::chaos::checker::Violation;
use crate::chaos::checker::refusals::{self, Refusal};
use crate::chaos::document::is_large;
use crate::chaos::http::{self, Answered, Reply};
use crate::chaos::op::{self, Op, Uid};
use crate::chaos::record::{Fate, Write};
use crate::chaos::stage::Stage;
use miroir_testkit::Dice;

/// Longer than a peer takes to say that it does not know.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many writes may be under way before writers wait for them.
const UNDER_WAY: usize = 40;
/// How often a write with a key is tried: with the pauses, far longer than any fault.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(150);

pub(super) async fn write(stage: Arc<Stage>, seed: u64, number: u64) {
    let mut dice = Dice::new(seed, 100 + number);
    let client = http::client(PATIENCE);
    let mut open = stage.open.subscribe();
    let mut mine: Vec<Uid> = Vec::new();
    let mut next = Vec::new().into_iter();
    while !stage.is_over() {
        // The sender lives as long as the stage.
        let _ = tokio::time::timeout(PATIENCE, open.wait_for(|open| *open < UNDER_WAY)).await;
        let _pass = stage.gate.read().await;
        let Some(now) = next.next() else {
            next = draw::moves(&mut dice).into_iter();
            continue;
        };
        let (index, op) = now.write(&mine);
        let with_key = !op::is_noted(&op) || dice.chance(25);
        let begun = stage.now();
        let large = |number| if is_large(number) && op::is_noted(&op) { draw::batch(&mut dice) } else { op };
        let write = stage.notes().record.begin(index, begun, large);
        let fate = if with_key {
            settle(&stage, &client, (&write, Some(&mut dice))).await
        } else {
            let peer = dice.below(stage.peers);
            let fate = attempt(&stage, &client, (&write, peer, None)).await.unwrap_or(Fate::Unknown);
            stage.answered(write.number, fate);
            fate
        };
        if let Fate::Accepted(uid) = fate {
            mine.push(uid);
        }
    }
}

/// Switches edits by function on.
pub(crate) async fn enable_edits(stage: &Stage) {
    let (url, body) = (stage.url(0, "/experimental-features"), json!({"editDocumentsByFunction": true}));
    let reply = http::send(http::request(&http::client(PATIENCE), (Method::PATCH, url, Some(&body)))).await;
    assert!(matches!(reply, Reply::Answered(Answered { status: 200, .. })), "edits stay off");
}

/// Has one write accepted, whatever it takes.
pub(crate) async fn write_settled(stage: &Stage, index: &str, op: Op) {
    let begun = stage.now();
    let write = stage.notes().record.begin(index, begun, |_| op);
    settle(stage, &http::client(PATIENCE), (&write, None)).await;
}

/// Tries with one key until it is accepted; then, now and then, once more.
async fn settle(stage: &Stage, client: &Client, (write, mut dice): (&Write, Option<&mut Dice>)) -> Fate {
    let key = format!("key-{}", write.number);
    for attempts in 0..TRIES {
        let peer = match &mut dice {
            Some(dice) => dice.below(stage.peers),
            None => attempts % stage.peers,
        };
        if let Some(Fate::Accepted(uid)) = attempt(stage, client, (write, peer, Some(&key))).await {
            stage.answered(write.number, Fate::Accepted(uid));
            if dice.as_mut().is_some_and(|dice| dice.chance(20)) {
                again(stage, client, (write, peer + 1, &key), uid).await;
            }
            return Fate::Accepted(uid);
        }
        tokio::time::sleep(PAUSE).await;
    }
    stage.report([Violation::new("a write with a key is settled", format!("write {}", write.number))]);
    Fate::Unknown
}

/// A write that was accepted is sent once more: it must be the same task.
async fn again(stage: &Stage, client: &Client, (write, peer, key): (&Write, usize, &str), first: Uid) {
    let Some(Fate::Accepted(uid)) = attempt(stage, client, (write, peer % stage.peers, Some(key))).await
    else {
        return;
    };
    stage.notes().counts.replays += 1;
    if uid != first {
        let text = format!("write {} was task {first} and is task {uid}", write.number);
        stage.report([Violation::new("a key stands for one write", text)]);
    }
}

/// Sends a write once. None where the answer does not tell.
async fn attempt(
    stage: &Stage,
    client: &Client,
    (write, peer, key): (&Write, usize, Option<&str>),
) -> Option<Fate> {
    let (method, path, body) = op::request(&write.index, write.number, &write.op);
    let mut request = http::request(client, (method, stage.url(peer, &path), body.as_ref()));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let begun = stage.now();
    let reply = http::send(request).await;
    let mut notes = stage.notes();
    match reply {
        // A cancelation is answered with 200, as Meilisearch does.
        Reply::Answered(Answered { status: 200 | 202, body, .. }) => {
            notes.counts.accepted += 1;
            return body["taskUid"].as_u64().map(Fate::Accepted);
        }
        Reply::Answered(Answered { status: 504, .. }) | Reply::Silent(_) => {
            notes.counts.unknown += 1;
            return None;
        }
        Reply::NotSent(_) => {}
        Reply::Answered(answer) => {
            *notes.counts.refused.entry(answer.code().to_owned()).or_default() += 1;
            let span = (begun, stage.now());
            if answer.status != 503 || !notes.excuses.quorum(span) {
                let what = (op::kind(&write.op), write.names());
                let text = format!("{what:?} at peer {peer}: {} {}", answer.status, answer.body);
                notes.refusals.push(Refusal {
                    write: write.clone(),
                    contended: answer.code() == refusals::CODE,
                    span,
                    text,
                });
            }
        }
    }
    Some(Fate::Refused)
}
