//! The plan of a search, for operators.

use miroir_model::IndexUid;
use miroir_query::{Explanation, SearchRequest, Warning};
use serde::Serialize;

use crate::error::SearchError;
use crate::searcher::Searcher;

/// What a search would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// What the name stands for.
    pub index: Resolved,
    /// Where the search goes, and why.
    #[serde(flatten)]
    pub plan: Explanation,
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
        let nodes = scope.nodes(&Default::default())?;
        let shards = scope.shards(&nodes)?;
        let mut plan = miroir_query::explain(request, &scope.view(&shards)?, &index.settings.served)?;
        if index.settings.are_in_flight() {
            let text =
                "The settings of the index are being changed: each shard answers as before or as after.";
            plan.warnings.push(Warning { kind: "settings_in_flight", text: text.to_owned() });
        }
        let index = Resolved {
            uid: uid.to_string(),
            id: index.id.0,
            primary_key: index.served_primary_key.clone().or_else(|| index.primary_key.clone()),
            settings_version: index.settings.version,
            tie_rule: index.tie_rule,
        };
        Ok(Explained { index, plan })
    }
}
