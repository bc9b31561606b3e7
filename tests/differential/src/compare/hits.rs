//! Hits: the sequence of keys, and what ties hold.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Begun, Class, Expected, Same, Verdict, different};

const DETAILS: &str = "_rankingScoreDetails";
const SCORE: &str = "_rankingScore";

/// A hit by what it is ordered by and what it shows.
#[derive(Debug, Clone, PartialEq)]
struct Hit {
    key: String,
    shown: String,
}

/// How closely keys are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// As they are shown.
    Close,
    /// Without marks.
    Unmarked,
    /// Without what depends on other documents of the node once there are typos, or a word is only begun.
    Mistyped { begun: Begun },
}

pub(super) fn compare(
    expected: &Expected<'_>,
    (single, cluster): (&Value, &Value),
    whole: Option<&Value>,
    same: &mut Same,
) -> Result<(), Verdict> {
    let close = at(Look::Close, expected, (single, cluster), whole);
    let mut judged = close.clone();
    let typos = mistyped(single) || mistyped(cluster) || apart(single) || apart(cluster);
    let looks = [
        (Look::Unmarked, Class::Marks, expected.words),
        (Look::Mistyped { begun: expected.begun }, Class::Mistyped, expected.begun != Begun::No || typos),
    ];
    for (look, class, possible) in looks {
        if possible && matches!(judged, Err(Verdict::Different(_))) {
            judged = at(look, expected, (single, cluster), whole);
            if !matches!(judged, Err(Verdict::Different(_))) {
                same.classes.insert(class);
            }
        }
    }
    if matches!(judged, Err(Verdict::Different(_))) || !scores_follow(single, cluster) {
        // The close look says best what is wrong.
        judged = close;
    }
    let choice = judged?;
    if choice {
        same.classes.insert(Class::DistinctChoice);
    }
    same.leans_on_ties = order(single) != order(cluster);
    if same.leans_on_ties && expected.one_shard {
        return different("an index of one shard has another order");
    }
    Ok(())
}

/// Whether a tie holds other documents, of the same distinct values.
fn at(
    look: Look,
    expected: &Expected<'_>,
    (single, cluster): (&Value, &Value),
    whole: Option<&Value>,
) -> Result<bool, Verdict> {
    let by = |identity: Identity<'_>| {
        let whole = whole.map(|whole| read(look, whole, identity));
        ties(expected, (&read(look, single, identity), &read(look, cluster, identity)), whole.as_deref())
    };
    match by(&|hit| Some(shown(hit, look))) {
        Err(Verdict::Different(why))
            if expected.distinct && !expected.one_shard && shown_alike(single, cluster) =>
        {
            match by(expected.distinct_value) {
                Err(Verdict::Different(_)) => different(why),
                verdict => verdict.map(|()| true),
            }
        }
        verdict => verdict.map(|()| false),
    }
}

/// Whether all hits say which document they are, and the documents that are on both pages show the same.
fn shown_alike(single: &Value, cluster: &Value) -> bool {
    let by_id = |hits: &Value| -> Option<BTreeMap<String, String>> {
        let hits = hits.as_array().into_iter().flatten().filter_map(Value::as_object);
        hits.map(|hit| Some((hit.get("id")?.to_string(), shown(hit, Look::Close)))).collect()
    };
    let Some((single, cluster)) = by_id(single).zip(by_id(cluster)) else { return false };
    single.iter().all(|(id, shown)| cluster.get(id).is_none_or(|other| other == shown))
}

/// What a hit is known by.
type Identity<'a> = &'a dyn Fn(&Map<String, Value>) -> Option<String>;

fn read(look: Look, hits: &Value, identity: Identity<'_>) -> Vec<Hit> {
    let hits = hits.as_array().into_iter().flatten().filter_map(Value::as_object);
    hits.map(|hit| Hit { key: key(look, hit), shown: identity(hit).unwrap_or_default() }).collect()
}

