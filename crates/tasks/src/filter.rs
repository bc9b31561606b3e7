//! Which tasks a request asks for: the parameters of `GET /tasks`, and later those of canceling and deleting tasks.
//!
//! Order of checks, texts and codes are Meilisearch's; the `deserr` crate words what it words there.

use std::collections::BTreeSet;

use deserr::errors::QueryParamError;
use deserr::{DeserializeError, ErrorKind, ValuePointerRef, take_cf_content};
use miroir_api::{ApiVersion, ErrorCode, ResponseError};
use miroir_model::{IndexUid, TaskUid, Timestamp};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, Time};

use crate::view::{batch_of, found_under};
use crate::{TaskKind, TaskRecord, TaskStatus};

/// How many tasks a page has when the client does not say.
const DEFAULT_LIMIT: u32 = 20;

/// The parameters of a page, in the order in which Meilisearch lists them.
const PARAMETERS: [&str; 15] = [
    "limit",
    "from",
    "reverse",
    "batchUids",
    "uids",
    "canceledBy",
    "types",
    "statuses",
    "indexUids",
    "afterEnqueuedAt",
    "beforeEnqueuedAt",
    "afterStartedAt",
    "beforeStartedAt",
    "afterFinishedAt",
    "beforeFinishedAt",
];

/// The parameters of a filter alone, in the order in which Meilisearch lists them there.
const FILTERS: [&str; 12] = [
    "uids",
    "batchUids",
    "canceledBy",
    "types",
    "statuses",
    "indexUids",
    "afterEnqueuedAt",
    "beforeEnqueuedAt",
    "afterStartedAt",
    "beforeStartedAt",
    "afterFinishedAt",
    "beforeFinishedAt",
];

/// The types that Meilisearch knows, in the order of its error text; with `true`, those that 1.15 knows too.
const TYPES: [(&str, bool); 18] = [
    ("documentAdditionOrUpdate", true),
    ("documentEdition", true),
    ("documentDeletion", true),
    ("settingsUpdate", true),
    ("indexCreation", true),
    ("indexDeletion", true),
    ("indexUpdate", true),
    ("indexSwap", true),
    ("taskCancelation", true),
    ("taskDeletion", true),
    ("dumpCreation", true),
    ("snapshotCreation", true),
    ("export", false),
    ("upgradeDatabase", true),
    ("indexCompaction", false),
    ("networkTopologyChange", false),
    ("dsrUpdate", false),
    ("dsrClear", false),
];

/// What tasks must be like. A part that is `None` asks for nothing; an empty set asks for what no task is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// One of these.
    pub uids: Option<BTreeSet<TaskUid>>,
    /// In one of these batches.
    pub batch_uids: Option<BTreeSet<TaskUid>>,
    /// Canceled by one of these.
    pub canceled_by: Option<BTreeSet<TaskUid>>,
    /// Of one of these types.
    pub kinds: Option<BTreeSet<TaskKind>>,
    /// With one of these statuses.
    pub statuses: Option<BTreeSet<TaskStatus>>,
    /// Of one of these indexes, by their names of now.
    pub index_uids: Option<BTreeSet<IndexUid>>,
    /// Enqueued in this time.
    pub enqueued: Within,
    /// Started in this time.
    pub started: Within,
    /// Finished in this time.
    pub finished: Within,
}

/// A time between two instants, neither of which belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Within {
    /// The instant before it.
    pub after: Option<Timestamp>,
    /// The instant behind it.
    pub before: Option<Timestamp>,
}

/// A request for a page of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskQuery {
    /// Which tasks.
    pub filter: TaskFilter,
    /// How many at most.
    pub limit: u32,
    /// The first that may be on the page.
    pub from: Option<TaskUid>,
    /// From the oldest on, not from the newest.
    pub reverse: bool,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self { filter: TaskFilter::default(), limit: DEFAULT_LIMIT, from: None, reverse: false }
    }
}

impl TaskQuery {
    /// Reads the parameters of a request, decoded, in their order. Of a parameter given twice the last counts.
    ///
    /// # Errors
    /// Meilisearch's for the first that is wrong.
    pub fn parse<'p>(
        parameters: impl IntoIterator<Item = (&'p str, &'p str)>,
        version: ApiVersion,
    ) -> Result<Self, ResponseError> {
        let mut query = Self::default();
        each(parameters, |parameter| query.set(parameter, version))?;
        Ok(query)
    }

    fn set(&mut self, parameter: Parameter<'_>, version: ApiVersion) -> Result<(), ResponseError> {
        use ErrorCode as Code;
        match parameter.name {
            "limit" => self.limit = parameter.one(Code::InvalidTaskLimit, integer)?,
            "from" => self.from = Some(TaskUid(parameter.one(Code::InvalidTaskFrom, integer)?)),
            "reverse" => self.reverse = parameter.one(Code::InvalidTaskReverse, flag)?,
            _ => self.filter.set(parameter, &PARAMETERS, version)?,
        }
        Ok(())
    }
}

