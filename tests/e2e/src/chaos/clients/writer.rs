//! Writes through all peers, as fast as it is answered.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;

use crate::chaos::checker::Violation;
use crate::chaos::http::{self, Answered, Reply};
use crate::chaos::op::{self, Id, KINDS, Op, Uid};
use crate::chaos::record::{Fate, Write};
use crate::chaos::stage::{FIXED, FLEETING, Stage};
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
    while !stage.is_over() {
        // The sender lives as long as the stage.
        let _ = tokio::time::timeout(PATIENCE, open.wait_for(|open| *open < UNDER_WAY)).await;
        let _pass = stage.gate.read().await;
        let (index, op) = draw(&mut dice);
        let with_key = !op::is_noted(&op) || dice.chance(25);
        let begun = stage.now();
        let large = |number| if op::is_large(number) { Op::Replace(batch(&mut dice)) } else { op };
        let write = stage.notes().record.begin(index, begun, large);
        if with_key {
            settle(&stage, &client, (&write, Some(&mut dice))).await;
        } else {
            let peer = dice.below(stage.peers);
            let fate = attempt(&stage, &client, (&write, peer, None)).await;
            stage.answered(write.number, fate.unwrap_or(Fate::Unknown));
        }
    }
}

/// Has one write accepted, whatever it takes.
pub(crate) async fn write_settled(stage: &Stage, index: &str, op: Op) {
    let begun = stage.now();
    let write = stage.notes().record.begin(index, begun, |_| op);
    settle(stage, &http::client(PATIENCE), (&write, None)).await;
}

/// Tries with one key until it is accepted; then, now and then, once more.
async fn settle(stage: &Stage, client: &Client, (write, mut dice): (&Write, Option<&mut Dice>)) {
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
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    stage.report([Violation::new("a write with a key is settled", format!("write {}", write.number))]);
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
        Reply::Answered(Answered { status: 202, body, .. }) => {
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
            let trouble = notes.excuses.quorum((begun, stage.now()));
            drop(notes);
            if answer.status != 503 || !trouble {
                let text = format!(
                    "{:?} to {} at peer {peer}: {} {}",
                    op::kind(&write.op),
                    write.index,
                    answer.status,
                    answer.body
                );
                stage.report([Violation::new("a write is refused only when there may be no quorum", text)]);
            }
        }
    }
    Some(Fate::Refused)
}

fn draw(dice: &mut Dice) -> (&'static str, Op) {
    if dice.chance(80) {
        (*dice.pick(&FIXED), draw_fixed(dice))
    } else {
        (*dice.pick(&FLEETING), draw_fleeting(dice))
    }
}

fn draw_fixed(dice: &mut Dice) -> Op {
    match dice.below(1000) {
        0..350 => Op::Replace(documents(dice, 1, 120)),
        350..550 => Op::Replace(documents(dice, 30, 120)),
        550..700 => Op::Update(ids(dice, 1, 120)),
        700..770 => Op::Update(ids(dice, 20, 120)),
        770..850 => Op::DeleteIds(ids(dice, 1, 120)),
        850..900 => Op::DeleteIds(ids(dice, 10, 120)),
        900..955 => Op::DeleteFilter(dice.below(KINDS.into()) as u8),
        955..965 => Op::DeleteAll,
        _ => Op::Settings,
    }
}

fn draw_fleeting(dice: &mut Dice) -> Op {
    match dice.below(100) {
        0..10 => Op::CreateIndex,
        10..20 => Op::DeleteIndex,
        20..60 => Op::Replace(documents(dice, 6, 24)),
        60..75 => Op::Update(ids(dice, 3, 24)),
        75..90 => Op::DeleteIds(ids(dice, 3, 24)),
        90..95 => Op::DeleteAll,
        _ => Op::Settings,
    }
}

/// Enough long documents to be more than one entry of the log.
fn batch(dice: &mut Dice) -> Vec<(Id, u8)> {
    (0..30).map(|id| (4 * id, dice.below(KINDS.into()) as u8)).collect()
}

/// Up to so many different ids.
fn ids(dice: &mut Dice, most: usize, bound: usize) -> Vec<Id> {
    let mut ids: Vec<Id> = (0..=dice.below(most)).map(|_| dice.below(bound) as Id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn documents(dice: &mut Dice, most: usize, bound: usize) -> Vec<(Id, u8)> {
    ids(dice, most, bound).into_iter().map(|id| (id, dice.below(KINDS.into()) as u8)).collect()
}