fn ties(
    expected: &Expected<'_>,
    (single, cluster): (&[Hit], &[Hit]),
    whole: Option<&[Hit]>,
) -> Result<(), Verdict> {
    let last = single.len().max(cluster.len());
    let key_at = |hits: &[Hit], place: usize| hits.get(place).map_or("none", |hit| &hit.key).to_owned();
    if let Some(place) = (0..last).find(|place| key_at(single, *place) != key_at(cluster, *place)) {
        let (here, there) = (key_at(single, place), key_at(cluster, place));
        return different(format!("the key of hit {place}: {here}, cluster {there}"));
    }
    let mut first = 0;
    while first < last {
        let key = &single[first].key;
        let end = first + single[first..].iter().take_while(|hit| hit.key == *key).count();
        let (here, there) = (bag(&single[first..end]), bag(&cluster[first..end]));
        let cut = (first == 0 && expected.begins_late) || (end == last && last >= expected.full);
        if here != there && !cut {
            return different(format!("the tie of hits {first} to {end}: {here:?}, cluster {there:?}"));
        }
        if here != there {
            let Some(whole) = whole else { return Err(Verdict::NeedsWhole) };
            let all: Vec<Hit> = whole.iter().filter(|hit| hit.key == *key).cloned().collect();
            let all = bag(&all);
            if let Some((hit, _)) = there.iter().find(|(hit, count)| all.get(*hit).unwrap_or(&0) < *count) {
                return different(format!("hits {first} to {end}: {hit} is not in the tie {all:?}"));
            }
        }
        first = end;
    }
    Ok(())
}

/// How often each occurs.
fn bag(hits: &[Hit]) -> BTreeMap<&str, usize> {
    let mut bag = BTreeMap::new();
    for hit in hits {
        *bag.entry(hit.shown.as_str()).or_default() += 1;
    }
    bag
}

/// The rules by their order, and the score.
fn key(look: Look, hit: &Map<String, Value>) -> String {
    let mut rules: Vec<(&String, &Value)> =
        hit.get(DETAILS).and_then(Value::as_object).into_iter().flatten().collect();
    rules.sort_by_key(|(_, rule)| rule["order"].as_u64());
    let mut key = String::new();
    let (mut typos, mut hidden, mut far) = (0, false, false);
    for (name, rule) in rules {
        let blurred = match (look, name.as_str()) {
            (Look::Mistyped { begun }, "exactness") => begun != Begun::No || far || typos >= 1,
            (Look::Mistyped { begun }, "proximity") => begun == Begun::Short || typos >= 2,
            _ => false,
        };
        if blurred || hidden {
            hidden = true;
            key += name;
            continue;
        }
        typos = typos.max(rule["typoCount"].as_u64().unwrap_or(0));
        far |= name == "proximity" && is_apart(rule);
        key += &format!("{name}{} ", canonical(rule));
    }
    if let Some(score) = hit.get(SCORE).filter(|_| !hidden) {
        key += &score.to_string();
    }
    key
}

/// Whether equal details come with equal scores, however closely details are looked at.
fn scores_follow(single: &Value, cluster: &Value) -> bool {
    let pairs = single.as_array().into_iter().flatten().zip(cluster.as_array().into_iter().flatten());
    pairs.into_iter().all(|(one, other)| one[DETAILS] != other[DETAILS] || one[SCORE] == other[SCORE])
}

fn mistyped(hits: &Value) -> bool {
    hits.as_array().into_iter().flatten().filter_map(Value::as_object).any(|hit| typos_of(hit) > 0)
}

/// Whether the words of some hit stand apart.
fn apart(hits: &Value) -> bool {
    let details = hits.as_array().into_iter().flatten().map(|hit| &hit[DETAILS]);
    details.into_iter().any(|details| is_apart(&details["proximity"]))
}

fn is_apart(proximity: &Value) -> bool {
    proximity["score"].as_f64().is_some_and(|score| score < 1.0)
}

fn typos_of(hit: &Map<String, Value>) -> u64 {
    hit.get(DETAILS).and_then(|details| details["typo"]["typoCount"].as_u64()).unwrap_or(0)
}

/// All that a hit shows but why it stands where it does.
fn shown(hit: &Map<String, Value>, look: Look) -> String {
    let members = hit.iter().filter(|(name, _)| *name != DETAILS && *name != SCORE);
    let mut shown: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    if look != Look::Close {
        shown.remove("_matchesPosition");
        if let Some(Value::Object(formatted)) = shown.get_mut("_formatted") {
            formatted.values_mut().for_each(|value| *value = Value::Null);
        }
    }
    canonical(&shown.into())
}

fn order(hits: &Value) -> Vec<String> {
    hits.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(|hit| shown(hit, Look::Close))
        .collect()
}

/// JSON with sorted names: nodes write the members of a document in the order in which they met them.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            let members: Vec<String> =
                sorted.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}
