//! What an action asks of the node, in the node's own terms.

use bytes::Bytes;
use miroir_cluster::{Action, Edit, Index, Queue, Slice, Stage, Task, Work, WriteMode};
use miroir_documents::edit::Function;
use miroir_node::{Add, AddMode, Format, Write};
use miroir_placement::limiting_filter;
use miroir_settings::{NodeShape, UserSettings, node_settings};
use serde_json::Value;

use crate::assemble::Place;
use crate::counting::Counting;
use crate::payload::Body;

/// One request to the node.
#[derive(Debug)]
pub(crate) struct Request {
    /// What is asked; nothing when the action is done without.
    pub(crate) write: Option<Write>,
    /// How it is known what it deletes.
    pub(crate) counting: Counting,
}

impl Request {
    /// The request of a recorded action; `None` when the state does not fit it (any more). `held` are the settings that
    /// the node may have.
    pub(crate) fn new(
        place: Place<'_>,
        action: &Action,
        body: Option<Body>,
        held: Option<&UserSettings>,
    ) -> Option<Self> {
        let index = place.state.indexes.get(&place.index)?;
        let queue = index.queues.get(place.node)?;
        let write = match action {
            // The key is brought by the first documents: until then the user may change it.
            Action::Create => Some(Write::CreateIndex { primary_key: None }),
            Action::Configure { .. } => Some(settings(index, &index.settings.decided, held)),
            Action::Send(slices) => send(place, slices, body?)?,
            Action::Alone(uid) => Some(alone(place, index, queue, place.task(*uid)?)?),
            Action::Try(uid) => Some(trial(index, place.task(*uid)?)?),
            Action::Ahead(_) => Some(Write::DeleteIds(body?.ids)),
            Action::Count(_) => None,
            Action::Drop => (queue.stage == Stage::Present).then_some(Write::DeleteIndex),
        };
        Some(Self { write, counting: Counting::of(place, action) })
    }
}

fn send(place: Place<'_>, slices: &[Slice], body: Body) -> Option<Option<Write>> {
    let task = place.task(slices.first()?.task)?;
    Some(match &task.work {
        _ if body.is_empty() => None,
        Work::Documents { mode, skip_creation, .. } => Some(Write::Add(Add {
            mode: match mode {
                WriteMode::Replace => AddMode::Replace,
                WriteMode::Update => AddMode::Update,
            },
            format: Format::Ndjson,
            payload: Bytes::from(body.documents),
            primary_key: task.primary_key.clone(),
            skip_creation: *skip_creation,
        })),
        Work::DeleteIds { .. } => Some(Write::DeleteIds(body.ids)),
        _ => return None,
    })
}

fn alone(place: Place<'_>, index: &Index, queue: &Queue, task: &Task) -> Option<Write> {
    // A part of a deletion goes over the units of that part.
    let units = if place.state.passes(index, place.node, task) {
        index.units_of(place.node)
    } else {
        index.units_of_part(task, place.node, queue.progress.part)
    };
    let limit = || limiting_filter(units, index.units_of(place.node));
    match &task.work {
        Work::DeleteFilter { filter } => Some(Write::DeleteMatching(match limit() {
            None => filter.clone(),
            Some(limit) => both(filter, limit)?,
        })),
        Work::DeleteAll => Some(match limit() {
            None => Write::DeleteAll,
            Some(limit) => Write::DeleteMatching(Value::from(limit).to_string()),
        }),
        Work::Edit(edit) => {
            let function = Function::parse(&edit.function).ok()?;
            let text = function.marking(task.uid, task.primary_key.as_deref().unwrap_or_default());
            let filter = match (&edit.filter, limit()) {
                (None, limit) => limit.map(|limit| Value::from(limit).to_string()),
                (Some(users), None) => Some(users.clone()),
                (Some(users), Some(limit)) => Some(both(users, limit)?),
            };
            Some(edition(edit, text, filter))
        }
        Work::SetPrimaryKey => Some(Write::SetPrimaryKey(task.primary_key.clone()?)),
        Work::Settings { .. } => {
            let change = index.settings.change.as_ref().filter(|change| change.task == task.uid)?;
            Some(settings(index, &change.resulting, Some(&index.settings.decided)))
        }
        _ => None,
    }
}

/// An edit that changes nothing, over all that the node holds.
fn trial(index: &Index, task: &Task) -> Option<Write> {
    let Work::Edit(edit) = &task.work else { return None };
    let function = Function::parse(&edit.function).ok()?;
    let geo = index.settings.decided.names_geo();
    let text = function.trial(task.primary_key.as_deref().unwrap_or_default(), geo);
    Some(edition(edit, text, edit.filter.clone()))
}

fn edition(edit: &Edit, function: String, filter: Option<String>) -> Write {
    Write::Edit { function, context: edit.context.clone(), filter }
}

fn settings(index: &Index, settings: &UserSettings, held: Option<&UserSettings>) -> Write {
    Write::Settings(node_settings(settings, NodeShape { several_shards: index.tie_rule }, held))
}

/// The JSON text of the filter that asks for both: a user's filter, as JSON text, and another. `None` when the user's
/// is no filter. The outer array of a filter is a conjunction.
fn both(users: &str, other: String) -> Option<String> {
    let mut all = match serde_json::from_str(users).ok()? {
        Value::Array(all) => all,
        one @ Value::String(_) => vec![one],
        _ => return None,
    };
    all.push(other.into());
    Some(Value::from(all).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_filter_keeps_its_meaning() {
        let both = |users| both(users, "x".to_owned());
        assert_eq!(both(r#""a = 1 OR b = 2""#).as_deref(), Some(r#"["a = 1 OR b = 2","x"]"#));
        assert_eq!(
            both(r#"["a = 1",["b = 2","c = 3"]]"#).as_deref(),
            Some(r#"["a = 1",["b = 2","c = 3"],"x"]"#)
        );
        assert_eq!(both("{}"), None);
    }
}
