//! A request, as the body of a POST or as the parameters of a GET.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(super) members: Map<String, Value>,
    pub(super) get: bool,
}

impl Request {
    pub(crate) fn body(&self) -> Value {
        self.members.clone().into()
    }

    /// The parameters of a GET; nothing for a POST.
    pub(crate) fn query(&self) -> Option<String> {
        self.get.then(|| query(&self.members))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Some of what it says.
    pub(crate) fn only(&self, names: &[&str]) -> Map<String, Value> {
        let wanted = self.members.iter().filter(|(name, _)| names.contains(&name.as_str()));
        wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.members.get(name)?.as_u64()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    pub(crate) fn with(&self, name: &str, value: impl Into<Value>) -> Self {
        let mut request = self.clone();
        request.members.insert(name.to_owned(), value.into());
        request
    }

    /// Whether it is refused before anything is looked up: its error says where in the body it is.
    pub(crate) fn is_malformed(&self) -> bool {
        self.members.get("rankingScoreThreshold").and_then(Value::as_f64).is_some_and(|score| score > 1.0)
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let mut request = self.clone();
        request.members.shift_remove(name);
        request
    }

    /// Answers with a page have exact totals.
    pub(crate) fn is_paged(&self) -> bool {
        self.has("page") || self.has("hitsPerPage")
    }

    /// How many hits are left out, and how many a full page has.
    pub(crate) fn window(&self) -> (usize, usize) {
        let number = |name: &str, default: u64| self.number(name).unwrap_or(default) as usize;
        if self.is_paged() {
            let count = number("hitsPerPage", 20);
            return (number("page", 1).saturating_sub(1) * count, count);
        }
        (number("offset", 0), number("limit", 20))
    }

    /// The same search from the first hit to the last that can be reached.
    pub(crate) fn whole(&self, max_total_hits: usize) -> Self {
        let mut request = self.clone();
        for name in ["page", "hitsPerPage", "offset", "facets"] {
            request.members.shift_remove(name);
        }
        request.with("limit", max_total_hits)
    }
}

/// As the parameters of a URL.
pub(super) fn query(members: &Map<String, Value>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in members {
        query.append_pair(name, &text(name, value));
    }
    query.finish()
}

fn text(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if name != "filter" => {
            let items: Vec<String> = items.iter().map(|item| text("", item)).collect();
            items.join(",")
        }
        other => other.to_string(),
    }
}