impl TaskFilter {
    /// [`TaskQuery::parse`] for a request that takes only a filter.
    ///
    /// # Errors
    /// Meilisearch's for the first that is wrong.
    pub fn parse<'p>(
        parameters: impl IntoIterator<Item = (&'p str, &'p str)>,
        version: ApiVersion,
    ) -> Result<Self, ResponseError> {
        let mut filter = Self::default();
        each(parameters, |parameter| filter.set(parameter, &FILTERS, version))?;
        Ok(filter)
    }

    fn set(
        &mut self,
        parameter: Parameter<'_>,
        known: &'static [&'static str],
        version: ApiVersion,
    ) -> Result<(), ResponseError> {
        use ErrorCode as Code;
        let filter = self;
        match parameter.name {
            "batchUids" => filter.batch_uids = parameter.list(Code::InvalidBatchUids, uid)?,
            "uids" => filter.uids = parameter.list(Code::InvalidTaskUids, uid)?,
            "canceledBy" => filter.canceled_by = parameter.list(Code::InvalidTaskCanceledBy, uid)?,
            "types" => {
                let kinds = parameter.list(Code::InvalidTaskTypes, |text| kind(text, version))?;
                filter.kinds = kinds.map(|kinds| kinds.into_iter().flatten().collect());
            }
            "statuses" => filter.statuses = parameter.list(Code::InvalidTaskStatuses, status)?,
            "indexUids" => filter.index_uids = parameter.list(Code::InvalidIndexUid, index_uid)?,
            "afterEnqueuedAt" => {
                filter.enqueued.after = parameter.date(Code::InvalidTaskAfterEnqueuedAt, after)?;
            }
            "beforeEnqueuedAt" => {
                filter.enqueued.before = parameter.date(Code::InvalidTaskBeforeEnqueuedAt, before)?;
            }
            "afterStartedAt" => {
                filter.started.after = parameter.date(Code::InvalidTaskAfterStartedAt, after)?;
            }
            "beforeStartedAt" => {
                filter.started.before = parameter.date(Code::InvalidTaskBeforeStartedAt, before)?;
            }
            "afterFinishedAt" => {
                filter.finished.after = parameter.date(Code::InvalidTaskAfterFinishedAt, after)?;
            }
            "beforeFinishedAt" => {
                filter.finished.before = parameter.date(Code::InvalidTaskBeforeFinishedAt, before)?;
            }
            unknown => {
                let error = ErrorKind::UnknownKey { key: unknown, accepted: known };
                return Err(ResponseError::new(Code::BadRequest, word(error, ValuePointerRef::Origin)));
            }
        }
        Ok(())
    }
}

impl TaskFilter {
    /// Whether it takes the tasks themselves to know which match, beyond what bitmaps tell.
    pub(crate) fn needs_tasks(&self) -> bool {
        let any_time = Within::default();
        self.batch_uids.is_some()
            || self.canceled_by.is_some()
            || [self.enqueued, self.started, self.finished].iter().any(|time| *time != any_time)
    }

    /// Whether a task is asked for. `index_uid` is the name that its index has now.
    pub fn matches(&self, record: &TaskRecord, index_uid: Option<&IndexUid>) -> bool {
        fn one_of<T: Ord>(set: &Option<BTreeSet<T>>, value: Option<&T>) -> bool {
            set.as_ref().is_none_or(|set| value.is_some_and(|value| set.contains(value)))
        }
        one_of(&self.uids, Some(&record.uid))
            && one_of(&self.batch_uids, batch_of(record).as_ref())
            && one_of(&self.canceled_by, record.canceled_by.as_ref())
            && one_of(&self.kinds, Some(&record.kind))
            && one_of(&self.statuses, Some(&record.status))
            && one_of(&self.index_uids, found_under(record, index_uid))
            && self.enqueued.contains(Some(record.enqueued_at))
            && self.started.contains(record.started_at)
            && self.finished.contains(record.finished_at)
    }
}

impl Within {
    /// Whether there is an instant and it lies in the time, or nothing is asked for.
    pub fn contains(self, instant: Option<Timestamp>) -> bool {
        let asks = |bound: Option<Timestamp>, holds: fn(Timestamp, Timestamp) -> bool| {
            bound.is_none_or(|bound| instant.is_some_and(|instant| holds(instant, bound)))
        };
        asks(self.after, |instant, after| instant > after)
            && asks(self.before, |instant, before| instant < before)
    }
}

