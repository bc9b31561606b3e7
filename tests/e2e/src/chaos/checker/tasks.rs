//! What tasks were seen to be, by all clients at all peers.
//!
//! Reads of tasks are linearizable: what one peer has shown every peer shows from then on. So a look that began after
//! another had ended sees the same status or a later one, and a task that has ended never changes but for the name that
//! its index has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Violation;
use crate::chaos::op::{At, Uid};

/// One look at a task.
#[derive(Debug, Clone)]
pub(crate) struct Look<'a> {
    pub(crate) uid: Uid,
    /// The peer that was asked.
    pub(crate) peer: usize,
    /// When it was asked and when it had answered.
    pub(crate) span: (At, At),
    /// The task, or none.
    pub(crate) found: Option<&'a Value>,
}

/// The steps of a task's life.
const STEPS: [&str; 3] = ["enqueued", "processing", "ended"];

#[derive(Debug, Clone, Default)]
struct Seen {
    /// When each step, or a later one, was first known.
    known: [Option<At>; 3],
    ended: Option<Value>,
    /// When the last look was asked for that saw it unfinished.
    open: Option<At>,
}

/// What is known of all tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks(BTreeMap<Uid, Seen>);

impl Tasks {
    /// A client was told that its write is a task.
    pub(crate) fn acknowledged(&mut self, uid: Uid, at: At) {
        self.0.entry(uid).or_default().reached(0, at);
    }

    /// Whether it was unfinished after this: a look that was asked for later saw that.
    pub(crate) fn was_open(&self, uid: Uid, after: At) -> bool {
        self.0.get(&uid).is_some_and(|seen| seen.open.is_some_and(|at| at > after))
    }

    /// The task as it has ended, if it was seen to.
    pub(crate) fn ended(&self, uid: Uid) -> Option<&Value> {
        self.0.get(&uid)?.ended.as_ref()
    }

    /// Notes a look, and says what is wrong with it.
    pub(crate) fn look(&mut self, look: &Look<'_>) -> Option<Violation> {
        let seen = self.0.entry(look.uid).or_default();
        let (begun, ended) = look.span;
        let before = (0..3).rev().find(|step| seen.known[*step].is_some_and(|at| at < begun));
        let place = || format!("task {} at peer {}, asked at {begun}", look.uid, look.peer);
        let Some(found) = look.found else {
            let step = before?;
            let text = format!("{}: it is not there, and had been seen as {}", place(), STEPS[step]);
            return Some(Violation::new("a task never goes backwards", text));
        };
        let status = found["status"].as_str().unwrap_or_default();
        let now = match status {
            "enqueued" => 0,
            "processing" => 1,
            _ => 2,
        };
        seen.reached(now, ended);
        if let Some(step) = before.filter(|step| *step > now) {
            let text = format!("{}: it is {status}, and had been seen as {}", place(), STEPS[step]);
            return Some(Violation::new("a task never goes backwards", text));
        }
        if now < 2 {
            seen.open = seen.open.max(Some(begun));
            return None;
        }
        match &seen.ended {
            None => {
                seen.ended = Some(found.clone());
                None
            }
            Some(first) if nameless(first) == nameless(found) => None,
            Some(first) => {
                let text = format!("{}: it was {first} and is {found}", place());
                Some(Violation::new("a task that has ended never changes", text))
            }
        }
    }
}

/// A task without the name of its index.
pub(crate) fn nameless(task: &Value) -> Value {
    let mut task = task.clone();
    task["indexUid"] = Value::Null;
    task
}

impl Seen {
    fn reached(&mut self, step: usize, at: At) {
        for known in &mut self.known[..=step] {
            *known = Some(known.map_or(at, |first| first.min(at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn look<'a>(span: (At, At), found: Option<&'a Value>) -> Look<'a> {
        Look { uid: 7, peer: 1, span, found }
    }

    #[test]
    fn a_status_that_goes_back_is_found() {
        let [enqueued, processing] = ["enqueued", "processing"].map(|status| json!({"status": status}));
        let mut tasks = Tasks::default();
        assert_eq!(tasks.look(&look((0, 10), Some(&processing))), None);
        // It was asked before the other had answered: either may have come first.
        assert_eq!(tasks.look(&look((5, 20), Some(&enqueued))), None);
        let back = tasks.look(&look((11, 20), Some(&enqueued))).expect("a violation");
        assert_eq!(back.rule, "a task never goes backwards");
    }

    #[test]
    fn it_is_open_as_long_as_looks_say_so() {
        let [enqueued, ended] = ["enqueued", "succeeded"].map(|status| json!({"status": status}));
        let mut tasks = Tasks::default();
        assert_eq!(tasks.look(&look((5, 9), Some(&enqueued))), None);
        assert_eq!(tasks.look(&look((10, 12), Some(&ended))), None);
        assert!(tasks.was_open(7, 4) && !tasks.was_open(7, 5) && !tasks.was_open(8, 0));
    }

    #[test]
    fn a_task_that_vanishes_is_found() {
        let mut tasks = Tasks::default();
        assert_eq!(tasks.look(&look((0, 1), None)), None);
        tasks.acknowledged(7, 10);
        assert_eq!(tasks.look(&look((5, 20), None)), None);
        assert!(tasks.look(&look((11, 20), None)).is_some());
    }

    #[test]
    fn a_task_that_changes_after_its_end_is_found() {
        let named = |n: u64, name: &str| json!({"indexUid": name, "status": "succeeded", "details": {"deletedDocuments": n}});
        let ended = |n: u64| named(n, "a");
        let mut tasks = Tasks::default();
        assert_eq!(tasks.look(&look((0, 1), Some(&ended(1)))), None);
        assert_eq!(tasks.look(&look((2, 3), Some(&named(1, "b")))), None);
        assert_eq!(tasks.ended(7), Some(&ended(1)));
        let changed = tasks.look(&look((2, 3), Some(&ended(2)))).expect("a violation");
        assert_eq!(changed.rule, "a task that has ended never changes");
    }
}
