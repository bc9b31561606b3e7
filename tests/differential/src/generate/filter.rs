//! Filters: every operator, on values that documents have.

use serde_json::{Value, json};

use super::Source;

impl Source<'_> {
    pub(super) fn filter(&mut self) {
        if !self.dice.chance(32) {
            return;
        }
        let filter = match self.dice.below(4) {
            0 => json!([[self.condition(), self.condition()]]),
            1 => json!([[self.condition(), self.condition(), self.condition()], self.condition()]),
            _ => self.tree(2).into(),
        };
        self.set("filter", filter);
    }

    fn tree(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.condition();
        }
        match self.dice.below(6) {
            0 => format!("{} AND {}", self.tree(depth - 1), self.tree(depth - 1)),
            1 => format!("({} OR {})", self.tree(depth - 1), self.tree(depth - 1)),
            2 => format!("NOT ({})", self.tree(depth - 1)),
            _ => self.condition(),
        }
    }

    fn condition(&mut self) -> String {
        if self.profile.geo && self.dice.chance(35) {
            return self.place();
        }
        if self.dice.chance(45) { self.number() } else { self.text() }
    }

    fn number(&mut self) -> String {
        let attribute = *self.dice.pick(self.profile.numbers);
        let (a, b) = (self.value_of(attribute), self.value_of(attribute));
        let (Some(x), Some(y)) = (a.as_f64(), b.as_f64()) else {
            return format!(
                "{attribute} {}",
                self.dice.pick(&["EXISTS", "IS NULL", "IS NOT NULL", "NOT EXISTS"])
            );
        };
        let (least, most) = if x < y { (a, b) } else { (b, a) };
        match self.dice.below(12) {
            0 => format!("{attribute} = {least}"),
            1 | 7 => format!("{attribute} != {least}"),
            2 | 8 => format!("{attribute} > {least}"),
            3 | 9 => format!("{attribute} <= {most}"),
            4 => format!("{attribute} < {most}"),
            5 => format!("{attribute} >= {least}"),
            _ => format!("{attribute} {least} TO {most}"),
        }
    }

    fn text(&mut self) -> String {
        let attribute = *self.dice.pick(self.profile.texts);
        let values: Vec<String> = (0..=self.dice.below(4))
            .map(|_| self.value_of(attribute))
            .filter_map(|value| quoted(&value))
            .collect();
        let Some(first) = values.first() else {
            return format!(
                "{attribute} {}",
                self.dice.pick(&["EXISTS", "IS EMPTY", "IS NOT NULL", "IS NULL"])
            );
        };
        match self.dice.below(5) {
            0 | 1 => format!("{attribute} = {first}"),
            2 => format!("{attribute} != {first}"),
            3 => format!("{attribute} IN [{}]", values.join(", ")),
            _ => format!("{attribute} NOT IN [{}]", values.join(", ")),
        }
    }

    fn place(&mut self) -> String {
        let (lat, lng) = self.point();
        if self.dice.chance(50) {
            return format!("_geoRadius({lat}, {lng}, {})", 300_000 * (1 + self.dice.below(20)));
        }
        let half = 10.0 + self.dice.below(40) as f64;
        let top = (lat + half).min(89.0);
        let bottom = (lat - half).max(-89.0);
        let (left, right) = ((lng - half).max(-179.0), (lng + half).min(179.0));
        format!("_geoBoundingBox([{top}, {right}], [{bottom}, {left}])")
    }
}

fn quoted(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => return None,
        other => other.to_string(),
    };
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
