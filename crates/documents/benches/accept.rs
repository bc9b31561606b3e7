//! The hot path of an upload: from the bytes of a request to the blocks of the log.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use miroir_documents::{Format, Rules, prepare};

fn cities(count: usize) -> Vec<u8> {
    let names = ["Vila", "El Tarter", "Sant Julià de Lòria", "Santa Coloma", "Pas de la Casa", "Ordino"];
    let mut body = String::from("[");
    for id in 0..count {
        let (lat, lng) =
            ((id * 7919 % 18_000) as f64 / 100.0 - 90.0, (id * 104_729 % 36_000) as f64 / 100.0 - 180.0);
        let name = names[id % names.len()];
        let comma = if id == 0 { "" } else { ",\n" };
        body += &format!(
            "{comma}{{\"id\": {id}, \"name\": \"{name} {id}\", \"country\": \"AD\", \"region\": \"Canillo\", \
             \"_geo\": {{\"lat\": {lat}, \"lng\": {lng}}}}}"
        );
    }
    (body + "]").into_bytes()
}

fn accept(c: &mut Criterion) {
    let rules = Rules {
        index_uid: "cities",
        primary_key: Some("id"),
        requested_key: None,
        geo: true,
        embedders: &[],
    };
    let mut group = c.benchmark_group("accept");
    for (name, count) in [("1 city", 1), ("10,000 cities", 10_000)] {
        let body = cities(count);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |b| b.iter(|| prepare(Format::Json, black_box(&body), &rules)));
    }
    let plain = Rules { geo: false, ..rules };
    let body = cities(10_000);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("10,000 cities, _geo not checked", |b| {
        b.iter(|| prepare(Format::Json, black_box(&body), &plain));
    });
    group.finish();
}

criterion_group!(benches, accept);
criterion_main!(benches);
