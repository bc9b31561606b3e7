//! What a filter says.

use std::borrow::Cow;

use super::cursor::Span;

/// A filter. It borrows from the text that it was parsed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter<'a> {
    /// One at least holds. There are two at least.
    Or(Vec<Filter<'a>>),
    /// All hold. There are two at least.
    And(Vec<Filter<'a>>),
    /// It does not hold.
    Not(Box<Filter<'a>>),
    /// Something is said of an attribute.
    Condition {
        /// The attribute.
        attribute: Token<'a>,
        /// What is said.
        is: Condition<'a>,
    },
    /// An attribute has one of these values.
    In {
        /// The attribute.
        attribute: Token<'a>,
        /// The values, as they were written; perhaps none.
        values: Vec<Token<'a>>,
    },
    /// A document has vectors (experimental).
    VectorsExist {
        /// The word `_vectors`.
        attribute: Token<'a>,
        /// Those of this embedder only.
        embedder: Option<Token<'a>>,
        /// Those of this kind only.
        part: VectorPart<'a>,
    },
    /// A place is at most so far from a point.
    GeoRadius {
        /// Latitude and longitude, in degrees.
        point: [Token<'a>; 2],
        /// In metres.
        radius: Token<'a>,
        /// How many corners the circle is drawn with.
        resolution: Option<Token<'a>>,
    },
    /// A place is in a box.
    GeoBoundingBox {
        /// Latitude and longitude, in degrees.
        top_right: [Token<'a>; 2],
        /// Latitude and longitude, in degrees.
        bottom_left: [Token<'a>; 2],
    },
    /// A place is in a polygon.
    GeoPolygon {
        /// Three at least, each latitude and longitude in degrees.
        points: Vec<[Token<'a>; 2]>,
    },
    /// A document of another index, which this attribute names, passes (experimental).
    Foreign {
        /// The attribute.
        attribute: Token<'a>,
        /// What the other document passes.
        filter: Box<Filter<'a>>,
    },
}

/// What is said of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<'a> {
    /// It compares so to a value.
    Compare(Comparison, Token<'a>),
    /// It lies between two values or is one of them.
    Between {
        /// The lower one.
        from: Token<'a>,
        /// The upper one.
        to: Token<'a>,
    },
    /// It is `null`.
    Null,
    /// It is `""`, `[]` or `{}`.
    Empty,
    /// It is there.
    Exists,
    /// It has a text in it (experimental).
    Contains {
        /// The word `CONTAINS`.
        keyword: Token<'a>,
        /// The text.
        word: Token<'a>,
    },
    /// It starts with a text.
    StartsWith(Token<'a>),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<=`
    LowerOrEqual,
    /// `>=`
    GreaterOrEqual,
    /// `!=`
    NotEqual,
    /// `<`
    Lower,
    /// `>`
    Greater,
    /// `=`
    Equal,
}

impl Comparison {
    /// All, those that begin like another one first.
    pub(super) const ALL: [Self; 6] =
        [Self::LowerOrEqual, Self::GreaterOrEqual, Self::NotEqual, Self::Lower, Self::Greater, Self::Equal];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LowerOrEqual => "<=",
            Self::GreaterOrEqual => ">=",
            Self::NotEqual => "!=",
            Self::Lower => "<",
            Self::Greater => ">",
            Self::Equal => "=",
        }
    }
}

/// Which vectors of a document are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VectorPart<'a> {
    /// Any.
    Any,
    /// Those of a fragment, by its name.
    Fragment(Token<'a>),
    /// Those made by the document template.
    DocumentTemplate,
    /// Those that the user gave.
    UserProvided,
    /// Those that are made again when the document changes.
    Regenerate,
}

/// A word or a quoted text, and where it stands. Two are equal when they mean the same text.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    pub(super) span: Span<'a>,
    pub(super) value: Cow<'a, str>,
}

impl<'a> Token<'a> {
    /// What it means: without quotes, escapes resolved.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Where it stands, and how it is written there, without quotes.
    pub fn span(&self) -> Span<'a> {
        self.span
    }

    /// A token of its own, for a filter that nobody wrote.
    pub fn of(value: &'a str) -> Self {
        Span::alone(value).into()
    }
}

impl<'a> From<Span<'a>> for Token<'a> {
    fn from(span: Span<'a>) -> Self {
        Self { span, value: Cow::Borrowed(span.fragment()) }
    }
}

impl PartialEq for Token<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Token<'_> {}
