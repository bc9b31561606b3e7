//! The merge alone: what criterion measured in `crates/query`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::figure::{Figures, Target};

/// Answers, and hits of each.
const SHAPE: &str = "8x20";

pub(crate) fn measure(figures: &mut Figures) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let status = Command::new("cargo")
        .args(["bench", "--quiet", "-p", "miroir-query", "--bench", "merge"])
        .current_dir(&root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the bench `merge` of crates/query does not run");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let file = target.join(format!("criterion/query_merge {SHAPE}/new/estimates.json"));
    let text = std::fs::read_to_string(&file).expect("criterion writes what it measured");
    let estimates: Value = serde_json::from_str(&text).expect("JSON");
    let median = &estimates["median"];
    let of = |value: &Value| value.as_f64().expect("nanoseconds") / 1e6;
    let interval = &median["confidence_interval"];
    let values = [&interval["lower_bound"], &median["point_estimate"], &interval["upper_bound"]];
    figures.add("merge of 8 x 20 hits of 0.5 KB", "ms", Target::AtMost(0.2), &values.map(of));
}
