//! A merge of the answers of 8 nodes with 20 hits each, of 0.5 KB besides their ranking details: at most 0.2 ms; of 2 KB: at
//! most 0.4 ms. Of 60 nodes: at most 2 ms.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use miroir_model::{Slot, reserved};
use miroir_query::{Answers, Meta, from_json, merge, plan};

mod cluster;

const HITS: u16 = 20;

/// The answer of 1.50 to a two-word query, but for the values. So many sentences make a hit.
fn answer(node: u16, sentences: usize) -> String {
    let mut hits = String::new();
    for n in 0..HITS {
        let slot = Slot::try_from(n * 780 + node * 12).expect("a slot");
        let [slot, unit, sixteenth] = reserved::values(slot);
        let typos = n / 10;
        let text = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. ".repeat(sentences);
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
    for (name, nodes, sentences) in
        [("8x20 of 0.5 KB", 8, 7), ("8x20 of 2 KB", 8, 34), ("60x20 of 0.5 KB", 60, 7)]
    {
        // One shard on each node that is asked: with two copies half of the nodes would do, so each has its own.
        let cluster = cluster::Cluster::new(nodes * 2, 128);
        let shards = cluster.shards();
        let request = from_json(br#"{"q":"space adventure"}"#).expect("a search");
        let mut plan = plan(&request, &cluster.view(&shards)).expect("a plan");
        plan.requests.truncate(nodes);
        assert_eq!(plan.requests.len(), nodes);
        let answers: Answers<String> =
            plan.requests.iter().zip(0..).map(|(request, k)| (request, answer(k, sentences))).collect();
        let meta = Meta { processing_time_ms: 1, request_uid: Some("01a1"), query_uids: &[] };
        criterion.bench_function(&format!("query/merge {name}"), |bench| {
            bench.iter(|| merge(black_box(&plan), black_box(&answers), meta).expect("answers that merge"));
        });
    }
}

criterion_group!(benches, merges);
criterion_main!(benches);
