//! A plan over 8 nodes, 16 shards and two copies of each: at most 20 µs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use miroir_query::{from_json, plan};

mod cluster;

fn plans(criterion: &mut Criterion) {
    let cluster = cluster::Cluster::new(8, 16);
    let shards = cluster.shards();
    let index = cluster.view(&shards);
    let body = br#"{"q":"space adventure","filter":["genre = Drama",["year > 1990"]],"facets":["genre","year"],"limit":20,"attributesToHighlight":["*"]}"#;
    criterion.bench_function("query/parse", |bench| bench.iter(|| from_json(black_box(body))));
    let request = from_json(body).expect("a search");
    criterion.bench_function("query/plan 8 nodes", |bench| bench.iter(|| plan(black_box(&request), &index)));
}

criterion_group!(benches, plans);
criterion_main!(benches);
