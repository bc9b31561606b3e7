//! The attributes that a filter names.

use miroir_model::RESERVED_MEMBER;
use miroir_settings::{FilterableFeatures, FilterableRule, deciding_rule, lies_in, patterns_with};

use super::ast::{Filter, Token};
use super::parse_text;

/// Attributes that a filter can always name.
const ALWAYS: [&str; 2] = ["_vectors", "_shard"];

impl<'a> Filter<'a> {
    /// The attributes of its conditions, as often as they stand there, in the order in which Meilisearch looks whether
    /// they are filterable: parts from the last to the first. Vectors and places are none; of `_foreign` it is the one
    /// that names the other document.
    pub fn attributes(&self) -> impl Iterator<Item = &Token<'a>> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            loop {
                match left.pop()? {
                    Self::Condition { attribute, .. }
                    | Self::In { attribute, .. }
                    | Self::Foreign { attribute, .. } => return Some(attribute),
                    Self::Not(filter) => left.push(filter),
                    Self::And(filters) | Self::Or(filters) => left.extend(filters),
                    Self::VectorsExist { .. }
                    | Self::GeoRadius { .. }
                    | Self::GeoBoundingBox { .. }
                    | Self::GeoPolygon { .. } => {}
                }
            }
        })
    }

    /// Whether it names the reserved member or something in it.
    pub fn names_reserved(&self) -> bool {
        self.attributes().any(|attribute| lies_in(attribute.value(), RESERVED_MEMBER))
    }

    /// Whether all attributes can be filtered by, on a Meilisearch without the reserved member: none of that ever can,
    /// even where a pattern of the user's matches its name.
    ///
    /// # Errors
    /// Meilisearch's, of the first that cannot.
    pub fn check_filterable(&self, rules: &[FilterableRule]) -> Result<(), NotFilterable> {
        let filterable = |name: &str| {
            let by_rule = || deciding_rule(rules, name).is_some_and(|(_, features)| features.is_filterable());
            ALWAYS.contains(&name) || (!lies_in(name, RESERVED_MEMBER) && by_rule())
        };
        match self.attributes().find(|attribute| !filterable(attribute.value())) {
            None => Ok(()),
            Some(attribute) => Err(NotFilterable::new(attribute, rules)),
        }
    }

    /// The same, as a search is refused: Meilisearch makes its filter a text again first, and quotes that.
    ///
    /// # Errors
    /// Meilisearch's, of the first that cannot.
    pub fn check_filterable_in_search(&self, rules: &[FilterableRule]) -> Result<(), NotFilterable> {
        let written = self.to_string();
        match parse_text(&written) {
            Ok(Some(again)) => again.check_filterable(rules),
            // Its parentheses go too deep now.
            _ => self.check_filterable(rules),
        }
    }
}

/// An attribute that cannot be filtered by, in Meilisearch's words; the last line is its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotFilterable(String);

impl NotFilterable {
    fn new(attribute: &Token<'_>, rules: &[FilterableRule]) -> Self {
        let known = patterns_with(rules, FilterableFeatures::is_filterable);
        let known: Vec<String> = known.into_iter().map(|pattern| format!("`{pattern}`")).collect();
        let list = match known.is_empty() {
            true => "This index does not have configured filterable attributes.".to_owned(),
            false => format!("Available filterable attribute patterns are: {}.", known.join(", ")),
        };
        Self(format!("Attribute `{}` is not filterable. {list}\n{}", attribute.value(), attribute.span()))
    }
}
