//! The answer of an index of one shard: its node's text, with what is ours cut out and nothing else changed.

use serde_json::value::RawValue;

use super::Meta;
use super::answer::write_metadata;
use super::hit::{Hit, write_some};
use super::members::{Members, ObjectWriter, write_list};
use crate::plan::Plan;

pub(super) fn cut(plan: &Plan, body: &[u8], meta: Meta<'_>) -> serde_json::Result<String> {
    let members: Members<'_> = serde_json::from_slice(body)?;
    let mut out = String::with_capacity(body.len());
    let mut answer = ObjectWriter::new(&mut out);
    for (name, raw) in &members.0 {
        match name.as_ref() {
            "hits" => write_hits(plan, raw, answer.name(name))?,
            "facetDistribution" | "facetStats" => write_some(raw, |_| true, answer.name(name)),
            "requestUid" => {
                answer.raw(name, raw.get());
                write_metadata(plan, meta, &mut answer);
            }
            _ => answer.raw(name, raw.get()),
        }
    }
    answer.end();
    Ok(out)
}

fn write_hits(plan: &Plan, raw: &RawValue, out: &mut String) -> serde_json::Result<()> {
    let hits: Vec<&RawValue> = serde_json::from_str(raw.get())?;
    let hits = hits.into_iter().map(|hit| Hit::read(hit, plan, 0)).collect::<Result<Vec<_>, _>>()?;
    write_list(out, hits, |hit, out| hit.write(plan, out));
    Ok(())
}
