//! Errors of nodes, as the user of the index would see them.
//!
//! A node knows the index by another name and has one filterable attribute more, by a rule before those of the user. These
//! are taken out of its texts. Where
//! a text quotes a filter, it quotes ours with it: [`Plan::user_filter_alone`](crate::Plan::user_filter_alone) gets one
//! that does not.

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{NodeId, PhysicalName, RESERVED_MEMBER};
use serde::Deserialize;

use crate::plan::Plan;

#[derive(Deserialize)]
struct NodeError {
    message: String,
    code: String,
}

impl Plan {
    /// The error that a node's answer to this search carries, as [`user_error`] words it; `None` when the body is no
    /// error or the plan does not ask the node.
    pub fn user_error(&self, node: &NodeId, body: &[u8]) -> Option<ResponseError> {
        let request = self.requests.iter().find(|request| request.node == *node)?;
        let error = user_error(&self.uid, request.index, body)?;
        let hidden =
            self.fields.displayed.as_ref().map(|displayed| without_hidden(&error.message, displayed));
        Some(match hidden {
            Some(message) => ResponseError::new(error.code, message),
            None => error,
        })
    }
}

/// The error that a node's answer carries, in the words of the user's index; `None` when the body is no error.
/// An error code that we do not know becomes `bad_request`, its text is kept.
pub fn user_error(uid: &str, index: PhysicalName, body: &[u8]) -> Option<ResponseError> {
    let error: NodeError = serde_json::from_slice(body).ok()?;
    let code = error.code.parse().unwrap_or(ErrorCode::BadRequest);
    Some(ResponseError::new(code, scrub(&error.message, uid, index)))
}

/// Takes the names that are ours out of a text.
fn scrub(message: &str, uid: &str, index: PhysicalName) -> String {
    let mut text = message.replace(&format!("`{index}`"), &format!("`{uid}`"));
    for (list, empty) in [
        (
            "Available filterable attributes patterns are: ",
            "This index does not have configured filterable attributes.",
        ),
        (
            "Available filterable attribute patterns are: ",
            "This index does not have configured filterable attributes.",
        ),
    ] {
        text = without_member(&text, list, empty);
    }
    if RULES.iter().any(|told| text.contains(told)) { with_users_places(&text) } else { text }
}

/// What texts have that tell of rules of `filterableAttributes` by their places.
const RULES: [&str; 2] = ["matched rule #", "matches rule #"];

/// The text with places of rules as they are without the first one, which is ours.
fn with_users_places(text: &str) -> String {
    const RULE: &str = "rule #";
    let mut parts = text.split(RULE);
    let mut users = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let place = part[..digits].parse::<usize>().ok().and_then(|place| place.checked_sub(1));
        users.push_str(RULE);
        match place {
            Some(place) => users.extend([&place.to_string(), &part[digits..]]),
            None => users.push_str(part),
        }
    }
    users
}

/// The text without the reserved member in the list that begins here. The list is of names in back quotes, or one pair
/// of back quotes round all names; a full stop ends it.
fn without_member(text: &str, list: &str, empty: &str) -> String {
    let Some(start) = text.find(list) else { return text.to_owned() };
    let names_at = start + list.len();
    let Some(end) = text[names_at..].find("`.").map(|quote| names_at + quote + 1) else {
        return text.to_owned();
    };
    let names = &text[names_at..end];
    let (separator, bare) = if names.contains("`, `") { ("`, `", names) } else { (", ", names) };
    let bare = bare.trim_matches('`');
    let left: Vec<&str> = bare.split(separator).filter(|name| *name != RESERVED_MEMBER).collect();
    if left.len() == bare.split(separator).count() {
        return text.to_owned();
    }
    if left.is_empty() {
        return format!("{}{empty}{}", &text[..start], &text[end + 1..]);
    }
    format!("{}{list}`{}`{}", &text[..start], left.join(separator), &text[end..])
}

/// The lists in which Meilisearch names displayed attributes only (`remove_hidden_fields` of `milli/src/index.rs`). Nodes
/// display all. Before each what it follows on, after it what is said instead of an empty list.
const DISPLAYED_ONLY: [(&str, &str, &str); 3] = [
    (
        "is not sortable. ",
        "Available sortable attributes are: ",
        "This index does not have configured sortable attributes.",
    ),
    (
        "cannot be used as distinct attribute. ",
        "Available filterable attributes patterns are: ",
        "This index does not have configured filterable attributes.",
    ),
    ("is not searchable. ", "Available searchable attributes are: ", ""),
];

