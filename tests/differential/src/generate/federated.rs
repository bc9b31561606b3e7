//! Several searches whose hits become one list.

use serde_json::{Map, Value, json};

use super::{Case, Choices, Request, case};
use crate::corpus::Corpus;
use crate::profile::Profile;

/// A federated multi-search, and what its searches are made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Federated {
    pub(crate) cases: Vec<Case>,
    pub(crate) body: Value,
}

/// What only the list as a whole has.
const OF_THE_LIST: [&str; 5] = ["offset", "limit", "page", "hitsPerPage", "facets"];

pub(crate) fn federated<'a>(
    dice: &mut Choices,
    corpus_of: impl Fn(&Profile) -> &'a Corpus + Copy,
) -> Federated {
    let mut cases: Vec<Case> = (0..=dice.below(4) as u64)
        .map(|at| case(at, dice, corpus_of))
        .filter(|case| !case.request.is_malformed())
        .collect();
    // Mostly what can be put in one order: words without a sort, or all by one.
    let sort = dice.chance(15).then(|| json!(["id:asc"]));
    let sound = !dice.chance(10);
    if sound {
        cases.retain(|case| case.profile.is_by_relevance());
    }
    if sound && dice.chance(75) {
        cases.retain(|case| !["movies-distinct", "cities-ranked"].contains(&case.profile.uid));
    }
    // Which of several documents stands for a distinct value can be told by their ids only.
    let distinct = cases.iter().all(|case| case.profile.shows_ids());
    let mut facets = Map::new();
    let mut queries = Vec::new();
    for case in &mut cases {
        let Request { members, .. } = &mut case.request;
        if sound {
            members.shift_remove("sort");
            match &sort {
                Some(sort) => {
                    members.insert("sort".to_owned(), sort.clone());
                    members.shift_remove("q");
                }
                None => {
                    members.entry("q").or_insert_with(|| "the".into());
                }
            }
        }
        if let Some(Value::Array(names)) = members.get("facets")
            && dice.chance(80)
        {
            facets.insert(case.profile.uid.to_owned(), names.clone().into());
        }
        if !dice.chance(2) {
            OF_THE_LIST.iter().for_each(|name| drop(members.shift_remove(*name)));
        }
        if !distinct {
            members.shift_remove("distinct");
        }
        members.insert("showRankingScoreDetails".to_owned(), true.into());
        let mut query = members.clone();
        query.insert("indexUid".to_owned(), case.profile.uid.into());
        if dice.chance(40) {
            let weight = [0.0, 0.25, 0.5, 0.9, 2.0][dice.below(5)];
            query.insert("federationOptions".to_owned(), json!({ "weight": weight }));
        }
        queries.push(Value::from(query));
    }
    let federation = federation(dice, facets, distinct);
    Federated { cases, body: json!({ "queries": queries, "federation": federation }) }
}

fn federation(dice: &mut Choices, facets: Map<String, Value>, distinct: bool) -> Value {
    let mut federation = Map::new();
    let (offset, limit) = (dice.below(9), 2 + dice.below(24));
    match dice.below(5) {
        0 => {}
        1 => drop(federation.insert("page".to_owned(), (offset / 3).into())),
        2 => drop(federation.insert("hitsPerPage".to_owned(), limit.into())),
        _ => {
            federation.insert("offset".to_owned(), offset.into());
            federation.insert("limit".to_owned(), limit.into());
        }
    }
    if !facets.is_empty() {
        federation.insert("facetsByIndex".to_owned(), facets.into());
        if dice.chance(30) {
            let most = dice.chance(50).then(|| 1 + dice.below(8));
            federation.insert("mergeFacets".to_owned(), json!({ "maxValuesPerFacet": most }));
        }
    }
    if distinct && dice.chance(8) {
        federation.insert("distinct".to_owned(), (*dice.pick(&["director", "country", "year"])).into());
    }
    federation.into()
}
