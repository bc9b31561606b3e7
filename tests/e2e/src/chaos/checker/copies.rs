//! What each node holds at the end, against the log: every document of its shards, as it was written last, and nothing
//! else, under the last settings. So all copies of a shard are equal.

use std::collections::BTreeMap;

use super::Violation;
use crate::chaos::document::{Id, Stored, name};
use crate::chaos::op::Number;

/// A shard of an index: its slots, first and last, and the nodes that have a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: String,
    pub(crate) slots: (u16, u16),
    pub(crate) nodes: Vec<usize>,
}

/// A document on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// What the index is called whose document it is.
    pub(crate) index: String,
    pub(crate) id: Id,
    pub(crate) stored: Stored,
    /// The settings of the node's index that it is in.
    pub(crate) mark: Option<Number>,
}

/// What an index should hold, under which settings.
pub(crate) type Expected = (BTreeMap<Id, Stored>, Option<Number>);

/// Compares each node with what the log says.
pub(crate) fn check(
    expected: &BTreeMap<String, Expected>,
    shards: &[Shard],
    nodes: &[Vec<Held>],
) -> Vec<Violation> {
    let mut found = Vec::new();
    for (node, held) in nodes.iter().enumerate() {
        let mut wanted: BTreeMap<(&str, Id), Stored> = BTreeMap::new();
        for shard in shards.iter().filter(|shard| shard.nodes.contains(&node)) {
            let documents = expected.get(&shard.index).into_iter().flat_map(|(documents, _)| documents);
            let here = documents.filter(|(id, _)| (shard.slots.0..=shard.slots.1).contains(&slot(**id)));
            wanted.extend(here.map(|(id, stored)| ((shard.index.as_str(), *id), *stored)));
        }
        let mut wrong = |text: String| {
            found.push(Violation::new("every copy holds what the log says", format!("node {node}: {text}")))
        };
        for document in held {
            let place = (document.index.as_str(), document.id);
            let mark = expected.get(&document.index).and_then(|(_, mark)| *mark);
            if mark != document.mark {
                wrong(format!("{place:?} is under settings {:?} and not {mark:?}", document.mark));
            }
            match wanted.remove(&place) {
                Some(stored) if stored == document.stored => {}
                Some(stored) => wrong(format!("{place:?} is {:?} and should be {stored:?}", document.stored)),
                None => {
                    wrong(format!("{place:?} is {:?} and should not be there, or not twice", document.stored))
                }
            }
        }
        for (place, stored) in wanted {
            wrong(format!("{place:?} is missing, and should be {stored:?}"));
        }
    }
    found
}

fn slot(id: Id) -> u16 {
    miroir_documents::slot_of_id(&name(id)).get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(id: Id, v: u64) -> Held {
        Held { index: "a".to_owned(), id, stored: Stored { v: Some(v), ..Stored::default() }, mark: Some(9) }
    }

    fn check(nodes: &[Vec<Held>]) -> usize {
        let documents = [(1, held(1, 5).stored), (2, held(2, 6).stored)].into();
        let half = |slots, nodes: &[usize]| Shard { index: "a".to_owned(), slots, nodes: nodes.to_vec() };
        let shards = [half((0, 8191), &[0, 1]), half((8192, 16383), &[1, 2])];
        super::check(&[("a".to_owned(), (documents, Some(9)))].into(), &shards, nodes).len()
    }

    /// The documents of a node, dealt by where they should be.
    fn dealt() -> Vec<Vec<Held>> {
        let mut nodes = vec![Vec::new(); 3];
        for document in [held(1, 5), held(2, 6)] {
            let shard = usize::from(slot(document.id) > 8191);
            nodes[shard].push(document.clone());
            nodes[shard + 1].push(document);
        }
        nodes
    }

    #[test]
    fn copies_that_differ_from_the_log_are_found() {
        assert_eq!(check(&dealt()), 0);
        let node = 1;
        let mut lost = dealt();
        lost[node].pop();
        assert_eq!(check(&lost), 1);
        let mut old = dealt();
        old[node][0].stored.v = Some(4);
        assert_eq!(check(&old), 1);
        let mut other = dealt();
        other[node][0].mark = None;
        assert_eq!(check(&other), 1);
        let mut twice = dealt();
        twice[node].push(held(1, 5));
        assert_eq!(check(&twice), 1);
        let mut risen = dealt();
        risen[node].push(held(3, 1));
        assert_eq!(check(&risen), 1);
    }
}
