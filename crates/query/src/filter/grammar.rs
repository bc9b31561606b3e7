//! `OR`, `AND`, `NOT`, parentheses, and what stands between them.

use super::ast::Filter;
use super::condition::condition;
use super::cursor::Cursor;
use super::geo::geo;
use super::problem::{Kind, Parsed, Problem, Stop};
use super::value::value;

/// How deep the rules of the grammar may call each other. A pair of parentheses takes four, a `NOT` one.
const MAX_DEPTH: usize = 150;

/// A text that is a filter and nothing else.
pub(super) fn whole(text: &str) -> Result<Filter<'_>, Problem<'_>> {
    let (at, filter) = or(Cursor::new(text), 0).map_err(Stop::problem)?;
    match at.rest() {
        "" => Ok(filter),
        _ => Err(Stop::hard(Kind::End, at.to_end()).problem()),
    }
}

/// Filters with `OR` between them.
fn or<'a>(at: Cursor<'a>, depth: usize) -> Parsed<'a, Filter<'a>> {
    limit(at, depth)?;
    joined(at, "OR", Filter::Or, |at| and(at, depth + 1))
}

/// Filters with `AND` between them.
fn and<'a>(at: Cursor<'a>, depth: usize) -> Parsed<'a, Filter<'a>> {
    limit(at, depth)?;
    joined(at, "AND", Filter::And, |at| not(at, depth + 1))
}

/// Filters with a word between them; behind the word one must stand.
fn joined<'a>(
    at: Cursor<'a>,
    word: &str,
    join: impl Fn(Vec<Filter<'a>>) -> Filter<'a>,
    next: impl Fn(Cursor<'a>) -> Parsed<'a, Filter<'a>>,
) -> Parsed<'a, Filter<'a>> {
    let (mut at, first) = next(at)?;
    let Some(mut again) = at.word_between_blanks(word) else { return Ok((at, first)) };
    let mut filters = vec![first];
    loop {
        let (after, filter) = next(again).map_err(Stop::harden)?;
        filters.push(filter);
        at = after;
        match at.word_between_blanks(word) {
            Some(more) => again = more,
            None => return Ok((at, join(filters))),
        }
    }
}

/// A filter with any number of `NOT` before it; two cancel out.
fn not<'a>(at: Cursor<'a>, depth: usize) -> Parsed<'a, Filter<'a>> {
    limit(at, depth)?;
    let Some(after) = at.word_between_blanks("NOT") else { return primary(at, depth + 1) };
    let (at, filter) = not(after, depth + 1).map_err(Stop::harden)?;
    let negated = match filter {
        Filter::Not(filter) => *filter,
        filter => Filter::Not(Box::new(filter)),
    };
    Ok((at, negated))
}

/// Parentheses, a place, or what is said of an attribute.
fn primary<'a>(at: Cursor<'a>, depth: usize) -> Parsed<'a, Filter<'a>> {
    limit(at, depth)?;
    if let Some(inside) = at.blanks().tag("(") {
        let (end, filter) = or(inside.blanks(), depth + 1).map_err(Stop::harden)?;
        let after = end.blanks().tag(")");
        let after = after.ok_or_else(|| Stop::hard(Kind::Unclosed(')'), at.to_end()))?;
        return Ok((after.blanks(), filter));
    }
    if let Some(place) = geo(at) {
        return place;
    }
    if let Some(found) = condition(at)? {
        return Ok(found);
    }
    if let Some(other) = foreign(at, depth) {
        return other;
    }
    Err(Stop::soft(Kind::Operation, at.to_end()))
}

/// `_foreign(attribute, filter)`, where the word stands; what follows it must then be right.
fn foreign<'a>(at: Cursor<'a>, depth: usize) -> Option<Parsed<'a, Filter<'a>>> {
    let after = at.blanks().word("_foreign")?.showing_from(at);
    let wrong = |stop: Stop<'a>| {
        let problem = stop.problem();
        match problem.kind {
            Kind::Incomplete => Stop::Hard(problem),
            _ => Stop::hard(Kind::Foreign, problem.place()),
        }
    };
    Some(foreign_body(after, depth).map_err(wrong))
}

fn foreign_body<'a>(at: Cursor<'a>, depth: usize) -> Parsed<'a, Filter<'a>> {
    let tag = |at: Cursor<'a>, tag| at.tag(tag).ok_or_else(|| Stop::hard(Kind::Foreign, at.to_end()));
    let (at, attribute) = value(tag(at, "(")?.blanks())?;
    let (at, filter) = or(tag(at.blanks(), ",")?.blanks(), depth)?;
    let at = tag(at.blanks(), ")")?;
    Ok((at, Filter::Foreign { attribute, filter: Box::new(filter) }))
}

fn limit(at: Cursor<'_>, depth: usize) -> Result<(), Stop<'_>> {
    if depth > MAX_DEPTH { Err(Stop::soft(Kind::Depth, at.to_end())) } else { Ok(()) }
}
