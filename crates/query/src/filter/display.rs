//! A filter as text again.
//!
//! It is the text that Meilisearch makes of a filter before a search, and quotes in the errors of one: every value in
//! double quotes, every part of an `AND` or `OR` in parentheses. Parsed again it is the same filter, unless its
//! parentheses now go deeper than a filter may.

use std::fmt::{self, Display, Formatter};

use super::ast::{Condition, Filter, Token, VectorPart};

impl Display for Filter<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(filters) => separated(filters, " OR ", f),
            Self::And(filters) => separated(filters, " AND ", f),
            Self::Not(filter) => write!(f, "NOT ({filter})"),
            Self::Condition { attribute, is } => write!(f, "{} {is}", Quoted(attribute)),
            Self::In { attribute, values } => {
                write!(f, "{} IN [", Quoted(attribute))?;
                for (number, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if number == 0 { "" } else { ", " }, Quoted(value))?;
                }
                f.write_str("]")
            }
            Self::VectorsExist { embedder, part, .. } => {
                f.write_str("_vectors")?;
                if let Some(embedder) = embedder {
                    write!(f, ".{}", Quoted(embedder))?;
                }
                write!(f, "{part} EXISTS")
            }
            Self::GeoRadius { point, radius, resolution } => {
                write!(f, "_geoRadius({}, {}", Coordinates(point), radius.value())?;
                if let Some(resolution) = resolution {
                    write!(f, ", {}", resolution.value())?;
                }
                f.write_str(")")
            }
            Self::GeoBoundingBox { top_right, bottom_left } => {
                let [top_right, bottom_left] = [Coordinates(top_right), Coordinates(bottom_left)];
                write!(f, "_geoBoundingBox([{top_right}], [{bottom_left}])")
            }
            Self::GeoPolygon { points } => {
                f.write_str("_geoPolygon(")?;
                for (number, point) in points.iter().enumerate() {
                    write!(f, "{}[{}]", if number == 0 { "" } else { ", " }, Coordinates(point))?;
                }
                f.write_str(")")
            }
            Self::Foreign { attribute, filter } => write!(f, "_foreign({}, {filter})", Quoted(attribute)),
        }
    }
}

fn separated(filters: &[Filter<'_>], separator: &str, f: &mut Formatter<'_>) -> fmt::Result {
    for (number, filter) in filters.iter().enumerate() {
        write!(f, "{}({filter})", if number == 0 { "" } else { separator })?;
    }
    Ok(())
}

impl Display for Condition<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(how, value) => write!(f, "{} {}", how.as_str(), Quoted(value)),
            Self::Between { from, to } => write!(f, "{} TO {}", Quoted(from), Quoted(to)),
            Self::Null => f.write_str("IS NULL"),
            Self::Empty => f.write_str("IS EMPTY"),
            Self::Exists => f.write_str("EXISTS"),
            Self::Contains { word, .. } => write!(f, "CONTAINS {}", Quoted(word)),
            Self::StartsWith(word) => write!(f, "STARTS WITH {}", Quoted(word)),
        }
    }
}

impl Display for VectorPart<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Fragment(name) => write!(f, ".fragments.{}", Quoted(name)),
            Self::DocumentTemplate => f.write_str(".documentTemplate"),
            Self::UserProvided => f.write_str(".userProvided"),
            Self::Regenerate => f.write_str(".regenerate"),
        }
    }
}

/// A value in double quotes, with the escapes of JSON: filters know all of them.
struct Quoted<'a>(&'a Token<'a>);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0.value()).map_err(|_| fmt::Error)?)
    }
}

struct Coordinates<'a>(&'a [Token<'a>; 2]);

impl Display for Coordinates<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.0[0].value(), self.0[1].value())
    }
}
