//! Requests that name the reserved member.
//!
//! Nodes take it for an attribute that can be filtered by: they would count its values and keep one hit for each. A
//! Meilisearch that holds the user's documents has no such attribute and refuses it, in these words, which are those of
//! 1.50. No setting of a user can name it, so it is neither sortable nor searchable on a node either, and nodes refuse
//! that themselves; what hits show of it is cut out by the merge.
//!
//! Where a pattern of the user's (`*`) matches it, filters and `distinct` are refused all the same: it is no name for a
//! user. Facets are not: there is nothing to count, as on one Meilisearch.

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::RESERVED_MEMBER;
use miroir_settings::{
    FilterableFeatures, FilterableRule, UserSettings, deciding_rule, lies_in, matches_pattern, patterns_with,
};
use serde_json::Value;

use crate::facet_search::FacetSearchRequest;
use crate::filter::{self, Filter};
use crate::listing::ListRequest;
use crate::request::SearchRequest;

/// Refuses a search by vectors that the index cannot compare ([`SearchRequest::check_vector`]), and one whose filter,
/// `distinct` or `facets` name the reserved member. What else is wrong with these is said too, in Meilisearch's order; a
/// filter that is none is left to the nodes.
///
/// # Errors
/// Meilisearch's, of the first thing that is wrong.
pub fn check_search(
    request: &SearchRequest,
    uid: &str,
    settings: &UserSettings,
) -> Result<(), ResponseError> {
    request.check_vector(settings)?;
    let filter = request.filter.as_ref().and_then(parsed);
    let facets = request.facets.as_deref().unwrap_or_default();
    let distinct = request.distinct.as_deref();
    let filtered = filter.as_ref().is_some_and(Filter::names_reserved);
    let counted = facets.iter().any(|facet| meet(facet, RESERVED_MEMBER));
    if distinct != Some(RESERVED_MEMBER) && !filtered && !counted {
        return Ok(());
    }
    let rules = settings.filterable_attributes();
    let refused = check_facets(facets, settings).is_err();
    if let Some(distinct) = distinct {
        let displayed = settings.displayed_attributes();
        check_distinct(distinct, &rules, displayed.as_deref()).map_err(|text| {
            ResponseError::new(ErrorCode::InvalidSearchDistinct, format!("Index `{uid}`: {text}"))
        })?;
    }
    if let Some(filter) = filter.filter(|_| filtered || refused) {
        filter.check_filterable_in_search(&rules).map_err(|error| {
            ResponseError::new(ErrorCode::InvalidSearchFilter, format!("Index `{uid}`: {error}"))
        })?;
    }
    check_facets(facets, settings)
}

/// Refuses facets among which the reserved member is, as [`check_facets`] does.
///
/// # Errors
/// Meilisearch's.
pub fn check_reserved_facets(facets: &[String], settings: &UserSettings) -> Result<(), ResponseError> {
    let named = facets.iter().any(|facet| meet(facet, RESERVED_MEMBER));
    if named { check_facets(facets, settings) } else { Ok(()) }
}

/// Refuses facets that the settings let nobody count.
///
/// # Errors
/// Meilisearch's.
pub fn check_facets(facets: &[String], settings: &UserSettings) -> Result<(), ResponseError> {
    let rules = settings.filterable_attributes();
    let refused = facets.iter().find_map(|facet| not_countable(facet, &rules));
    refused.map_or(Ok(()), |text| {
        let text = format!("Invalid facet distribution: {text}");
        Err(ResponseError::new(ErrorCode::InvalidSearchFacets, text))
    })
}

/// Refuses a list of documents whose filter names the reserved member.
///
/// # Errors
/// Meilisearch's.
pub fn check_list(request: &ListRequest, settings: &UserSettings) -> Result<(), ResponseError> {
    let Some(filter) = naming_reserved(request.filter.as_ref()) else { return Ok(()) };
    filter
        .check_filterable(&settings.filterable_attributes())
        .map_err(|error| ResponseError::new(ErrorCode::InvalidDocumentFilter, error.to_string()))
}

/// Refuses a search among values whose filter names the reserved member.
///
/// # Errors
/// Meilisearch's.
pub fn check_facet_search(
    request: &FacetSearchRequest,
    settings: &UserSettings,
) -> Result<(), ResponseError> {
    let Some(filter) = naming_reserved(request.filter.as_ref()) else { return Ok(()) };
    filter
        .check_filterable_in_search(&settings.filterable_attributes())
        .map_err(|error| ResponseError::new(ErrorCode::InvalidSearchFilter, error.to_string()))
}

