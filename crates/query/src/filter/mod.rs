//! The filter language of Meilisearch 1.50: from a filter as it is sent to a tree, or to Meilisearch's error.
//!
//! ```text
//! filter    = or
//! or        = and ("OR" and)*
//! and       = not ("AND" not)*
//! not       = "NOT" not | primary
//! primary   = "(" or ")" | geo | condition | vectors | foreign
//! condition = value ("=" | "!=" | ">" | ">=" | "<" | "<=" | "CONTAINS" | "STARTS WITH") value
//!           | value ("IN" "[" values "]" | value "TO" value | "EXISTS" | "IS" ("NULL" | "EMPTY"))
//! value     = word | "'" text "'" | '"' text '"'
//! ```
//!
//! with `NOT` inside most operators (`NOT IN`, `IS NOT NULL`). What is accepted, what is refused and in which words is
//! that of the crate `filter-parser` and of `parse_filter` in the crate `index-scheduler`, odd corners included: a
//! blank after `EXISTS` at the end of a filter is an error, one after a value is none.
//!
//! An alternative is left in one of two ways, and error texts depend on which ([`Stop`](problem::Stop)). Nesting is
//! limited before anything recurses, and every place of the text is read a bounded number of times, so no text costs
//! more than time in proportion to its length. Whether an attribute can be filtered by is not asked here, but where a
//! filter names the reserved member ([`Filter::check_filterable`]).

mod ast;
mod attributes;
mod condition;
mod cursor;
mod display;
mod experimental;
mod geo;
mod grammar;
mod problem;
mod unescape;
mod value;
mod vectors;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use ast::{Comparison, Condition, Filter, Token, VectorPart};
pub use attributes::NotFilterable;
pub use cursor::Span;
pub use experimental::{Experimental, Feature};

/// Why something is no filter. The text is Meilisearch's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// It has the wrong type.
    #[error("Invalid syntax for the filter parameter: `expected {expected}, found: {found}`.")]
    Type {
        /// The types that can stand here.
        expected: &'static str,
        /// What stands here.
        found: Value,
    },
    /// Its text is wrong. The last line is a place, as `columns text`.
    #[error("{0}")]
    Syntax(String),
}

/// Parses a filter as it is sent: a text, or an array in which all must hold, of texts and of arrays in which one must.
/// `None` when it says nothing.
///
/// # Errors
/// Meilisearch's, of the first thing that is wrong: types before texts.
pub fn parse(filter: &Value) -> Result<Option<Filter<'_>>, FilterError> {
    let wrong = |expected, found: &Value| FilterError::Type { expected, found: found.clone() };
    let items = match filter {
        Value::String(text) => return parse_text(text),
        Value::Array(items) => items,
        other => return Err(wrong("String, Array", other)),
    };
    for item in items {
        match item {
            Value::String(_) => {}
            Value::Array(choices) => {
                if let Some(choice) = choices.iter().find(|choice| !choice.is_string()) {
                    return Err(wrong("String", choice));
                }
            }
            other => return Err(wrong("String, [String]", other)),
        }
    }
    let all: Vec<_> = items.iter().map(parse_item).filter_map(Result::transpose).collect::<Result<_, _>>()?;
    Ok(joined(all, Filter::And))
}

/// One that must hold, its types checked.
fn parse_item(item: &Value) -> Result<Option<Filter<'_>>, FilterError> {
    if let Value::String(text) = item {
        return parse_text(text);
    }
    let texts = item.as_array().into_iter().flatten().filter_map(Value::as_str);
    let any: Vec<_> = texts.map(parse_text).filter_map(Result::transpose).collect::<Result<_, _>>()?;
    Ok(joined(any, Filter::Or))
}

fn joined<'a>(
    mut filters: Vec<Filter<'a>>,
    join: impl FnOnce(Vec<Filter<'a>>) -> Filter<'a>,
) -> Option<Filter<'a>> {
    if filters.len() > 1 { Some(join(filters)) } else { filters.pop() }
}

/// Parses a filter's text. `None` when it is blank.
///
/// # Errors
/// Meilisearch's.
pub fn parse_text(text: &str) -> Result<Option<Filter<'_>>, FilterError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    grammar::whole(text).map(Some).map_err(|problem| FilterError::Syntax(problem.to_string()))
}
