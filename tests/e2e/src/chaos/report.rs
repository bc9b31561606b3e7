//! What a run did, in numbers.

use std::collections::BTreeMap;
use std::fmt;

use miroir_testkit::processes::Member;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::names::Names;

/// A kill and when it was, in nanoseconds since 1970: the log's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) member: Member,
    pub(crate) nanos: i128,
}

/// What was done and seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) unknown: u64,
    /// By code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Writes that were sent again with their key after they were accepted.
    pub(crate) replays: u64,
    pub(crate) reads: u64,
    /// Answers that said that they may be stale.
    pub(crate) stale: u64,
    /// Errors that were excused.
    pub(crate) excused: u64,
    /// Answers given when a name may have stood for one thing or another.
    pub(crate) ambiguous: u64,
    pub(crate) looks: u64,
    pub(crate) quiet: u64,
    pub(crate) kills: Vec<Kill>,
    pub(crate) stops: u64,
    pub(crate) cuts: u64,
    /// Requests delivered after their sender had lost the lane.
    pub(crate) late: u64,
    /// Nodes that died over an edit, or the trial of one, that they had done.
    pub(crate) half_done: u64,
    /// Times that tasks were done without a node that a peer which knew nothing of that could ask.
    pub(crate) blind: u64,
    pub(crate) in_dispatch: u64,
    pub(crate) in_settings: u64,
    pub(crate) in_election: u64,
    pub(crate) in_snapshot: u64,
    pub(crate) names: Names,
    /// Edits by function that succeeded.
    pub(crate) edits: u64,
}

impl Counts {
    /// Finds out, from the tasks, what was exchanged and canceled, and in what the kills landed.
    pub(crate) fn judge(&mut self, tasks: &[Value]) {
        let spans: Vec<_> = tasks.iter().filter_map(span).collect();
        let during = |kill: &&Kill, wanted: fn(&str) -> bool| {
            spans.iter().any(|(kind, from, to)| wanted(kind) && *from < kill.nanos && kill.nanos < *to)
        };
        let count =
            |wanted: fn(&str) -> bool| self.kills.iter().filter(|kill| during(kill, wanted)).count() as u64;
        let documents = count(|kind| kind.starts_with("document"));
        let settings = count(|kind| kind == "settingsUpdate");
        (self.in_dispatch, self.in_settings) = (documents, settings);
        self.names = Names::of(tasks);
        let edited = |task: &&Value| task["type"] == "documentEdition" && task["status"] == "succeeded";
        self.edits = tasks.iter().filter(edited).count() as u64;
    }

    /// What was not reached of what a run has to reach.
    pub(crate) fn lacking(&self, quiet: u64) -> Vec<String> {
        let least = [
            ("quiet intervals", self.quiet, quiet),
            ("kills during a dispatch", self.in_dispatch, 3),
            ("kills during a settings change", self.in_settings, 1),
            ("kills during an election", self.in_election, 1),
            ("kills during a snapshot", self.in_snapshot, 1),
            ("late requests", self.late, 1),
            ("nodes that died over an edit", self.half_done, 1),
            ("tasks done without a node that a blind peer may ask", self.blind, 1),
            ("edits by function", self.edits, 10),
            ("exchanges of names", self.names.swapped, 1),
            ("answers around an exchange of names", self.ambiguous, 1),
            ("canceled tasks", self.names.canceled, 1),
            ("tasks that a cancelation named and that ran", self.names.ran, 1),
        ];
        let short = least.into_iter().filter(|(_, count, least)| count < least);
        short.map(|(what, count, least)| format!("{what}: {count}, at least {least}")).collect()
    }
}

/// A task's type, start and end.
fn span(task: &Value) -> Option<(String, i128, i128)> {
    let nanos = |name: &str| {
        OffsetDateTime::parse(task[name].as_str()?, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp_nanos)
    };
    Some((task["type"].as_str()?.to_owned(), nanos("startedAt")?, nanos("finishedAt")?))
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.refused.values().sum();
        write!(
            f,
            "{} writes accepted, {refused} refused {:?}, {} unknown, {} replayed; {}; {} edits by function; {} reads, {} of them around an \
             exchange of names, {} excused, {} stale; {} looks at tasks; {} quiet intervals; {} kills ({} in a dispatch, {} in a settings change, {} in an election, {} in a \
             snapshot), {} stops, {} links cut, {} late requests, {} deaths over an edit, {} blind peers",
            self.accepted,
            self.refused,
            self.unknown,
            self.replays,
            self.names,
            self.edits,
            self.reads,
            self.ambiguous,
            self.excused,
            self.stale,
            self.looks,
            self.quiet,
            self.kills.len(),
            self.in_dispatch,
            self.in_settings,
            self.in_election,
            self.in_snapshot,
            self.stops,
            self.cuts,
            self.late,
            self.half_done,
            self.blind,
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kill_counts_where_it_landed() {
        let task = |kind: &str, from: u32, to: u32| {
            let at = |second| format!("2026-01-01T00:00:{second:02}.5Z");
            json!({"type": kind, "startedAt": at(from), "finishedAt": at(to)})
        };
        let tasks =
            [task("documentDeletion", 1, 5), task("settingsUpdate", 3, 9), json!({"type": "settingsUpdate"})];
        let begin =
            OffsetDateTime::parse("2026-01-01T00:00:00Z", &Rfc3339).expect("a time").unix_timestamp_nanos();
        let kill = |second: i128| Kill { member: Member::Node(0), nanos: begin + second * 1_000_000_000 };
        let mut counts = Counts { kills: vec![kill(1), kill(2), kill(4), kill(8)], ..Counts::default() };
        counts.judge(&tasks);
        assert_eq!((counts.in_dispatch, counts.in_settings), (2, 2));
    }
}
