//! JSON shapes that several routes share.

use std::borrow::Cow;

use miroir_model::{IndexUid, TaskUid, Timestamp};
use serde::{Deserialize, Serialize};

/// The body of a 202: a task was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarizedTask {
    /// The task's number.
    pub task_uid: TaskUid,
    /// The index it works on; `null` for tasks of no one index.
    pub index_uid: Option<IndexUid>,
    /// `enqueued`; another status when a request is answered again (`Idempotency-Key`).
    pub status: Cow<'static, str>,
    /// What the task does, as `documentAdditionOrUpdate`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// When the log accepted it.
    #[serde(with = "crate::rfc3339")]
    pub enqueued_at: Timestamp,
    /// What the client asked to be kept with the task; absent when it asked for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_metadata: Option<String>,
}

/// An index, as the routes of indexes show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexView {
    /// Its name.
    pub uid: IndexUid,
    /// When it was created.
    #[serde(with = "crate::rfc3339")]
    pub created_at: Timestamp,
    /// When a task last changed it.
    #[serde(with = "crate::rfc3339")]
    pub updated_at: Timestamp,
    /// Its primary key, once it has one.
    pub primary_key: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items of the page.
    pub results: Vec<T>,
    /// How many items stand before the page.
    pub offset: usize,
    /// How many items the page may have.
    pub limit: usize,
    /// How many items there are.
    pub total: usize,
}

impl<T> Page<T> {
    /// The page that starts after `offset` items of the whole list and has `limit` items at most.
    pub fn of(all: impl ExactSizeIterator<Item = T>, offset: usize, limit: usize) -> Self {
        let total = all.len();
        Self { results: all.skip(offset).take(limit).collect(), offset, limit, total }
    }
}

/// The answer to `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The commit that the program was built from.
    pub commit_sha: String,
    /// Its date.
    pub commit_date: String,
    /// The version of Meilisearch whose API this is.
    pub pkg_version: String,
}

/// The answer to `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthView {
    /// `available`.
    pub status: Cow<'static, str>,
}

impl HealthView {
    /// The answer of a healthy server.
    pub const AVAILABLE: Self = Self { status: Cow::Borrowed("available") };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_meilisearchs() {
        let body = r#"{"taskUid":7,"indexUid":"movies","status":"enqueued","type":"documentAdditionOrUpdate","enqueuedAt":"2024-08-08T14:12:09.393Z"}"#;
        let summary: SummarizedTask = serde_json::from_str(body).unwrap();
        assert_eq!(summary.enqueued_at, Timestamp(1_723_126_329_393_000_000));
        assert_eq!(serde_json::to_string(&summary).unwrap(), body);
    }

    #[test]
    fn views_are_meilisearchs() {
        let body = r#"{"results":[{"uid":"a","createdAt":"2024-01-01T00:00:00Z","updatedAt":"2024-01-01T00:00:00Z","primaryKey":null}],"offset":0,"limit":20,"total":1}"#;
        let page: Page<IndexView> = serde_json::from_str(body).unwrap();
        assert_eq!(serde_json::to_string(&page).unwrap(), body);
        assert_eq!(serde_json::to_string(&HealthView::AVAILABLE).unwrap(), r#"{"status":"available"}"#);
    }

    #[test]
    fn a_page_beyond_the_end_is_empty_and_knows_the_total() {
        let page = Page::of([1, 2, 3].iter(), 5, 2);
        assert!(page.results.is_empty());
        assert_eq!((page.offset, page.limit, page.total), (5, 2, 3));
        assert_eq!(Page::of([1, 2, 3].into_iter(), 1, 1).results, [2]);
    }
}