/// Sets each parameter, of one given twice the last, until one is wrong.
fn each<'p>(
    parameters: impl IntoIterator<Item = (&'p str, &'p str)>,
    set: impl FnMut(Parameter<'p>) -> Result<(), ResponseError>,
) -> Result<(), ResponseError> {
    let mut last: Vec<Parameter<'p>> = Vec::new();
    for (name, value) in parameters {
        match last.iter_mut().find(|known| known.name == name) {
            Some(known) => known.value = value,
            None => last.push(Parameter { name, value }),
        }
    }
    last.into_iter().try_for_each(set)
}

/// A parameter of a request. The errors of the functions given to its methods are the reasons, in Meilisearch's words.
#[derive(Clone, Copy)]
struct Parameter<'p> {
    name: &'p str,
    value: &'p str,
}

impl Parameter<'_> {
    fn one<T>(self, code: ErrorCode, read: impl Fn(&str) -> Result<T, String>) -> Result<T, ResponseError> {
        let at = ValuePointerRef::Origin;
        read(self.value).map_err(|reason| invalid(code, reason, at.push_key(self.name)))
    }

    /// A list with commas; `None` when `*` is in it.
    fn list<T: Ord>(
        self,
        code: ErrorCode,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<BTreeSet<T>>, ResponseError> {
        let origin = ValuePointerRef::Origin;
        let at = origin.push_key(self.name);
        let items: Vec<&str> = self.value.split(',').filter(|item| !item.is_empty()).collect();
        let mut set = BTreeSet::new();
        for (index, item) in items.iter().enumerate().filter(|(_, item)| **item != "*") {
            let at = if items.len() > 1 { at.push_index(index) } else { at };
            set.insert(read(item).map_err(|reason| invalid(code, reason, at))?);
        }
        Ok(if items.contains(&"*") { None } else { Some(set) })
    }

    fn date(
        self,
        code: ErrorCode,
        of_day: fn(OffsetDateTime) -> OffsetDateTime,
    ) -> Result<Option<Timestamp>, ResponseError> {
        if self.value == "*" {
            return Ok(None);
        }
        self.one(code, |text| instant(text, of_day)).map(Some)
    }
}

fn invalid(code: ErrorCode, msg: String, at: ValuePointerRef<'_>) -> ResponseError {
    ResponseError::new(code, word(ErrorKind::Unexpected { msg }, at))
}

fn word(error: ErrorKind<'_, Value>, at: ValuePointerRef<'_>) -> String {
    take_cf_content(QueryParamError::error(None, error, at)).to_string()
}

fn integer<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("could not parse `{text}` as a positive integer"))
}

fn uid(text: &str) -> Result<TaskUid, String> {
    integer(text).map(TaskUid)
}

fn flag(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("could not parse `{text}` as a boolean, expected either `true` or `false`"))
}

fn index_uid(text: &str) -> Result<IndexUid, String> {
    text.parse().map_err(|error: miroir_model::InvalidIndexUid| error.to_string())
}

/// The type of this name; `None` for one that Meilisearch has and no task of ours is of.
fn kind(text: &str, version: ApiVersion) -> Result<Option<TaskKind>, String> {
    let known = || TYPES.into_iter().filter(|(_, old)| *old || version > ApiVersion::V1_15);
    if known().any(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(TaskKind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)));
    }
    let names: Vec<_> = known().map(|(name, _)| format!("`{name}`")).collect();
    Err(format!("`{text}` is not a valid task type. Available types are {}.", names.join(", ")))
}

fn status(text: &str) -> Result<TaskStatus, String> {
    TaskStatus::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let names = TaskStatus::ALL.map(|status| format!("`{}`", status.as_str()));
        format!("`{text}` is not a valid task status. Available statuses are {}.", names.join(", "))
    })
}

/// After a day is after its end.
fn after(midnight: OffsetDateTime) -> OffsetDateTime {
    midnight.checked_add(Duration::DAY).unwrap_or(midnight)
}

fn before(midnight: OffsetDateTime) -> OffsetDateTime {
    midnight
}

fn instant(text: &str, of_day: fn(OffsetDateTime) -> OffsetDateTime) -> Result<Timestamp, String> {
    if let Ok(instant) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(Timestamp::from_datetime(instant));
    }
    let day =
        Date::parse(text, format_description!("[year repr:full base:calendar]-[month repr:numerical]-[day]"));
    match day {
        Ok(day) => Ok(Timestamp::from_datetime(of_day(day.with_time(Time::MIDNIGHT).assume_utc()))),
        Err(_) => Err(format!(
            "`{text}` is an invalid date-time. It should follow the YYYY-MM-DD or RFC 3339 date-time format."
        )),
    }
}
