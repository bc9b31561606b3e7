//! Values: words, and texts in quotes.

use std::borrow::Cow;

use super::ast::Token;
use super::cursor::{Cursor, Span, in_word, leading};
use super::geo;
use super::problem::{Kind, Parsed, Stop};
use super::unescape::{Wrong, unescape};

/// Words that are no values without quotes. Other names of `_geo…` are refused before.
const KEYWORDS: [&str; 12] =
    ["AND", "OR", "IN", "NOT", "TO", "EXISTS", "IS", "NULL", "EMPTY", "CONTAINS", "STARTS", "WITH"];

/// A value and the blanks around it.
///
/// # Errors
/// Soft where no value stands, and for wrong escapes; hard for an open quote and for what looks like a place.
pub(super) fn value<'a>(at: Cursor<'a>) -> Parsed<'a, Token<'a>> {
    let at = at.any_blanks();
    geo::refuse_as_value(at)?;
    let (rest, span, quote) = match quote_of(at) {
        Some(quote) => {
            let (rest, span) = quoted(at.skip(1), quote).map_err(|open| match open {
                Open::Unclosed => Stop::hard(Kind::Unclosed(quote), at.to_end()),
                Open::Backslash => Stop::hard(Kind::Malformed, at.skip(1).to_end()),
            })?;
            (rest, span, quote)
        }
        None => {
            let length = leading(at.rest(), in_word);
            let span = at.span(length);
            let keyword = KEYWORDS.contains(&span.fragment());
            if length == 0 || keyword {
                return Err(Stop::soft(Kind::Value { keyword }, at.span(0)));
            }
            (at.skip(length), span, '"')
        }
    };
    let value = meaning(span, quote).map_err(|wrong| match wrong {
        Wrong::Incomplete => Stop::hard(Kind::Incomplete, span),
        Wrong::Number => Stop::soft(Kind::EscapedNumber, span),
        Wrong::Character => Stop::soft(Kind::Malformed, span),
    })?;
    Ok((rest.blanks(), Token { span, value }))
}

/// A value that must stand here.
pub(super) fn needed<'a>(at: Cursor<'a>) -> Parsed<'a, Token<'a>> {
    value(at).map_err(Stop::harden)
}

/// The quote that stands here.
pub(super) fn quote_of(at: Cursor<'_>) -> Option<char> {
    at.rest().chars().next().filter(|c| matches!(c, '\'' | '"'))
}

/// What is wrong with a quoted text.
pub(super) enum Open {
    /// The quote does not end.
    Unclosed,
    /// Nothing follows a backslash.
    Backslash,
}

/// What stands between quotes, from behind the first one on.
pub(super) fn quoted(at: Cursor<'_>, quote: char) -> Result<(Cursor<'_>, Span<'_>), Open> {
    let mut chars = at.rest().char_indices();
    while let Some((length, c)) = chars.next() {
        if c == quote {
            return Ok((at.skip(length + 1), at.span(length)));
        }
        if c == '\\' && chars.next().is_none() {
            return Err(Open::Backslash);
        }
    }
    Err(Open::Unclosed)
}

/// What a span means: the escapes of the quote are resolved first, then the others.
pub(super) fn meaning(span: Span<'_>, quote: char) -> Result<Cow<'_, str>, Wrong> {
    let text = span.fragment();
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    unescape(&text.replace(&format!("\\{quote}"), &quote.to_string())).map(Cow::Owned)
}
