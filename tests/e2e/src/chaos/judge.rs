//! What clients were answered, against the log, once it is known.

use std::collections::BTreeMap;

use super::checker::Violation;
use super::checker::log::Log;
use super::checker::reads::{Answer, Ask, Read, Sight, check, served_too_early, went_back};
use super::checker::refusals;
use super::op::{At, Uid};
use super::stage::{Notes, Stage};

/// Judges all refusals since the last time.
pub(crate) fn refusals(stage: &Stage) {
    let mut notes = stage.notes();
    let all = std::mem::take(&mut notes.refusals);
    let found: Vec<Violation> =
        all.iter().filter_map(|refusal| refusals::check(refusal, &notes.record)).collect();
    drop(notes);
    stage.report(found);
}

/// Judges all answers to readers since the last time. The log was read to its end, and nothing is under way.
pub(crate) fn reads(stage: &Stage, log: &Log) {
    let mut notes = stage.notes();
    let reads = std::mem::take(&mut notes.reads);
    let sent = sent(&notes, log);
    let last = |read: &Read| {
        let writes = sent.get(read.index.as_str()).into_iter().flatten();
        writes.filter(|(at, _)| *at < read.span.1).map(|(_, uid)| *uid).max()
    };
    let (mut found, mut sights) = (Vec::new(), Vec::new());
    let (mut ambiguous, mut stale, mut excused) = (0, 0, 0);
    for read in &reads {
        let checked = check(read, &log.model, last(read));
        match &read.answer {
            Answer::Stale => stale += 1,
            Answer::Error(text) => {
                // That there is no index needs the quorum as well.
                let asks = read.ask == Ask::Settings || checked.gone;
                if asks && notes.excuses.quorum(read.span) || notes.excuses.search(read.peer, read.span) {
                    excused += 1;
                } else {
                    found.push(unexcused(read, text));
                }
            }
            _ if checked.right.is_empty() => {}
            _ => {
                let (index, peer, span) = (read.index.clone(), read.peer, read.span);
                ambiguous += u64::from(checked.possible > 1);
                sights.push(Sight { index, peer, span, right: checked.right });
            }
        }
        found.extend(checked.violations);
        let of_name = sent.get(read.index.as_str()).into_iter().flatten().map(|(_, uid)| *uid);
        found.extend(served_too_early(read, &notes.tasks, |number| log.uid_of(number), of_name));
    }
    found.extend(went_back(sights));
    notes.counts.ambiguous += ambiguous;
    notes.counts.stale += stale;
    notes.counts.excused += excused;
    drop(notes);
    stage.report(found);
}

/// By name, when each write was sent that is in the log, and where it is there.
fn sent(notes: &Notes, log: &Log) -> BTreeMap<String, Vec<(At, Uid)>> {
    let mut sent: BTreeMap<String, Vec<(At, Uid)>> = BTreeMap::new();
    for write in notes.record.all() {
        if let Some(uid) = log.uid_of(write.number) {
            for name in write.names() {
                sent.entry(name.to_owned()).or_default().push((write.sent, uid));
            }
        }
    }
    sent
}

pub(crate) fn unexcused(read: &Read, text: &str) -> Violation {
    let (begun, ended) = read.span;
    let text = format!("{:?} of {} at peer {}, {begun} to {ended}: {text}", read.ask, read.index, read.peer);
    Violation::new("searches and reads fail only when no copy can be reached", text)
}
