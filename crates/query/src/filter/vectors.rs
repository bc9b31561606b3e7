//! `_vectors`, `_vectors.embedder`, `_vectors.embedder.fragments.name` and their like, with `EXISTS`.

use std::borrow::Cow;

use super::ast::{Filter, Token, VectorPart};
use super::cursor::{Cursor, in_word, leading};
use super::problem::{Kind, Parsed, Stop};
use super::value::{Open, meaning, quote_of, quoted};

/// What is wrong with what is said of vectors.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum VectorProblem<'a> {
    #[error("The vector filter has leftover tokens.")]
    Leftover,
    #[error("The quotes in one of the values are inconsistent.")]
    Quotes,
    #[error("Was expecting embedder name but found nothing.")]
    NoEmbedder,
    #[error("The vector filter's embedder name is invalid.")]
    Embedder,
    #[error("The vector filter is missing a fragment name.")]
    NoFragment,
    #[error("The vector filter's fragment name is invalid.")]
    Fragment,
    #[error("{}", suffix_text(*after, found))]
    Suffix { after: Option<&'static str>, found: Cow<'a, str> },
    #[error("Was expecting an operation like `EXISTS` or `NOT EXISTS` after the vector filter.")]
    Operation,
}

/// What is said of vectors, where the word `_vectors` stands; what follows a point must then be right.
pub(super) fn vectors<'a>(at: Cursor<'a>) -> Option<Parsed<'a, Filter<'a>>> {
    let start = at.blanks();
    let after = start.tag("_vectors")?;
    let attribute = Token::from(start.span("_vectors".len()));
    if let Some(at) = after.some_blanks() {
        return Some(exist(at, Filter::VectorsExist { attribute, embedder: None, part: VectorPart::Any }));
    }
    let at = after.tag(".")?;
    Some(path(at).and_then(|(at, (embedder, part))| {
        exist(at, Filter::VectorsExist { attribute, embedder: Some(embedder), part })
    }))
}

fn exist<'a>(at: Cursor<'a>, filter: Filter<'a>) -> Parsed<'a, Filter<'a>> {
    if let Some(after) = at.tag("EXISTS") {
        return Ok((after, filter));
    }
    let negated = at.tag("NOT").and_then(Cursor::some_blanks).and_then(|at| at.tag("EXISTS"));
    let after = negated.ok_or_else(|| Stop::hard(VectorProblem::Operation, at.to_end()))?;
    Ok((after, Filter::Not(Box::new(filter))))
}

/// The embedder, and which vectors of it. Blanks follow.
fn path<'a>(at: Cursor<'a>) -> Parsed<'a, (Token<'a>, VectorPart<'a>)> {
    if at.rest().starts_with(' ') {
        return Err(Stop::hard(VectorProblem::NoEmbedder, at.span(1)));
    }
    let (at, embedder) = name(at, VectorProblem::Embedder)?;
    let (at, part) = part(at)?;
    if let Some(after) = at.tag(".") {
        let next = name(after, VectorProblem::Leftover).map(|(_, token)| token).ok();
        let next = next.unwrap_or_else(|| at.span(1).into());
        let after = match part {
            VectorPart::Any => None,
            VectorPart::Fragment(_) => Some("fragments"),
            VectorPart::DocumentTemplate => Some("documentTemplate"),
            VectorPart::UserProvided => Some("userProvided"),
            VectorPart::Regenerate => Some("regenerate"),
        };
        return Err(Stop::hard(VectorProblem::Suffix { after, found: next.value }, next.span));
    }
    match at.some_blanks() {
        Some(at) => Ok((at, (embedder, part))),
        None => Err(Stop::hard(VectorProblem::Leftover, at.to_end())),
    }
}

fn part<'a>(at: Cursor<'a>) -> Parsed<'a, VectorPart<'a>> {
    if let Some(after) = at.tag(".fragments") {
        let name_at = after.tag(".").ok_or_else(|| Stop::hard(VectorProblem::NoFragment, after.to_end()))?;
        let (at, fragment) = name(name_at, VectorProblem::Fragment)?;
        return Ok((at, VectorPart::Fragment(fragment)));
    }
    Ok(if let Some(after) = at.tag(".userProvided") {
        (after, VectorPart::UserProvided)
    } else if let Some(after) = at.tag(".documentTemplate") {
        (after, VectorPart::DocumentTemplate)
    } else if let Some(after) = at.tag(".regenerate") {
        (after, VectorPart::Regenerate)
    } else {
        (at, VectorPart::Any)
    })
}

/// A word without points, or a text in quotes.
fn name<'a>(at: Cursor<'a>, invalid: VectorProblem<'a>) -> Parsed<'a, Token<'a>> {
    let wrong = |problem| Stop::hard(Kind::Vectors(problem), at.to_end());
    let (rest, span, quote) = match quote_of(at) {
        Some(quote) => match quoted(at.skip(1), quote) {
            Ok((rest, span)) => (rest, span, quote),
            Err(Open::Unclosed) => return Err(wrong(VectorProblem::Quotes)),
            Err(Open::Backslash) => return Err(wrong(invalid)),
        },
        None => match leading(at.rest(), |c| in_word(c) && c != '.') {
            0 => return Err(wrong(invalid)),
            length => (at.skip(length), at.span(length), '"'),
        },
    };
    let value = meaning(span, quote).map_err(|_| wrong(invalid))?;
    Ok((rest, Token { span, value }))
}

const SUFFIXES: [&str; 4] = ["fragments", "userProvided", "documentTemplate", "regenerate"];

fn suffix_text(after: Option<&str>, found: &str) -> String {
    if found == "." {
        return "Was expecting one of `.fragments`, `.userProvided`, `.documentTemplate`, `.regenerate` or nothing, \
                but instead found a point without a valid value."
            .to_owned();
    }
    if let Some(after) = after {
        return format!(
            "Vector filter can only accept one of `fragments`, `userProvided`, `documentTemplate` or `regenerate`, but \
             found both `{after}` and `{found}`."
        );
    }
    if SUFFIXES.contains(&found) {
        return "Was expecting this part to be unquoted.".to_owned();
    }
    let meant = SUFFIXES.into_iter().find(|suffix| is_near(found, suffix));
    let meant = meant.map(|suffix| format!(" Did you mean `{suffix}`?")).unwrap_or_default();
    format!(
        "Was expecting one of `fragments`, `userProvided`, `documentTemplate`, `regenerate` or nothing, but instead \
         found `{found}`.{meant}"
    )
}

/// At most two characters are wrong, missing, too many, or changed places with their neighbours.
fn is_near(found: &str, suffix: &str) -> bool {
    found.len() < 32 && strsim::osa_distance(found, suffix) <= 2
}
