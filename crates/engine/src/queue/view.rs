//! A task as the API shows it (`meilisearch-types/src/task_view.rs`, with the `customMetadata` of 1.50).

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{Content, Task};

/// The short form that answers a write.
pub(crate) fn summary(task: &Task) -> Value {
    let mut view = json!({
        "taskUid": task.uid,
        "indexUid": task.index_uid,
        "status": task.status.name(),
        "type": task.content.kind(),
        "enqueuedAt": instant(task.enqueued_at),
    });
    add_metadata(&mut view, task);
    view
}

/// The whole task.
pub(crate) fn full(task: &Task) -> Value {
    let elapsed = task.started_at.zip(task.finished_at).map(|(start, end)| end - start);
    let mut view = json!({
        "uid": task.uid,
        "batchUid": task.batch_uid,
        "indexUid": task.index_uid,
        "status": task.status.name(),
        "type": task.content.kind(),
        "canceledBy": null,
        "details": details(task),
        "error": task.error.as_ref().map(crate::error::ApiError::view),
        "duration": elapsed.map(duration),
        "enqueuedAt": instant(task.enqueued_at),
        "startedAt": task.started_at.map(instant),
        "finishedAt": task.finished_at.map(instant),
    });
    add_metadata(&mut view, task);
    view
}

fn add_metadata(view: &mut Value, task: &Task) {
    if let Some(metadata) = &task.custom_metadata {
        view["customMetadata"] = json!(metadata);
    }
}

fn details(task: &Task) -> Value {
    let deleted = task.counts.deleted;
    match &task.content {
        Content::Documents { count, .. } => {
            json!({ "receivedDocuments": count, "indexedDocuments": task.counts.indexed })
        }
        Content::DeleteIds { ids } => {
            json!({ "providedIds": ids.len(), "deletedDocuments": deleted, "originalFilter": null })
        }
        Content::DeleteByFilter { filter } => {
            json!({ "providedIds": 0, "deletedDocuments": deleted, "originalFilter": filter.to_string() })
        }
        Content::Clear | Content::IndexDeletion => json!({ "deletedDocuments": deleted }),
        Content::Edit { function, context, filter } => json!({
            "editedDocuments": task.counts.indexed,
            "deletedDocuments": deleted,
            "originalFilter": filter.as_ref().map(Value::to_string),
            "context": context,
            "function": function,
        }),
        Content::Settings { patch, .. } => patch.clone(),
        Content::IndexCreation { primary_key } => json!({ "primaryKey": primary_key }),
        Content::IndexUpdate { primary_key, new_uid } => {
            let mut details = Map::from_iter([("primaryKey".to_owned(), json!(primary_key))]);
            if let Some(new_uid) = new_uid {
                details.insert("oldIndexUid".to_owned(), json!(task.index_uid));
                details.insert("newIndexUid".to_owned(), json!(new_uid));
            }
            Value::Object(details)
        }
        Content::TaskDeletion { uids, query } => {
            json!({ "matchedTasks": uids.len(), "deletedTasks": deleted, "originalFilter": query })
        }
    }
}

/// An instant as RFC 3339, as every date of the API.
pub(crate) fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// A duration as ISO 8601, with as many digits as it needs of 3, 6 and 9.
fn duration(elapsed: Duration) -> Option<String> {
    if elapsed.is_negative() {
        return None;
    }
    let (days, seconds) = (elapsed.whole_days(), elapsed.whole_seconds() % 86_400);
    let nanos = elapsed.subsec_nanoseconds();
    let mut text = String::from("P");
    let written = match (days, nanos) {
        (0, _) => Ok(()),
        (days, _) => write!(text, "{days}D"),
    }
    .and_then(|()| match nanos {
        0 if days != 0 && seconds == 0 => Ok(()),
        0 => write!(text, "T{seconds}S"),
        nanos if nanos % 1_000_000 == 0 => write!(text, "T{seconds}.{:03}S", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => write!(text, "T{seconds}.{:06}S", nanos / 1_000),
        nanos => write!(text, "T{seconds}.{nanos:09}S"),
    });
    written.ok().map(|()| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_digits_they_need() {
        let shown = |nanos| duration(Duration::nanoseconds(nanos));
        assert_eq!(shown(0).as_deref(), Some("PT0S"));
        assert_eq!(shown(1_500_000_000).as_deref(), Some("PT1.500S"));
        assert_eq!(shown(12_345_000).as_deref(), Some("PT0.012345S"));
        assert_eq!(shown(1).as_deref(), Some("PT0.000000001S"));
        assert_eq!(shown(86_400_000_000_000).as_deref(), Some("P1D"));
        assert_eq!(shown(86_401_000_000_000).as_deref(), Some("P1DT1S"));
        assert_eq!(shown(-1), None);
    }
}