fn naming_reserved(filter: Option<&Value>) -> Option<Filter<'_>> {
    filter.and_then(parsed).filter(Filter::names_reserved)
}

pub(crate) fn parsed(filter: &Value) -> Option<Filter<'_>> {
    filter::parse(filter).ok().flatten()
}

/// `InvalidDistinctAttribute` of `milli/src/error.rs`: it names displayed patterns only.
fn check_distinct(
    attribute: &str,
    rules: &[FilterableRule],
    displayed: Option<&[String]>,
) -> Result<(), String> {
    let rule = deciding_rule(rules, attribute);
    if attribute != RESERVED_MEMBER && rule.is_some_and(|(_, features)| features.is_filterable()) {
        return Ok(());
    }
    let what =
        format!("Attribute `{attribute}` is not filterable and thus, cannot be used as distinct attribute.");
    Err(match rule.filter(|(_, features)| !features.is_filterable()) {
        Some((rule, _)) => format!(
            "{what} Note: this attribute matches rule #{rule} in filterableAttributes, but this rule does not enable \
             filtering.\nHint: enable filtering in rule #{rule} by adding appropriate filter features.\nHint: prepend \
             another rule matching {attribute} with filter features before rule #{rule}"
        ),
        None => format!("{what} {}", available(rules, displayed)),
    })
}

/// `compute_facet_distribution_stats` of `meilisearch/src/search/mod.rs`: a pattern is right when it has something in
/// common with a rule that makes filterable, unless one before that does not matches it. It names hidden patterns too.
fn not_countable(facet: &str, rules: &[FilterableRule]) -> Option<String> {
    for (place, rule) in rules.iter().enumerate() {
        match rule.features().is_filterable() {
            true if has_in_common(rule, facet) => return None,
            false if rule.matches(facet) => {
                return Some(format!(
                    "Attribute `{facet}` matched rule #{place} in filterableAttributes, but this rule does not enable \
                     filtering.\nHint: enable filtering in rule #{place} by modifying the features.filter object\n\
                     Hint: prepend another rule matching `{facet}` with appropriate filter features before rule #{place}"
                ));
            }
            _ => {}
        }
    }
    Some(format!("Pattern `{facet}` is not filterable. {}", available(rules, None)))
}

/// In a rule that is a plain name, `*` is a plain character, and so it is in the facet then.
fn has_in_common(rule: &FilterableRule, facet: &str) -> bool {
    match rule {
        FilterableRule::Attribute(name) => lies_in(facet, name) || lies_in(name, facet),
        FilterableRule::Patterns { attribute_patterns, .. } => {
            attribute_patterns.iter().any(|pattern| meet(facet, pattern))
        }
    }
}

/// Whether one of two patterns matches the other, or lies in it.
fn meet(a: &str, b: &str) -> bool {
    let one = |a: &str, b: &str| matches_pattern(a, b) || lies_in(a, b);
    one(a, b) || one(b, a)
}

fn available(rules: &[FilterableRule], displayed: Option<&[String]>) -> String {
    match shown_patterns(rules, displayed, FilterableFeatures::is_filterable) {
        None => "This index does not have configured filterable attributes.".to_owned(),
        Some(shown) => format!("Available filterable attributes patterns are: `{shown}`."),
    }
}

/// The patterns of rules whose features pass, as error texts list them: displayed ones, and whether there are others
/// (`remove_hidden_fields` of `milli/src/index.rs`). `None` when none is displayed.
pub(crate) fn shown_patterns(
    rules: &[FilterableRule],
    displayed: Option<&[String]>,
    passes: impl Fn(FilterableFeatures) -> bool,
) -> Option<String> {
    let all = patterns_with(rules, passes);
    let shown: Vec<&str> = (all.iter().copied())
        .filter(|name| displayed.is_none_or(|displayed| displayed.iter().any(|shown| shown == name)))
        .collect();
    let hidden = if shown.len() < all.len() { ", <..hidden-attributes>" } else { "" };
    (!shown.is_empty()).then(|| format!("{}{hidden}", shown.join(", ")))
}
