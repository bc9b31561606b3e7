//! Which tasks a request is about: the query parameters of `GET /tasks` and `DELETE /tasks`.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, Time};

use super::Task;
use crate::error::ApiError;

/// An absent list matches every task.
#[derive(Debug, Default)]
pub(crate) struct TaskFilter {
    pub(crate) uids: Option<RoaringBitmap>,
    batch_uids: Option<RoaringBitmap>,
    canceled_by: bool,
    pub(crate) statuses: Option<Vec<String>>,
    pub(crate) types: Option<Vec<String>>,
    pub(crate) index_uids: Option<Vec<String>>,
    dates: Vec<DateBound>,
}

#[derive(Debug)]
struct DateBound {
    of: fn(&Task) -> Option<OffsetDateTime>,
    after: bool,
    at: OffsetDateTime,
}

/// Names of the types, in the API's spelling: those that this engine never makes are accepted and match nothing.
const TYPES: &[&str] = &[
    "documentAdditionOrUpdate",
    "documentEdition",
    "documentDeletion",
    "settingsUpdate",
    "indexCreation",
    "indexDeletion",
    "indexUpdate",
    "indexSwap",
    "taskCancelation",
    "taskDeletion",
    "dumpCreation",
    "snapshotCreation",
    "export",
    "upgradeDatabase",
    "indexCompaction",
    "networkTopologyChange",
    "dsrUpdate",
    "dsrClear",
];
const STATUSES: &[&str] = &["enqueued", "processing", "succeeded", "failed", "canceled"];

impl TaskFilter {
    /// Takes the filter's parameters out of a query string's.
    ///
    /// # Errors
    /// `invalid_task_*` for a value that cannot be read.
    pub(crate) fn take(params: &mut BTreeMap<String, String>) -> Result<Self, ApiError> {
        let mut filter = Self {
            uids: numbers(params, "uids", "invalid_task_uids")?,
            batch_uids: numbers(params, "batchUids", "invalid_batch_uids")?,
            canceled_by: numbers(params, "canceledBy", "invalid_task_canceled_by")?.is_some(),
            statuses: names(params, "statuses", "invalid_task_statuses", Some(STATUSES))?,
            types: names(params, "types", "invalid_task_types", Some(TYPES))?,
            index_uids: names(params, "indexUids", "invalid_index_uid", None)?,
            dates: Vec::new(),
        };
        for (name, code, after, of) in DATES {
            if let Some(text) = params.remove(*name) {
                let at = date(&text, *after).ok_or_else(|| {
                    let hint = "It should follow the YYYY-MM-DD or RFC 3339 date-time format.";
                    ApiError::new(
                        *code,
                        format!(
                            "Invalid value in parameter `{name}`: `{text}` is an invalid date-time. {hint}"
                        ),
                    )
                })?;
                filter.dates.push(DateBound { of: *of, after: *after, at });
            }
        }
        Ok(filter)
    }

    /// Whether nothing was asked for, which `DELETE /tasks` refuses.
    pub(crate) fn is_empty(&self) -> bool {
        self.uids.is_none()
            && self.batch_uids.is_none()
            && !self.canceled_by
            && self.statuses.is_none()
            && self.types.is_none()
            && self.index_uids.is_none()
            && self.dates.is_empty()
    }

    /// Whether a task must be read to know if it matches, beyond what the queue holds in memory.
    pub(crate) fn needs_row(&self) -> bool {
        self.batch_uids.is_some() || self.canceled_by || !self.dates.is_empty()
    }

    /// The part of the filter that only the row can answer.
    pub(crate) fn matches_row(&self, task: &Task) -> bool {
        !self.canceled_by
            && self
                .batch_uids
                .as_ref()
                .is_none_or(|uids| task.batch_uid.is_some_and(|uid| uids.contains(uid)))
            && self.dates.iter().all(|bound| {
                (bound.of)(task).is_some_and(|at| if bound.after { at > bound.at } else { at < bound.at })
            })
    }
}

type DateField = (&'static str, &'static str, bool, fn(&Task) -> Option<OffsetDateTime>);
const DATES: &[DateField] = &[
    ("afterEnqueuedAt", "invalid_task_after_enqueued_at", true, |task| Some(task.enqueued_at)),
    ("beforeEnqueuedAt", "invalid_task_before_enqueued_at", false, |task| Some(task.enqueued_at)),
    ("afterStartedAt", "invalid_task_after_started_at", true, |task| task.started_at),
    ("beforeStartedAt", "invalid_task_before_started_at", false, |task| task.started_at),
    ("afterFinishedAt", "invalid_task_after_finished_at", true, |task| task.finished_at),
    ("beforeFinishedAt", "invalid_task_before_finished_at", false, |task| task.finished_at),
];

/// Bounds exclude their instant; a day alone, after, means after the whole day.
fn date(text: &str, after: bool) -> Option<OffsetDateTime> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(at);
    }
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    let midnight = day.with_time(Time::MIDNIGHT).assume_utc();
    if after { midnight.checked_add(Duration::DAY) } else { Some(midnight) }
}

fn list(params: &mut BTreeMap<String, String>, name: &str) -> Option<Vec<String>> {
    let text = params.remove(name)?;
    (text != "*").then(|| text.split(',').map(|part| part.trim().to_owned()).collect())
}

fn numbers(
    params: &mut BTreeMap<String, String>,
    name: &str,
    code: &'static str,
) -> Result<Option<RoaringBitmap>, ApiError> {
    let Some(parts) = list(params, name) else { return Ok(None) };
    let mut uids = RoaringBitmap::new();
    for part in parts {
        let uid = part.parse().map_err(|_| {
            let text = format!(
                "Invalid value in parameter `{name}`: could not parse `{part}` as a positive integer"
            );
            ApiError::new(code, text)
        })?;
        uids.insert(uid);
    }
    Ok(Some(uids))
}

fn names(
    params: &mut BTreeMap<String, String>,
    name: &str,
    code: &'static str,
    known: Option<&[&str]>,
) -> Result<Option<Vec<String>>, ApiError> {
    let Some(parts) = list(params, name) else { return Ok(None) };
    if let Some(known) = known
        && let Some(part) = parts.iter().find(|part| !known.contains(&part.as_str()))
    {
        let choices = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let text = format!(
            "Invalid value in parameter `{name}`: `{part}` is not one of the available values: {choices}."
        );
        return Err(ApiError::new(code, text));
    }
    Ok(Some(parts))
}
