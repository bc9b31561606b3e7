//! Lists of documents, and single ones.

use serde_json::{Map, Value, json};

use super::{Choices, Profile, Source, source};
use crate::corpus::Corpus;

/// A list of documents, as the body of a POST or as the parameters of a GET.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Documents {
    pub(crate) profile: Profile,
    pub(crate) body: Map<String, Value>,
    pub(crate) get: bool,
    /// The document of this id alone.
    pub(crate) one: Option<String>,
}

pub(crate) fn documents<'a>(dice: &mut Choices, corpus_of: impl Fn(&Profile) -> &'a Corpus) -> Documents {
    let (profile, mut source) = source(dice, corpus_of);
    source.filter();
    if source.dice.chance(35) {
        source.sort();
    }
    if source.dice.chance(25) {
        source.ids();
    }
    if source.dice.chance(60) {
        let (offset, limit) = (source.dice.below(60), source.dice.below(40));
        source.set("offset", offset);
        source.set("limit", limit);
    }
    if source.dice.chance(40) {
        source.fields();
    }
    if source.dice.chance(20) {
        source.set("retrieveVectors", true);
    }
    if source.dice.chance(6) {
        source.list_wrong();
    }
    let one = source.dice.chance(20).then(|| source.id());
    if one.is_some() {
        source.members.retain(|name, _| ["fields", "retrieveVectors"].contains(&name.as_str()));
    }
    let get = one.is_some() || source.dice.chance(30) && source.members.values().all(super::is_plain);
    Documents { profile, body: source.members, get, one }
}

impl Source<'_> {
    /// Of documents that are there, one of them twice at times, and of one that is not.
    fn ids(&mut self) {
        let mut ids: Vec<Value> = (0..=self.dice.below(6)).map(|_| self.value_of("id")).collect();
        if self.dice.chance(30) {
            ids.push("nobody".into());
        }
        self.set("ids", ids);
    }

    /// Of a document that is there, but for a few.
    fn id(&mut self) -> String {
        match self.value_of("id") {
            Value::String(id) => id,
            _ if self.dice.chance(5) => "nobody".to_owned(),
            id => id.to_string(),
        }
    }

    fn fields(&mut self) {
        let names = match self.dice.below(8) {
            0 => vec!["gross.us", "place.country", "nowhere.at.all"],
            1 => vec!["id", "*"],
            2 => Vec::new(),
            _ => self.names().into_iter().chain(["id"]).collect(),
        };
        self.set("fields", names);
    }

    fn list_wrong(&mut self) {
        let wrong: [(&str, Value); 6] = [
            ("filter", json!("runtime = 3")),
            ("filter", json!("id = ")),
            ("sort", json!(["runtime:asc"])),
            ("sort", json!(["id"])),
            ("ids", json!([true])),
            ("limit", json!(-1)),
        ];
        let (name, value) = self.dice.pick(&wrong).clone();
        self.set(name, value);
    }
}

impl Documents {
    /// The parameters of a GET; nothing for a POST.
    pub(crate) fn query(&self) -> Option<String> {
        self.get.then(|| super::request::query(&self.body))
    }
}
