//! Which shards a filter leaves: where it names ids, only those that own them.
//!
//! Meilisearch compares texts without regard to case, so `id = a` also passes documents called `A`, which are elsewhere;
//! and whatever reads as a number passes the document of that number too. So only ids of digits narrow a search: `007`
//! passes the documents `007` and `7`, and nothing else. (Beyond 15 digits several numbers are one to Meilisearch; and of
//! an id in an object, `a.b`, a filter sees other values too, where lists are on the way.)
//!
//! A search with facets goes to all shards: it names those facets that some document of the index has.

use std::collections::BTreeSet;

use miroir_documents::slot_of_id;
use miroir_model::Slot;
use serde_json::Value;

use crate::filter::{self, Comparison, Condition, Filter};
use crate::view::ShardView;

/// How many digits a number may have that no other number is taken for.
const DIGITS: usize = 15;

/// The shards in which documents can be that pass the filter; `None` for all of them. There is always one to ask: it says
/// that nothing passes, or that the filter is wrong.
pub(super) fn narrowed<'a>(
    shards: &[ShardView<'a>],
    filter: Option<&Value>,
    primary_key: Option<&str>,
) -> Option<Vec<ShardView<'a>>> {
    let filter = filter::parse(filter?).ok()??;
    let slots = slots(&filter, primary_key.filter(|key| !key.contains('.'))?)?;
    let owns = |shard: &&ShardView<'_>| slots.iter().any(|slot| shard.range.contains(*slot));
    let mut owning: Vec<ShardView<'a>> = shards.iter().filter(owns).cloned().collect();
    if owning.is_empty() {
        owning.extend(shards.first().cloned());
    }
    Some(owning)
}

/// The slots in which documents can be that pass; `None` for all of them.
fn slots(filter: &Filter<'_>, key: &str) -> Option<BTreeSet<Slot>> {
    match filter {
        Filter::And(all) => {
            all.iter().filter_map(|one| slots(one, key)).reduce(|some, others| &some & &others)
        }
        Filter::Or(any) => {
            let all: Option<Vec<_>> = any.iter().map(|one| slots(one, key)).collect();
            Some(all?.into_iter().flatten().collect())
        }
        Filter::Condition { attribute, is: Condition::Compare(Comparison::Equal, value) }
            if attribute.value() == key =>
        {
            slots_of(value.value())
        }
        Filter::In { attribute, values } if attribute.value() == key => {
            let all: Option<Vec<_>> = values.iter().map(|value| slots_of(value.value())).collect();
            Some(all?.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// The slots of the documents whose id is the same to a filter.
fn slots_of(id: &str) -> Option<BTreeSet<Slot>> {
    if !(1..=DIGITS).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = match id.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    Some([id, number].map(slot_of_id).into())
}
