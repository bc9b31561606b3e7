//! When a write may be refused though there is a quorum: because it could not be validated in time.
//!
//! A write is validated against what its name stands for and the settings of that, and once more when these have changed
//! before it is accepted; after three times it is refused. The first may have been older: a peer that is behind does not
//! know yet what others were told. So two changes must have been on their way meanwhile.

use super::Violation;
use crate::chaos::op::{At, Op};
use crate::chaos::record::{Record, Write};

/// So often a peer validates a write.
const TIMES: usize = 3;

/// The code of such a refusal.
pub(crate) const CODE: &str = "miroir_backpressure";

/// A write that was refused when there was a quorum, from when it was sent to its answer.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) write: Write,
    pub(crate) span: (At, At),
    /// For this reason.
    pub(crate) contended: bool,
    /// What it was told, where.
    pub(crate) text: String,
}

/// Checks a refusal. Every write of its time has been answered.
pub(crate) fn check(refusal: &Refusal, record: &Record) -> Option<Violation> {
    let (begun, ended) = refusal.span;
    let names = refusal.write.names();
    let changes = |write: &&Write| match &write.op {
        Op::Cancel(_) => true,
        Op::DeleteIds(_) | Op::DeleteFilter(_) | Op::DeleteAll | Op::Edit(_) => false,
        // The first documents create the index, or bring its key.
        _ => write.names().iter().any(|name| names.contains(name)),
    };
    let meanwhile = |write: &&Write| {
        write.number != refusal.write.number
            && write.sent < ended
            && write.answered.is_none_or(|answered| begun < answered)
    };
    let count = record.all().filter(meanwhile).filter(changes).count();
    (!refusal.contended || count < TIMES - 1).then(|| {
        let text = format!("{count} changes meanwhile: {}", refusal.text);
        Violation::new("a write is refused only when there may be no quorum, or too many changes", text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::op::Named;
    use crate::chaos::record::Fate;

    #[test]
    fn a_write_is_refused_when_enough_has_changed() {
        let mut record = Record::default();
        let mut add = |index: &str, op: Op, (sent, answered): (At, At)| {
            let write = record.begin(index, sent, |_| op);
            record.end(write.number, Fate::Accepted(write.number), answered);
        };
        add("", Op::Swap(vec![["a", "b"]]), (1, 11));
        add("b", Op::Settings, (12, 13));
        add("a", Op::DeleteAll, (12, 13));
        add("a", Op::Settings, (13, 14));
        add("", Op::Cancel(Named::Enqueued("c")), (18, 30));
        add("a", Op::Settings, (20, 30));
        let write = record.begin("a", 10, |_| Op::Replace(vec![(1, 1)]));
        let refused =
            |span, contended| Refusal { write: write.clone(), span, contended, text: String::new() };
        let is_wrong = |span| check(&refused(span, true), &record).is_some();
        assert!(check(&refused((10, 20), false), &record).is_some(), "for another reason");
        assert!(!is_wrong((10, 20)) && !is_wrong((11, 20)) && !is_wrong((10, 18)));
        assert!(is_wrong((11, 18)), "one change can overtake it once");
    }
}
