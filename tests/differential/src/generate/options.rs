//! What hits show, and how words are matched.

use serde_json::json;

use super::Source;
use crate::corpus::Data;

impl Source<'_> {
    pub(super) fn options(&mut self) {
        if self.dice.chance(30) {
            self.facets();
        }
        self.shown();
        if self.dice.chance(40) {
            self.set("showRankingScore", true);
        }
        if self.dice.chance(50) {
            self.set("showRankingScoreDetails", true);
        }
        if self.dice.chance(20) {
            let strategy = *self.dice.pick(&["all", "last"]);
            self.set("matchingStrategy", strategy);
        }
        if self.dice.chance(10) {
            let names =
                if self.profile.searchable.is_empty() { self.shown_names() } else { self.profile.searchable };
            let name = *self.dice.pick(names);
            self.set("attributesToSearchOn", json!([name]));
        }
        if self.dice.chance(8) {
            let percent = self.dice.below(100);
            self.set("rankingScoreThreshold", percent as f64 / 100.0);
        }
        if self.dice.chance(5) {
            let attribute = *self.dice.pick(self.profile.distinct_on_request);
            self.set("distinct", attribute);
        }
        if self.dice.chance(2) {
            let locale = *self.dice.pick(&["eng", "fra", "jpn", "de"]);
            self.set("locales", json!([locale]));
        }
    }

    fn shown_names(&self) -> &'static [&'static str] {
        match self.profile.data {
            Data::Movies => &["title", "director", "genre", "gross", "year"],
            Data::Cities => &["name", "region", "country", "place", "_geo"],
        }
    }

    pub(super) fn names(&mut self) -> Vec<&'static str> {
        let all = self.shown_names();
        (0..=self.dice.below(3)).map(|_| *self.dice.pick(all)).collect()
    }

    fn shown(&mut self) {
        if self.dice.chance(20) {
            let names = match self.dice.below(6) {
                0 => vec!["*"],
                1 => vec!["gross.us", "place.country", "id"],
                2 => self.names(),
                _ => self.names().into_iter().chain(["id"]).collect(),
            };
            self.set("attributesToRetrieve", names);
        }
        if self.dice.chance(20) {
            let names = if self.dice.chance(50) { vec!["*"] } else { self.names() };
            self.set("attributesToHighlight", names);
            if self.dice.chance(30) {
                self.set("highlightPreTag", "<b>");
                self.set("highlightPostTag", "</b>");
            }
        }
        // The engine panics where a phrase at the end of a text is longer than the crop (`matches/mod.rs`, 1.15 and 1.50).
        let phrase = self.members.get("q").is_some_and(|q| q.to_string().contains("\\\""));
        if !phrase && self.dice.chance(10) {
            let name = *self.dice.pick(self.shown_names());
            let names = json!([name, format!("{}:2", self.shown_names()[0])]);
            self.set("attributesToCrop", names);
            let length = self.dice.below(6);
            self.set("cropLength", length);
            self.set("cropMarker", "[…]");
        }
        if self.dice.chance(10) {
            self.set("showMatchesPosition", true);
        }
    }
}
