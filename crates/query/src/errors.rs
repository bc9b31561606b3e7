//! Errors of nodes, as the user of the index would see them.
//!
//! What is ours is taken out of a node's texts ([`in_users_words`]), and attributes that are not displayed, since nodes
//! display all. Where a text quotes a filter, it quotes ours with it:
//! [`Plan::user_filter_alone`](crate::Plan::user_filter_alone) gets one that does not.

use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{NodeId, PhysicalName};
use miroir_settings::in_users_words;
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
    Some(ResponseError::new(code, in_users_words(&error.message, uid, index)))
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
