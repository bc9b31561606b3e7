//! What is said of an attribute: comparisons, lists, ranges and words.

use super::ast::{Comparison, Condition, Filter, Token};
use super::cursor::Cursor;
use super::problem::{Kind, Parsed, Stop};
use super::value::{needed, value};
use super::vectors::vectors;

/// What was said, or nothing of the kind.
type Said<'a> = Result<Option<(Cursor<'a>, Filter<'a>)>, Stop<'a>>;

/// An attribute of which something is to be said.
struct Subject<'a> {
    /// Where it begins.
    start: Cursor<'a>,
    attribute: Token<'a>,
    /// Where it ends, blanks included.
    after: Cursor<'a>,
}

/// All that can be said, in the order in which it is tried: where two could stand, the first does.
const OPERATIONS: [for<'a> fn(&Subject<'a>) -> Said<'a>; 8] =
    [among, compare, is, vectors_exist, exists, between, contains, starts_with];

/// An attribute and what is said of it; `None` when nothing is.
pub(super) fn condition<'a>(at: Cursor<'a>) -> Said<'a> {
    let (after, attribute) = match value(at) {
        Ok(read) => read,
        Err(Stop::Soft(problem)) if !matches!(problem.kind, Kind::Value { keyword: true }) => {
            return Ok(None);
        }
        Err(stop) => return Err(stop.harden()),
    };
    let subject = Subject { start: at, attribute, after };
    for operation in OPERATIONS {
        if let Some(found) = operation(&subject)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl<'a> Subject<'a> {
    fn said(&self, at: Cursor<'a>, negated: bool, is: Condition<'a>) -> Said<'a> {
        Ok(Some((at, negate(negated, Filter::Condition { attribute: self.attribute.clone(), is }))))
    }

    /// Past an operator, and whether `NOT` stands before it.
    fn operator(&self, operator: &str) -> Option<(Cursor<'a>, bool)> {
        let negated = self.after.tag("NOT").and_then(Cursor::some_blanks).and_then(|at| at.tag(operator));
        let plain = self.after.tag(operator).map(|at| (at, false));
        plain.or_else(|| negated.map(|at| (at, true)))
    }
}

fn negate(negated: bool, filter: Filter<'_>) -> Filter<'_> {
    if negated { Filter::Not(Box::new(filter)) } else { filter }
}

fn compare<'a>(subject: &Subject<'a>) -> Said<'a> {
    let found = Comparison::ALL.into_iter().find_map(|how| Some((how, subject.after.tag(how.as_str())?)));
    let Some((how, at)) = found else { return Ok(None) };
    let (at, value) = needed(at)?;
    subject.said(at, false, Condition::Compare(how, value))
}

/// `IS NULL`, `IS NOT EMPTY`.
fn is<'a>(subject: &Subject<'a>) -> Said<'a> {
    let Some(at) = subject.after.tag("IS").and_then(Cursor::some_blanks) else { return Ok(None) };
    let not = at.tag("NOT").and_then(Cursor::some_blanks);
    let (at, negated) = not.map_or((at, false), |at| (at, true));
    match (at.tag("NULL"), at.tag("EMPTY")) {
        (Some(at), _) => subject.said(at, negated, Condition::Null),
        (_, Some(at)) => subject.said(at, negated, Condition::Empty),
        _ => Ok(None),
    }
}

fn vectors_exist<'a>(subject: &Subject<'a>) -> Said<'a> {
    vectors(subject.start).transpose()
}

fn exists<'a>(subject: &Subject<'a>) -> Said<'a> {
    match subject.operator("EXISTS") {
        Some((at, negated)) => subject.said(at, negated, Condition::Exists),
        None => Ok(None),
    }
}

/// `from TO to`.
fn between<'a>(subject: &Subject<'a>) -> Said<'a> {
    let (at, from) = match value(subject.after) {
        Ok(read) => read,
        Err(Stop::Soft(_)) => return Ok(None),
        Err(stop) => return Err(stop),
    };
    let Some(at) = at.tag("TO").and_then(Cursor::some_blanks) else { return Ok(None) };
    let (at, to) = needed(at)?;
    subject.said(at, false, Condition::Between { from, to })
}

fn contains<'a>(subject: &Subject<'a>) -> Said<'a> {
    let Some((at, negated)) = subject.operator("CONTAINS") else { return Ok(None) };
    let keyword = at.behind("CONTAINS".len()).into();
    let (at, word) = needed(at)?;
    subject.said(at, negated, Condition::Contains { keyword, word })
}

fn starts_with<'a>(subject: &Subject<'a>) -> Said<'a> {
    let Some((at, negated)) = subject.operator("STARTS WITH") else { return Ok(None) };
    let (at, word) = needed(at)?;
    subject.said(at, negated, Condition::StartsWith(word))
}

/// `IN [values]`, `NOT IN [values]`. What follows the word must be right.
fn among<'a>(subject: &Subject<'a>) -> Said<'a> {
    let not = subject.after.word("NOT").and_then(|at| at.word_between_blanks("IN"));
    let (at, negated) = match (subject.after.word_between_blanks("IN"), not) {
        (Some(at), _) => (at, false),
        (None, Some(at)) => (at, true),
        _ => return Ok(None),
    };
    let inside = at.tag("[").ok_or_else(|| Stop::hard(Kind::OpeningBracket, at.to_end()))?;
    let (end, values) = listed(inside)?;
    let Some(after) = end.blanks().tag("]") else {
        let kind = if end.rest().is_empty() { Kind::ClosingBracket } else { Kind::ListedValue };
        return Err(Stop::hard(kind, end.to_end()));
    };
    let filter = Filter::In { attribute: subject.attribute.clone(), values };
    Ok(Some((after.blanks(), negate(negated, filter))))
}

/// Values with commas between; one more comma may follow the last.
fn listed<'a>(at: Cursor<'a>) -> Parsed<'a, Vec<Token<'a>>> {
    let mut values = Vec::new();
    let (mut end, mut next) = (at, Some(at));
    while let Some(at) = next {
        match value(at) {
            Ok((after, value)) => {
                values.push(value);
                end = after;
                next = end.blanks().tag(",").map(Cursor::blanks);
            }
            Err(Stop::Soft(_)) => {
                // No value after a comma, or none at all.
                return Ok((if values.is_empty() { end } else { at }, values));
            }
            Err(stop) => return Err(stop),
        }
    }
    Ok((end, values))
}
