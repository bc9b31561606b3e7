//! What can be wrong with a filter's text, in Meilisearch's words.

use std::fmt::{self, Display};

use super::cursor::{Cursor, Span};
use super::geo::GeoProblem;
use super::vectors::VectorProblem;

/// Why the grammar does not go on.
#[derive(Debug, Clone)]
pub(super) enum Stop<'a> {
    /// This alternative does not stand here; another one may.
    Soft(Problem<'a>),
    /// What stands here can be nothing else, and it is wrong.
    Hard(Problem<'a>),
}

/// What was read, and where it ends.
pub(super) type Parsed<'a, T> = Result<(Cursor<'a>, T), Stop<'a>>;

impl<'a> Stop<'a> {
    pub(super) fn soft(kind: Kind<'a>, at: Span<'a>) -> Self {
        Self::Soft(Problem { kind, at })
    }

    pub(super) fn hard(kind: impl Into<Kind<'a>>, at: Span<'a>) -> Self {
        Self::Hard(Problem { kind: kind.into(), at })
    }

    /// No other alternative is tried any more.
    pub(super) fn harden(self) -> Self {
        Self::Hard(self.problem())
    }

    pub(super) fn problem(self) -> Problem<'a> {
        match self {
            Self::Soft(problem) | Self::Hard(problem) => problem,
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, Clone)]
pub(super) struct Problem<'a> {
    pub(super) kind: Kind<'a>,
    at: Span<'a>,
}

/// What is wrong.
#[derive(Debug, Clone)]
pub(super) enum Kind<'a> {
    /// No value.
    Value { keyword: bool },
    /// A value whose escapes say nothing.
    Malformed,
    /// A quote or a parenthesis that is not closed by this.
    Unclosed(char),
    /// No operation after an attribute.
    Operation,
    /// An escape with a wrong number.
    EscapedNumber,
    /// More than a filter.
    End,
    /// An escape that the value's end cuts.
    Incomplete,
    /// `IN` without a list.
    OpeningBracket,
    /// A list without end.
    ClosingBracket,
    /// Something in a list that is no value.
    ListedValue,
    /// Too deep.
    Depth,
    /// Something wrong in `_foreign(…)`.
    Foreign,
    /// Something wrong about places.
    Geo(GeoProblem),
    /// Something wrong about vectors.
    Vectors(VectorProblem<'a>),
}

impl From<GeoProblem> for Kind<'_> {
    fn from(problem: GeoProblem) -> Self {
        Self::Geo(problem)
    }
}

impl<'a> From<VectorProblem<'a>> for Kind<'a> {
    fn from(problem: VectorProblem<'a>) -> Self {
        Self::Vectors(problem)
    }
}

impl<'a> Problem<'a> {
    /// Where it is. How far a wrong value goes is looked up here, for the one that is told: most are not.
    pub(super) fn place(&self) -> Span<'a> {
        match self.kind {
            Kind::Value { .. } => self.at.to_syntax(),
            Kind::Incomplete => self.at.whole(),
            _ => self.at,
        }
    }

    fn write_text(&self, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = text.trim().is_empty();
        let text = text.escape_debug();
        match &self.kind {
            Kind::Value { .. } if nothing => write!(f, "{VALUE} nothing."),
            Kind::Value { keyword: false } => write!(f, "{VALUE} `{text}`."),
            Kind::Value { keyword: true } => {
                write!(f, "{VALUE} `{text}`, which is a reserved keyword. To use `{text}` as a field name")?;
                f.write_str(" or a value, surround it by quotes.")
            }
            Kind::Malformed => write!(f, "Malformed value: `{text}`."),
            Kind::Unclosed(by) => {
                write!(f, "Expression `{text}` is missing the following closing delimiter: `{by}`.")
            }
            Kind::Operation if nothing => write!(f, "{OPERATION} but instead got nothing."),
            Kind::Operation => write!(f, "{OPERATION} at `{text}`."),
            Kind::EscapedNumber => write!(f, "Found an invalid escaped sequence number: `{text}`."),
            Kind::End => {
                write!(f, "Found unexpected characters at the end of the filter: `{text}`. ")?;
                f.write_str("You probably forgot an `OR` or an `AND` rule.")
            }
            Kind::Incomplete => {
                f.write_str("The filter is incomplete and requires Unknown additional bytes to be parsed.")
            }
            Kind::OpeningBracket => f.write_str("Expected `[` after `IN` keyword."),
            Kind::ClosingBracket => {
                f.write_str("Expected matching `]` after the list of field names given to `IN[`")
            }
            Kind::ListedValue => {
                f.write_str("Expected only comma-separated field names inside `IN[..]` ")?;
                write!(f, "but instead found `{text}`.")
            }
            Kind::Depth => f.write_str(DEPTH),
            Kind::Foreign => write!(f, "{FOREIGN} but instead found `{text}`."),
            Kind::Geo(problem) => problem.fmt(f),
            Kind::Vectors(problem) => problem.fmt(f),
        }
    }
}

impl Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        self.write_text(place.fragment(), f)?;
        write!(f, "\n{place}")
    }
}

const VALUE: &str = "Was expecting a value but instead got";
const OPERATION: &str = "Was expecting an operation `=`, `!=`, `>=`, `>`, `<=`, `<`, `IN`, `NOT IN`, `TO`, `EXISTS`, `NOT EXISTS`, \
     `IS NULL`, `IS NOT NULL`, `IS EMPTY`, `IS NOT EMPTY`, `CONTAINS`, `NOT CONTAINS`, `STARTS WITH`, \
     `NOT STARTS WITH`, `_geoRadius`, `_geoBoundingBox` or `_geoPolygon`";
const DEPTH: &str = "The filter exceeded the maximum depth limit. Try rewriting the filter so that it contains fewer nested conditions.";
const FOREIGN: &str = "Was expecting a field name and an condition inside `_foreign(..)` filter";
