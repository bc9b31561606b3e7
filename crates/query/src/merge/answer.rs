//! Writing the answer.

use super::Meta;
use super::found::Found;
use super::members::{ObjectWriter, write_list, write_string};
use crate::metadata::Described;
use crate::plan::Plan;
use crate::request::Paging;

/// The answer with the hits of the page that the user asked for.
pub(super) fn write(plan: &Plan, found: &Found<'_>, meta: Meta<'_>) -> String {
    let Found { hits, counts, near } = found;
    let mut out = String::with_capacity(1024 * (hits.len() + 1));
    let mut answer = ObjectWriter::new(&mut out);
    write_list(answer.name("hits"), hits, |hit, out| hit.write(plan, out));
    write_string(answer.name("query"), plan.request.q.as_deref().unwrap_or_default());
    if let Some(vector) = near.and_then(|near| near.vector).filter(|_| plan.request.retrieve_vectors) {
        answer.raw("queryVector", vector.get());
    }
    answer.raw("processingTimeMs", &meta.processing_time_ms.to_string());
    write_paging(plan, counts.total, &mut answer);
    if let Some((distribution, stats)) = &counts.facets {
        let shape = (&plan.facet_orders, plan.max_values_per_facet);
        distribution.write(shape, counts.total, answer.name("facetDistribution"));
        stats.write(answer.name("facetStats"));
    }
    if let Some(uid) = meta.request_uid {
        write_string(answer.name("requestUid"), uid);
    }
    write_metadata(plan, meta, &mut answer);
    if let Some(near) = near {
        answer.raw("semanticHitCount", &near.hits.to_string());
    }
    answer.end();
    out
}

/// What the search was, where the user wants to be told.
pub(super) fn write_metadata(plan: &Plan, meta: Meta<'_>, answer: &mut ObjectWriter<'_>) {
    if let Some(uid) = meta.query_uids.first() {
        Described::of(plan).write(uid, &plan.uid, answer.name("metadata"));
    }
}

fn write_paging(plan: &Plan, total: u64, answer: &mut ObjectWriter<'_>) {
    let most = plan.window.max_total_hits;
    let capped = plan.version.traits().totals_capped;
    let total = if capped { total.min(most as u64) } else { total };
    let mut number = |name, number: u64| answer.raw(name, &number.to_string());
    match plan.window.paging {
        Paging::Window { offset, limit } => {
            number("limit", limit as u64);
            number("offset", if capped { offset.min(most) } else { offset } as u64);
            number("estimatedTotalHits", total);
        }
        Paging::Page { page, hits_per_page } => {
            number("hitsPerPage", hits_per_page as u64);
            number("page", page as u64);
            number("totalPages", if hits_per_page == 0 { 0 } else { total.div_ceil(hits_per_page as u64) });
            number("totalHits", total);
        }
    }
}
