//! What the end of a request on a node means: done, a verdict on the task, or a fault of the node.
//!
//! A failure is the node's fault unless its code is in the list below, and even then it is a verdict only for a request
//! that held one task, or a part of one: a task too large for a request is refused with the part, and what its other
//! parts brought stays, since sending it whole is not possible. Codes of embedders are not in it: an embedder that is
//! down is no reason to refuse a task, unless it stays down for long.

use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::{Action, DispatchResult};
use miroir_node::{NodeTask, NodeTaskStatus};

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It has a result to be recorded.
    Result(DispatchResult),
    /// It had no effect, for a reason that is the node's: to be sent again.
    Fault(String),
    /// It had no effect, since an embedder failed: to be sent again, but not for ever.
    Embedder(ResponseError),
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

/// Errors of a function that edits documents.
const EDIT_CODES: &[&str] = &["edit_documents_by_function_error"];

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
            Action::Drop if error.code == "index_not_found" => {
                // It went before, so what it held cannot be told.
                End::Result(DispatchResult::Done { node_task, deleted: Vec::new() })
            }
            Action::Create if error.code == "index_already_exists" => End::NameTaken,
            _ => refusal(action, (&error.code, &error.message), node_task),
        },
        (status, None) => End::Fault(format!("task {} of the node is {status:?}", task.uid)),
    }
}

/// What it means that the node did not take the request.
pub(crate) fn of_rejection(action: &Action, code: &str, message: &str) -> End {
    match action {
        Action::Drop | Action::Count(_) if code == "index_not_found" => {
            End::Result(DispatchResult::Done { node_task: None, deleted: Vec::new() })
        }
        _ => refusal(action, (code, message), None),
    }
}

/// The error of an embedder that fails.
const EMBEDDER_CODE: &str = "vector_embedding_error";

/// What becomes of a request for which an embedder failed for too long.
pub(crate) fn without_embedder(action: &Action, error: ResponseError) -> DispatchResult {
    match action {
        Action::Send(slices) if slices.len() > 1 => DispatchResult::Apart { node_task: None },
        _ => DispatchResult::Refused { node_task: None, error },
    }
}

fn refusal(action: &Action, (code, message): (&str, &str), node_task: Option<u32>) -> End {
    if let (EMBEDDER_CODE, Ok(known), Action::Send(_) | Action::Alone(_)) = (code, code.parse(), action) {
        return End::Embedder(ResponseError::new(known, message));
    }
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
            let lists = [DOCUMENT_CODES, FILTER_CODES, EDIT_CODES, KEY_CODES];
            lists.iter().any(|list| list.contains(&code)) || code.starts_with(SETTINGS_CODES)
        }
        Action::Try(_) => [DOCUMENT_CODES, FILTER_CODES, EDIT_CODES].iter().any(|list| list.contains(&code)),
        // The settings were taken by the other copies: it is this one that is wrong.
        Action::Configure { .. } => code.starts_with(SETTINGS_CODES) || DOCUMENT_CODES.contains(&code),
        Action::Create | Action::Count(_) | Action::Drop | Action::Ahead(_) => false,
    };
    code.parse().ok().filter(|_| listed)
}

#[cfg(test)]
mod tests {
    use miroir_cluster::{Progress, Slice};
    use miroir_model::TaskUid;

    use super::*;

    fn send(tasks: u64) -> Action {
        let slice = |task| Slice { task: TaskUid(task), from: Progress::default(), to: None };
        Action::Send((0..tasks).map(slice).collect())
    }

    /// Every code of the lists is one that users can be shown.
    #[test]
    fn listed_codes_are_known() {
        for code in [DOCUMENT_CODES, FILTER_CODES, EDIT_CODES, KEY_CODES].concat() {
            assert!(code.parse::<ErrorCode>().is_ok(), "{code}");
        }
    }

    #[test]
    fn only_a_listed_code_of_one_task_is_a_verdict() {
        let refused = |action: &Action, code| of_rejection(action, code, "words");
        let is_verdict = |end| matches!(end, End::Result(DispatchResult::Refused { .. }));
        assert!(is_verdict(refused(&send(1), "invalid_document_geo_field")));
        assert!(is_verdict(refused(&Action::Alone(TaskUid(1)), "invalid_settings_embedders")));
        let apart = refused(&send(2), "invalid_document_geo_field");
        assert_eq!(apart, End::Result(DispatchResult::Apart { node_task: None }));
        // The node's own trouble, an embedder's, and what validation must have caught.
        for code in ["internal", "no_space_left_on_device", "malformed_payload", "unheard_of"] {
            assert_eq!(refused(&send(1), code), End::Fault(format!("{code}: words")));
        }
        assert!(matches!(refused(&send(1), "vector_embedding_error"), End::Embedder(_)));
        assert!(matches!(refused(&Action::Create, "invalid_settings_embedders"), End::Fault(_)));
    }
}
