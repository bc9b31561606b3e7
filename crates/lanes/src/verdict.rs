//! What the end of a request on a node means: done, a verdict on the task, or a fault of the node.
//!
//! A failure is the node's fault unless its code is in the list below, and even then it is a verdict only for a request
//! that held one task. Codes of embedders are not in it: an embedder that is down is no reason to refuse a task, so
//! they count as faults (how long to be patient with them is decided where faults are).

use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{Action, DispatchResult};
use miroir_model::{IndexUid, RESERVED_MEMBER};
use miroir_node::{NodeTask, NodeTaskStatus};

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It has a result to be recorded.
    Result(DispatchResult),
    /// It had no effect, for a reason that is the node's: to be sent again.
    Fault(String),
    /// The name to be created is taken: to be created under the next.
    NameTaken,
}

/// Errors in documents that only a node finds: what validation cannot see, or saw otherwise.
const DOCUMENT_CODES: &[&str] = &[
    "invalid_document_id",
    "missing_document_id",
    "invalid_document_fields",
    "invalid_document_geo_field",
    "invalid_document_geojson_field",
    "invalid_vector_dimensions",
    "invalid_vectors_type",
    "too_many_vectors",
    "max_fields_limit_exceeded",
];

/// Errors in a filter, known once the index's settings are.
const FILTER_CODES: &[&str] = &["invalid_document_filter"];

/// Errors in a change of the primary key.
const KEY_CODES: &[&str] = &["index_primary_key_already_exists", "invalid_index_primary_key"];

/// Settings are refused by their own codes, or by those of the documents that they do not suit.
const SETTINGS_CODES: &str = "invalid_settings_";

/// What a task of the node that has ended means for the action that it carried out.
pub(crate) fn of_task(action: &Action, task: &NodeTask, counted: Vec<u64>) -> End {
    let node_task = Some(task.uid);
    match (task.status, &task.error) {
        (NodeTaskStatus::Succeeded, _) => End::Result(DispatchResult::Done { node_task, deleted: counted }),
        (_, Some(error)) => match action {
            Action::Drop(_) if error.code == "index_not_found" => {
                End::Result(DispatchResult::Done { node_task, deleted: counted })
            }
            Action::Create if error.code == "index_already_exists" => End::NameTaken,
            _ => refusal(action, (&error.code, &error.message), node_task),
        },
        (status, None) => End::Fault(format!("task {} of the node is {status:?}", task.uid)),
    }
}

/// What it means that the node did not take the request.
pub(crate) fn of_rejection(action: &Action, code: &str, message: &str) -> End {
    refusal(action, (code, message), None)
}

fn refusal(action: &Action, (code, message): (&str, &str), node_task: Option<u32>) -> End {
    match user_error(action, code) {
        None => End::Fault(format!("{code}: {message}")),
        Some(code) => End::Result(match action {
            Action::Send(slices) if slices.len() > 1 => DispatchResult::Apart { node_task },
            _ => DispatchResult::Refused { node_task, error: ResponseError::new(code, message) },
        }),
    }
}

/// The code, when it is the user's error for such an action.
fn user_error(action: &Action, code: &str) -> Option<ErrorCode> {
    let listed = match action {
        Action::Send(_) => DOCUMENT_CODES.contains(&code),
        Action::Alone(_) => {
            let lists = [DOCUMENT_CODES, FILTER_CODES, KEY_CODES];
            lists.iter().any(|list| list.contains(&code)) || code.starts_with(SETTINGS_CODES)
        }
        Action::Create | Action::Configure { .. } | Action::Drop(_) => false,
    };
    code.parse().ok().filter(|_| listed)
}

/// An error of a node in the user's words: the user's name of the index, and nothing of the reserved member.
pub(crate) fn in_users_words(message: &str, physical: &str, index: &IndexUid) -> String {
    let reserved = format!("`{RESERVED_MEMBER}`");
    message
        .replace(&format!("`{physical}`"), &format!("`{index}`"))
        .replace(&format!(", {reserved}"), "")
        .replace(&format!("{reserved}, "), "")
}
