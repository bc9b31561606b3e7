//! A task as Meilisearch shows it.

use miroir_api::ResponseError;
use miroir_model::{IndexUid, TaskUid, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::{IndexSwap, TaskDetails, TaskRecord};

/// The JSON of `GET /tasks/{uid}` and of the items of `GET /tasks`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// Its number.
    pub uid: TaskUid,
    /// Its batch. Each task that was started is a batch of its own here, with its own number.
    pub batch_uid: Option<TaskUid>,
    /// The index, by its name of now.
    pub index_uid: Option<IndexUid>,
    /// Where it stands.
    pub status: &'static str,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The task that canceled it.
    pub canceled_by: Option<TaskUid>,
    /// What it says about itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<RawValue>>,
    /// Why it failed.
    pub error: Option<ResponseError>,
    /// From its start to its end, in the form of ISO 8601.
    pub duration: Option<String>,
    /// When the log accepted it.
    #[serde(with = "miroir_api::rfc3339")]
    pub enqueued_at: Timestamp,
    /// When it was started.
    #[serde(serialize_with = "instant")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "instant")]
    pub finished_at: Option<Timestamp>,
    /// What the client asked to have shown with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_metadata: Option<String>,
}

impl TaskView {
    /// The view of a task. `index_uid` is the name that its index has now, if it has one.
    pub fn new(record: TaskRecord, index_uid: Option<&IndexUid>) -> Self {
        let span = record.started_at.zip(record.finished_at);
        Self {
            uid: record.uid,
            batch_uid: batch_of(&record),
            index_uid: shown_index(&record, index_uid).cloned(),
            status: record.status.as_str(),
            kind: record.kind.as_str(),
            canceled_by: record.canceled_by,
            details: details(&record.details),
            error: record.error,
            duration: span.and_then(|(started, finished)| iso_8601(started, finished)),
            enqueued_at: record.enqueued_at,
            started_at: record.started_at,
            finished_at: record.finished_at,
            custom_metadata: record.custom_metadata,
        }
    }
}

/// The batch of a task, once it was started.
pub(crate) fn batch_of(record: &TaskRecord) -> Option<TaskUid> {
    record.started_at.map(|_| record.uid)
}

/// The name that a task is found under: that of its index now, or, when it has none, the one that the client used.
pub(crate) fn found_under<'n>(record: &'n TaskRecord, now: Option<&'n IndexUid>) -> Option<&'n IndexUid> {
    now.or(record.index_uid.as_ref())
}

/// The name that a task is shown with. A task that renamed its index goes on showing the former name.
fn shown_index<'n>(record: &'n TaskRecord, now: Option<&'n IndexUid>) -> Option<&'n IndexUid> {
    match &record.details {
        TaskDetails::Index { new_uid: Some(_), .. } => record.index_uid.as_ref(),
        _ => found_under(record, now),
    }
}

fn details(details: &TaskDetails) -> Option<Box<RawValue>> {
    let text = match details {
        TaskDetails::Addition { received, indexed } => {
            json!({ "receivedDocuments": received, "indexedDocuments": indexed }).to_string()
        }
        TaskDetails::Deletion { provided, deleted, filter } => json!({
            "providedIds": provided,
            "deletedDocuments": deleted,
            "originalFilter": filter,
        })
        .to_string(),
        TaskDetails::Clear { deleted } => json!({ "deletedDocuments": deleted }).to_string(),
        TaskDetails::Settings { sent } => sent.clone(),
        TaskDetails::Index { primary_key, old_uid, new_uid } => {
            let mut shown = json!({ "primaryKey": primary_key });
            for (member, uid) in [("oldIndexUid", old_uid), ("newIndexUid", new_uid)] {
                if let Some(uid) = uid {
                    shown[member] = Value::from(uid.as_str());
                }
            }
            shown.to_string()
        }
        TaskDetails::Swap { swaps } => {
            let swap =
                |swap: &IndexSwap| json!({ "indexes": [swap.first, swap.second], "rename": swap.rename });
            json!({ "swaps": swaps.iter().map(swap).collect::<Vec<_>>() }).to_string()
        }
        TaskDetails::Cancelation { matched, canceled, filter } => json!({
            "matchedTasks": matched,
            "canceledTasks": canceled,
            "originalFilter": filter,
        })
        .to_string(),
        TaskDetails::Edition { edited, deleted, context, function, filter } => {
            // The context is JSON already, and keeps its numbers.
            let context = context.as_deref().unwrap_or("null");
            let (function, filter) = (json!(function), json!(filter));
            let (edited, deleted) = (json!(edited), json!(deleted));
            format!(
                r#"{{"editedDocuments":{edited},"deletedDocuments":{deleted},"originalFilter":{filter},"context":{context},"function":{function}}}"#
            )
        }
    };
    RawValue::from_string(text).ok()
}

/// A span in Meilisearch's form of ISO 8601: days, and seconds with the fraction that they need, in threes of digits.
/// Nothing for a negative span.
fn iso_8601(started: Timestamp, finished: Timestamp) -> Option<String> {
    const SECOND: u64 = 1_000_000_000;
    const DAY: u64 = 86_400 * SECOND;
    let span = u64::try_from(finished.0.checked_sub(started.0)?).ok()?;
    let (days, seconds, nanos) = (span / DAY, span % DAY / SECOND, span % SECOND);
    let date = if days == 0 { String::new() } else { format!("{days}D") };
    let time = match nanos {
        0 if days != 0 && seconds == 0 => String::new(),
        0 => format!("T{seconds}S"),
        _ if nanos % 1_000_000 == 0 => format!("T{seconds}.{:03}S", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("T{seconds}.{:06}S", nanos / 1_000),
        _ => format!("T{seconds}.{nanos:09}S"),
    };
    Some(format!("P{date}{time}"))
}

fn instant<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_str(&time.to_rfc3339()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of Meilisearch's `serialize_duration`.
    #[test]
    fn spans_have_the_digits_they_need() {
        let day = 86_400_000_000_000;
        for (nanos, text) in [
            (0, "PT0S"),
            (1_000_000_000, "PT1S"),
            (12_345_000, "PT0.012345S"),
            (9_000_000, "PT0.009S"),
            (188_661, "PT0.000188661S"),
            (day, "P1D"),
            (day + 2_500_000_000, "P1DT2.500S"),
        ] {
            assert_eq!(iso_8601(Timestamp(5), Timestamp(5 + nanos)).as_deref(), Some(text));
        }
        assert_eq!(iso_8601(Timestamp(1), Timestamp(0)), None);
    }
}
