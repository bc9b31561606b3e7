//! Requests that must be refused, with the words of one Meilisearch.

use serde_json::{Value, json};

use super::Source;

impl Source<'_> {
    pub(super) fn go_wrong(&mut self) {
        if !self.dice.chance(5) {
            return;
        }
        let wrong: [(&str, Value); 15] = [
            ("filter", json!("runtime = 3")),
            ("filter", json!("nothing > 3 AND id = 1")),
            ("filter", json!(["id = 1", ["runtime IN [1, 2]"]])),
            ("filter", json!("id = ")),
            ("filter", json!("id = 1 AND (id = 2")),
            ("filter", json!("_geoRadius(1, 2, 3) AND nothing EXISTS")),
            ("filter", json!("_geo = 1")),
            ("sort", json!(["runtime:asc"])),
            ("sort", json!(["id"])),
            ("sort", json!(["_geoPoint(91, 2):asc"])),
            ("facets", json!(["nothing"])),
            ("facets", json!(["genre", "runtime", "name"])),
            ("distinct", json!("runtime")),
            ("attributesToSearchOn", json!(["nothing"])),
            ("rankingScoreThreshold", json!(1.5)),
        ];
        let (name, value) = self.dice.pick(&wrong).clone();
        self.set(name, value);
    }
}