/// The text as a node that displays these attributes only would word it.
pub(crate) fn without_hidden(text: &str, displayed: &[String]) -> String {
    for (before, list, empty) in DISPLAYED_ONLY {
        let head = format!("{before}{list}`");
        let Some(names_at) = text.find(&head).map(|start| start + head.len()) else { continue };
        let Some(end) = text[names_at..].find("`.").map(|quote| names_at + quote) else { continue };
        let all: Vec<&str> = text[names_at..end].split(", ").collect();
        let shown: Vec<&str> =
            all.iter().copied().filter(|name| displayed.iter().any(|d| d == name)).collect();
        if shown.is_empty() && !empty.is_empty() {
            let start = names_at - list.len() - 1;
            return format!("{}{empty}{}", &text[..start], &text[end + 2..]);
        }
        let hidden = if shown.len() < all.len() { ", <..hidden-attributes>" } else { "" };
        return format!("{}{}{hidden}{}", &text[..names_at], shown.join(", "), &text[end..]);
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(message: &str) -> String {
        scrub(message, "movies", "i3-0".parse().expect("a physical name"))
    }

    /// Texts of a 1.50 with the reserved member among its filterable attributes.
    #[test]
    fn what_is_ours_is_taken_out() {
        let facets = "Invalid facet distribution: Pattern `zz` is not filterable. Available filterable attributes patterns are: `_miroir, genre, price`.";
        assert_eq!(scrubbed(facets), facets.replace("_miroir, ", ""));
        let alone = "Invalid facet distribution: Pattern `zz` is not filterable. Available filterable attributes patterns are: `_miroir`.";
        assert_eq!(
            scrubbed(alone),
            "Invalid facet distribution: Pattern `zz` is not filterable. This index does not have configured filterable attributes."
        );
        let filter = "Index `i3-0`: Attribute `zz` is not filterable. Available filterable attribute patterns are: `_miroir`, `genre`, `price`.\n2:4 \"zz\" = \"1\"";
        assert_eq!(scrubbed(filter), filter.replace("`_miroir`, ", "").replace("i3-0", "movies"));
        let other =
            "Index `i3-0`: Attribute `title` is not sortable. Available sortable attributes are: `id`.";
        assert_eq!(scrubbed(other), other.replace("i3-0", "movies"));
    }

    #[test]
    fn rules_have_the_places_of_the_user() {
        let node = "Index `i3-0`: Filter operator `>` is not allowed for the attribute `price`.\n  - Note: allowed operators: OR.\n  - Note: field `price` matched rule #1 in `filterableAttributes`\n  - Hint: enable comparison in rule #1 by modifying the features.filter object\n  - Hint: prepend another rule matching `price` with appropriate filter features before rule #12";
        let users =
            node.replace("rule #12", "rule #11").replace("rule #1 ", "rule #0 ").replace("i3-0", "movies");
        assert_eq!(scrubbed(node), users);
        assert_eq!(scrubbed("a value `rule #1` of the user's"), "a value `rule #1` of the user's");
    }

    #[test]
    fn hidden_attributes_are_not_named() {
        let displayed = ["id".to_owned(), "title".to_owned()];
        let sort =
            "Index `m`: Attribute `x` is not sortable. Available sortable attributes are: `id, title, year`.";
        let hidden = sort.replace(", year", ", <..hidden-attributes>");
        assert_eq!(without_hidden(sort, &displayed), hidden);
        assert_eq!(
            without_hidden(sort, &[]),
            "Index `m`: Attribute `x` is not sortable. This index does not have configured sortable attributes."
        );
        let all = sort.replace(", year", "");
        assert_eq!(without_hidden(&all, &displayed), all);
        let searchable = "Attribute `x` is not searchable. Available searchable attributes are: `year`.";
        assert_eq!(
            without_hidden(searchable, &displayed),
            "Attribute `x` is not searchable. Available searchable attributes are: `, <..hidden-attributes>`."
        );
        let facets = "Invalid facet distribution: Attribute `x` is not filterable. Available filterable attributes patterns are: `year`.";
        assert_eq!(without_hidden(facets, &displayed), facets);
    }

    #[test]
    fn the_code_is_kept() {
        let body = br#"{"message":"Index `i3-0`: x","code":"invalid_search_sort","type":"invalid_request","link":"l"}"#;
        let index = "i3-0".parse().expect("a physical name");
        let error = user_error("movies", index, body).expect("an error");
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::InvalidSearchSort, "Index `movies`: x"));
        assert_eq!(user_error("movies", index, b"<html>"), None);
    }
}
