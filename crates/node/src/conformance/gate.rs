//! What tells one disk of a node from another: the check of a new connection, and the judgement of a node.

use std::sync::Arc;

use uuid::Uuid;

use super::bench::{Bench, delete};
use super::failure::{ensure, same};
use super::{Check, Failure, check};
use crate::{
    ApiKey, CheckFailure, Connections, Expected, Gate, HttpNode, Known, NewKey, Node, NodeError, Origin,
    Timeouts, Verdict, Write, examine,
};

pub(super) const CHECKS: &[Check] = &[
    check!(
        a_known_task_opens_the_gate,
        "A task of the node is shown for ever with its uid and its mark, and under the name that its index has now, so that a new connection can be checked by it."
    ),
    check!(
        a_node_is_judged_by_key_and_task,
        "A node that lacks a key or a task says `api_key_not_found` or `task_not_found`, and refuses a wrong master key with 401 or 403."
    ),
];

struct Always(Expected);

impl Gate for Always {
    fn expects(&self) -> Option<Expected> {
        Some(self.0.clone())
    }
}

/// How a node of which this is known is spoken to.
async fn opened(
    bench: &Bench<'_>,
    key: ApiKey,
    newest: Option<Known>,
) -> Result<Option<CheckFailure>, Failure> {
    let gate = Arc::new(Always(Expected { key: key.clone(), newest }));
    let broken = |text: String| Failure::Broken(text);
    let connections = Connections::gated(Timeouts::default(), bench.master.url(), gate)
        .map_err(|error| broken(error.to_string()))?;
    let node =
        HttpNode::new(&connections, bench.master.url(), key).map_err(|error| broken(error.to_string()))?;
    match (node.newest_task().await, connections.failure()) {
        (Ok(_), None) => Ok(None),
        (Err(NodeError::Unreachable(_)), Some(failure)) => Ok(Some(failure)),
        (answer, failure) => Err(broken(format!("{answer:?} where the check said {failure:?}"))),
    }
}

/// Two tasks of a new index that was renamed since: one with a mark, one without.
async fn tasks(bench: &Bench<'_>) -> Result<[Known; 2], Failure> {
    let index = bench.index().await?;
    let mark = format!("mark of {index}");
    let origin = Origin { mark: Some(&mark), request_id: None };
    let marked = bench.lane.enqueue(&index, &delete(&["1"]), origin).await?.task_uid;
    let unmarked = bench.enqueue(&index, Write::Settings("{}".to_owned())).await?;
    let to = index.replace("-0", "-1");
    bench.done(&index, Write::RenameIndex { to }).await?;
    let known = |task, mark| Known { task, index: index.clone(), mark };
    Ok([known(marked, Some(mark.clone())), known(unmarked, None)])
}

async fn a_known_task_opens_the_gate(bench: &Bench<'_>) -> Result<(), Failure> {
    let key = |uid| ApiKey::derive(&bench.master_key, uid);
    let [marked, unmarked] = tasks(bench).await?;
    for uid in bench.keys {
        same("before the first task", opened(bench, key(uid), None).await?, None)?;
        same("a marked task", opened(bench, key(uid), Some(marked.clone())).await?, None)?;
        same("a task without mark", opened(bench, key(uid), Some(unmarked.clone())).await?, None)?;
    }
    let lane = || key(bench.keys[0]);
    let foreign = CheckFailure::Foreign { known: marked.task };
    let other = Known { mark: Some("another".to_owned()), ..marked.clone() };
    same("another mark", opened(bench, lane(), Some(other)).await?, Some(foreign))?;
    let newest = bench.lane.newest_task().await?.map(|task| task.uid);
    let ahead = Known { task: newest.unwrap_or_default() + 1, ..marked };
    let older = CheckFailure::Older { newest, known: ahead.task };
    same("a task to come", opened(bench, lane(), Some(ahead)).await?, Some(older))?;
    let refused = opened(bench, key(Uuid::new_v4()), Some(unmarked)).await?;
    ensure("an unknown key is refused", matches!(refused, Some(CheckFailure::KeyRefused(_))))
}

async fn a_node_is_judged_by_key_and_task(bench: &Bench<'_>) -> Result<(), Failure> {
    let [known, unmarked] = tasks(bench).await?;
    let (master, lane) = (&bench.master, bench.keys[0]);
    same("nothing known", examine(master, lane, None).await, Verdict::Same)?;
    same("a known task", examine(master, lane, Some(&known)).await, Verdict::Same)?;
    same("a task without mark", examine(master, lane, Some(&unmarked)).await, Verdict::Same)?;
    let newest = bench.lane.newest_task().await?.map(|task| task.uid);
    let ahead = Known { task: newest.unwrap_or_default() + 1, ..known.clone() };
    same("a task to come", examine(master, lane, Some(&ahead)).await, Verdict::Older)?;
    let other = Known { index: bench.name(), ..unmarked };
    same("the task of another index", examine(master, lane, Some(&other)).await, Verdict::Older)?;
    let uid = Uuid::new_v4();
    same("a key that is not there", examine(master, uid, Some(&known)).await, Verdict::Foreign)?;
    master.create_key(&NewKey::lane(uid)).await?;
    same("a key that was made", examine(master, uid, Some(&known)).await, Verdict::Same)?;
    let rotated = master.with_key(ApiKey::new("not the master key of this node"));
    same("another master key", examine(&rotated, lane, Some(&known)).await, Verdict::Unauthorized)
}
