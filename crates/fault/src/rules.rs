//! What the environment says.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

const ENOSPC: i32 = rustix::io::Errno::NOSPC.raw_os_error();
const EIO: i32 = rustix::io::Errno::IO.raw_os_error();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Kill,
    Torn,
    Fail(i32),
    Measure(u64),
}

#[derive(Debug, PartialEq, Eq)]
struct Rule<'a> {
    place: &'a str,
    action: Action,
    /// From which time on, and whether only then.
    from: u64,
    once: bool,
}

enum Source {
    Nothing,
    Text(String),
    File(PathBuf),
}

/// What is to happen at a place now.
pub(crate) fn at(place: &'static str) -> Option<Action> {
    static SOURCE: OnceLock<Source> = OnceLock::new();
    let source = SOURCE.get_or_init(|| {
        match (std::env::var("MIROIR_FAULTS"), std::env::var_os("MIROIR_FAULTS_FILE")) {
            (Ok(text), _) => Source::Text(text),
            (Err(_), Some(path)) => Source::File(path.into()),
            (Err(_), None) => Source::Nothing,
        }
    });
    match source {
        Source::Nothing => None,
        Source::Text(text) => decide(text, place),
        Source::File(path) => decide(&std::fs::read_to_string(path).ok()?, place),
    }
}

fn decide(text: &str, place: &str) -> Option<Action> {
    static TIMES: Mutex<Option<HashMap<String, u64>>> = Mutex::new(None);
    let mut times = TIMES.lock().unwrap_or_else(PoisonError::into_inner);
    let times = times.get_or_insert_default();
    let mut decided = None;
    for text in text.split([';', '\n']).map(str::trim).filter(|text| !text.is_empty()) {
        let Some(rule) = parse(text) else { refuse(text, "this is no rule") };
        if rule.place == place {
            let time = times.entry(text.to_owned()).or_default();
            *time += 1;
            if decided.is_none() && (*time == rule.from || *time > rule.from && !rule.once) {
                decided = Some(rule.action);
            }
        }
    }
    decided
}

fn parse(text: &str) -> Option<Rule<'_>> {
    let (place, what) = text.split_once('=')?;
    let (what, when) = what.split_once('@').unwrap_or((what, "1+"));
    let action = match what {
        "kill" => Action::Kill,
        "torn" => Action::Torn,
        "enospc" => Action::Fail(ENOSPC),
        "eio" => Action::Fail(EIO),
        number => Action::Measure(number.parse().ok()?),
    };
    let from = when.strip_suffix('+').unwrap_or(when);
    Some(Rule { place, action, from: from.parse().ok()?, once: from == when })
}

/// Dies as by `kill -9`: nothing is flushed, dropped or said.
pub(crate) fn kill() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

/// Ends a process whose rules make no sense.
pub(crate) fn refuse(what: &str, why: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "fault rules: `{what}`: {why}");
    std::process::exit(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let rule = |place, action, from, once| Some(Rule { place, action, from, once });
        assert_eq!(parse("log.append=kill@3"), rule("log.append", Action::Kill, 3, true));
        assert_eq!(parse("a=enospc@2+"), rule("a", Action::Fail(28), 2, false));
        assert_eq!(parse("a=eio"), rule("a", Action::Fail(5), 1, false));
        assert_eq!(parse("disk.free=4096"), rule("disk.free", Action::Measure(4096), 1, false));
        for wrong in ["a", "a=", "a=die", "a=kill@", "a=kill@x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_rule_counts_how_often_its_place_is_passed() {
        let rules = "counts.here=eio@2; counts.here=torn@4+\ncounts.there=7";
        let passed: Vec<_> = (0..5).map(|_| decide(rules, "counts.here")).collect();
        let (eio, torn) = (Some(Action::Fail(EIO)), Some(Action::Torn));
        assert_eq!(passed, [None, eio, None, torn, torn]);
        assert_eq!(decide(rules, "counts.there"), Some(Action::Measure(7)));
        assert_eq!(decide(rules, "counts.elsewhere"), None);
    }
}
