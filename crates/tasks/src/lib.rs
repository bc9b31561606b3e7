//! Task life cycle, filters, paging and the folding of node results into task details.
//!
//! A task is one client write. This crate knows what a task *is* and how Meilisearch shows it; what it waits for and
//! when it is done is the replicated state's (`cluster`).

mod catalogue;
mod filter;
mod page;
mod task;
mod view;

pub use catalogue::TaskCatalogue;
pub use filter::{TaskFilter, TaskQuery, Within};
pub use page::{TaskPage, TaskSource, matching_tasks};
pub use task::{IndexSwap, TaskDetails, TaskKind, TaskRecord, TaskStatus};
pub use view::TaskView;
