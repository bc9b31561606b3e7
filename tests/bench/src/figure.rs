//! Figures: a median with the spread of its rounds, and what it should be.

use serde_json::json;

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// It is reported, not judged.
    None,
}

/// All figures of a run; each is printed as soon as it is known.
#[derive(Debug)]
pub(crate) struct Figures {
    json: bool,
    missed: bool,
}

impl Figures {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, missed: false }
    }

    /// Takes what the rounds gave.
    pub(crate) fn add(&mut self, name: &str, unit: &str, target: Target, rounds: &[f64]) {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return };
        let median = percentile(rounds, 50);
        let (shown, met) = match target {
            Target::AtMost(limit) => (format!("<= {limit}"), median <= limit),
            Target::AtLeast(limit) => (format!(">= {limit}"), median >= limit),
            Target::None => (String::new(), true),
        };
        self.missed |= !met;
        if self.json {
            let target = (!shown.is_empty()).then_some(&shown);
            let figure = json!({
                "name": name, "value": round(median), "unit": unit, "target": target,
                "spread": [round(*least), round(*most)],
            });
            println!("{figure}");
        } else {
            let verdict = if met { "" } else { "  MISSED" };
            let spread = format!("({} to {})", round(*least), round(*most));
            println!("{name:<34} {:>10} {unit:<8} {shown:<9} {spread}{verdict}", round(median));
        }
    }

    pub(crate) fn any_missed(&self) -> bool {
        self.missed
    }
}

/// Three digits that count.
fn round(value: f64) -> f64 {
    if value == 0.0 {
        return value;
    }
    let scale = 10_f64.powi(2 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// The smallest value that so many percent of the values do not exceed.
///
/// # Panics
/// Without values.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

#[cfg(test)]
mod tests {
    use super::{percentile, round};

    #[test]
    fn percentiles_are_values_of_the_sample() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (100.0, 198.0));
        assert_eq!((percentile(&[7.0], 1), percentile(&[7.0], 99)), (7.0, 7.0));
    }

    #[test]
    fn three_digits_count() {
        assert_eq!([0.0, 1234.5, 0.012_345, 9.999].map(round), [0.0, 1230.0, 0.0123, 10.0]);
    }
}
