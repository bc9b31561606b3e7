//! The plan of a search, for operators.

use std::collections::BTreeSet;

use miroir_cluster::Index;
use miroir_model::IndexUid;
use miroir_query::{Explanation, SearchRequest, ShardView, Warning};
use serde::Serialize;

use crate::error::SearchError;
use crate::searcher::Searcher;
use crate::view::Marks;

/// What a search would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// What the name stands for.
    pub index: Resolved,
    /// Whether what is late is asked of another copy too.
    pub hedge: Hedging,
    /// Where the search goes, and why.
    #[serde(flatten)]
    pub plan: Explanation,
}

/// When what is late is asked of another copy too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hedging {
    /// After so many milliseconds; never where there is none.
    pub after_ms: Option<f64>,
    /// Why then.
    pub why: &'static str,
}

/// What a name stands for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolved {
    /// The name.
    pub uid: String,
    /// The number of the index that is served under it; swapping names changes it.
    pub id: u64,
    /// Its primary key.
    pub primary_key: Option<String>,
    /// How many settings changes were decided.
    pub settings_version: u64,
    /// Whether nodes order equal scores by slot.
    pub tie_rule: bool,
}

impl Searcher {
    /// What a search would do now. It sends nothing.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn explain(&self, uid: &IndexUid, request: &SearchRequest) -> Result<Explained, SearchError> {
        let scope = self.scope(uid).await?;
        let index = scope.index()?;
        let slow = self.tail.slow(index.id);
        let nodes = scope.nodes(Marks { out: &BTreeSet::new(), slow: &slow })?;
        let shards = scope.shards(&nodes)?;
        let mut plan = miroir_query::explain(request, &scope.view(&shards)?, &index.settings.served)?;
        if index.settings.are_in_flight() {
            let text =
                "The settings of the index are being changed: each shard answers as before or as after.";
            plan.warnings.push(Warning { kind: "settings_in_flight", text: text.to_owned() });
        }
        let resolved = Resolved {
            uid: uid.to_string(),
            id: index.id.0,
            primary_key: index.served_primary_key.clone().or_else(|| index.primary_key.clone()),
            settings_version: index.settings.version,
            tie_rule: index.tie_rule,
        };
        let hedge = self.hedging(index, &shards);
        Ok(Explained { index: resolved, hedge, plan })
    }

    fn hedging(&self, index: &Index, shards: &[ShardView<'_>]) -> Hedging {
        let never = |why| Hedging { after_ms: None, why };
        if !self.tail.config.hedge {
            never("hedging is switched off on this peer")
        } else if !index.tie_rule {
            never("the order of equal hits is that of the copy, so all pages come from one")
        } else if shards.iter().all(|shard| shard.copies.len() < 2) {
            never("no shard has a second copy that can be searched")
        } else {
            let after = self.tail.paces.late(index.id);
            let why =
                "97 of 100 requests for this index take less, as far as this peer has seen; 2 ms at least";
            Hedging { after_ms: Some(after.as_secs_f64() * 1e3), why }
        }
    }
}
