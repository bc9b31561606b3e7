//! Settings as served: what was ordered before a change of them under the same name is done when they are seen.
//!
//! So who loads documents and then changes the settings never searches the one without the other. The bounds of a single
//! answer cannot show that: a change is accepted long before it is served.

use super::{Answer, Read, Violation};
use crate::chaos::checker::tasks::Tasks;
use crate::chaos::op::{Number, Uid};

/// Whether an answer shows settings that were served too early: a task before them was still unfinished when it had come.
/// `uid_of` says where a write is in the log; `tasks` are those of the name in it.
pub(crate) fn served_too_early(
    read: &Read,
    seen: &Tasks,
    uid_of: impl Fn(Number) -> Option<Uid>,
    tasks: impl IntoIterator<Item = Uid>,
) -> Option<Violation> {
    let Answer::Settings(Some(number)) = read.answer else { return None };
    let change = uid_of(number)?;
    let (_, ended) = read.span;
    let open = tasks.into_iter().find(|uid| *uid < change && seen.was_open(*uid, ended))?;
    let text = format!(
        "{} at peer {} showed those of task {change} at {ended}, and task {open} was not done then",
        read.index, read.peer
    );
    Some(Violation::new("settings are served when what was ordered before them is done", text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chaos::checker::reads::Ask;
    use crate::chaos::checker::tasks::Look;

    #[test]
    fn settings_before_an_earlier_task_is_done_are_found() {
        let task = json!({"status": "processing"});
        let mut seen = Tasks::default();
        seen.look(&Look { uid: 3, peer: 0, span: (20, 25), found: Some(&task) });
        let at = |ended, answer| Read {
            index: "a".to_owned(),
            ask: Ask::Settings,
            peer: 1,
            span: (0, ended),
            done: Default::default(),
            answer,
        };
        let check = |read: Read| served_too_early(&read, &seen, |number| Some(number + 1), [3, 5]);
        assert!(check(at(10, Answer::Settings(Some(4)))).is_some());
        assert_eq!(check(at(20, Answer::Settings(Some(4)))), None, "it may have ended before the look came");
        assert_eq!(check(at(10, Answer::Settings(Some(2)))), None, "the task is behind them");
        assert_eq!(check(at(10, Answer::Settings(None))), None);
    }
}
