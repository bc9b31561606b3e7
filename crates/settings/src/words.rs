//! What nodes say, without what [`node_settings`](crate::node_settings) adds to the user's settings.
//!
//! A node knows the index by another name and has one filterable attribute more, by a rule before those of the user.

use miroir_model::{PhysicalName, RESERVED_MEMBER};

/// An error text of a node as the user of the index would read it on one Meilisearch.
pub fn in_users_words(message: &str, uid: &str, index: PhysicalName) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(message: &str) -> String {
        in_users_words(message, "movies", "i3-0".parse().expect("a physical name"))
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
}
