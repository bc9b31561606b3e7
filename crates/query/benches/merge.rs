//! A merge of the answers of 8 nodes, 20 hits of 0.5 KB each besides their ranking details: at most 0.2 ms.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use miroir_model::{NodeId, Slot, reserved};
use miroir_query::{Meta, from_json, merge, plan};

mod cluster;

const HITS: u16 = 20;

/// The answer of 1.50 to a two-word query, but for the values.
fn answer(node: u16) -> String {
    let mut hits = String::new();
    for n in 0..HITS {
        let slot = Slot::try_from(node * 2000 + n * 64).expect("a slot");
        let [slot, unit, sixteenth] = reserved::values(slot);
        let typos = n / 10;
        let text = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. ".repeat(7);
        let comma = if n == 0 { "" } else { "," };
        let id = u32::from(node) * 1000 + u32::from(n);
        write!(
            hits,
            r#"{comma}{{"id":{id},"title":"Title {id}","overview":"{text}","genre":["Drama"],"year":1990,"_miroir":["{slot}","{unit}","{sixteenth}"],"_rankingScoreDetails":{{"words":{{"order":0,"matchingWords":2,"maxMatchingWords":2,"score":1.0}},"typo":{{"order":1,"typoCount":{typos},"maxTypoCount":3,"score":1.0}},"proximity":{{"order":2,"score":1.0}},"attributeRank":{{"order":3,"score":1.0}},"wordPosition":{{"order":4,"score":0.95}},"exactness":{{"order":5,"matchType":"noExactMatch","matchingWords":2,"maxMatchingWords":2,"score":0.33}},"_miroir:asc":{{"order":6,"value":"{slot}"}}}}}}"#
        )
        .expect("text takes all");
    }
    format!(
        r#"{{"hits":[{hits}],"query":"space adventure","processingTimeMs":1,"limit":21,"offset":0,"estimatedTotalHits":500,"requestUid":"01a1"}}"#
    )
}

fn merges(criterion: &mut Criterion) {
    // One shard on each node that is asked: with two copies half of the nodes would do, so each has its own.
    let cluster = cluster::Cluster::new(16, 64);
    let shards = cluster.shards();
    let request = from_json(br#"{"q":"space adventure"}"#).expect("a search");
    let mut plan = plan(&request, &cluster.view(&shards)).expect("a plan");
    plan.requests.truncate(8);
    assert_eq!(plan.requests.len(), 8);
    let answers: Vec<(NodeId, String)> =
        plan.requests.iter().zip(0..).map(|(request, k)| (request.node.clone(), answer(k))).collect();
    let meta = Meta { processing_time_ms: 1, request_uid: Some("01a1") };
    criterion.bench_function("query/merge 8x20", |bench| {
        bench.iter(|| merge(black_box(&plan), black_box(&answers), meta).expect("answers that merge"));
    });
}

criterion_group!(benches, merges);
criterion_main!(benches);
