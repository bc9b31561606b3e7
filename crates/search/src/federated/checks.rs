//! What is wrong with several searches before any of them is made.

use std::collections::BTreeMap;

use miroir_api::ResponseError;
use miroir_model::IndexUid;
use miroir_query::{Compatible, Federation, OneOrder, Ranked, Shown};
use miroir_settings::deciding_rule;

use super::{FederatedError, Job, OfIndex, Part};
use crate::error::SearchError;
use crate::scope::Scope;
use crate::searcher::Searcher;

/// What searches are held to before they are made, and what the settings of their indexes say about answers.
#[derive(Default)]
pub(super) struct Checks {
    compatible: Compatible,
    order: OneOrder,
    pub(super) shown: BTreeMap<IndexUid, Shown>,
}

impl Checks {
    /// Takes the facets of the next index, if they are to be merged.
    fn order(&mut self, scope: &Scope, facets: &[String]) -> Result<(), SearchError> {
        let filterable = scope.index()?.settings.served.filterable_attributes();
        let is_facet = |name: &&str| {
            deciding_rule(&filterable, name).is_some_and(|(_, features)| features.is_filterable())
        };
        let facets = facets.iter().map(String::as_str).filter(is_facet);
        self.order.add(&scope.uid, facets, &scope.shown().facet_orders).map_err(SearchError::Refused)
    }
}

impl Searcher {
    /// The first search whose hits cannot be put in one order with those before it, or whose index is not there.
    pub(super) async fn first_wrong(
        &self,
        jobs: &[(&OfIndex<'_>, Job<'_>)],
        federation: &Federation,
        checks: &mut Checks,
    ) -> Option<(usize, FederatedError)> {
        for (at, (index, job)) in jobs.iter().enumerate() {
            let Job::Search(part) = job else { continue };
            let first = part.place == index.first();
            let facets = federation.facets_by_index.get(&index.uid).and_then(Option::as_deref);
            let facets = facets.filter(|_| first && federation.merge_facets.is_some());
            let checked = self.check_one(&index.uid, (part, facets.unwrap_or_default()), checks);
            if let Err(error) = checked.await {
                return Some((at, FederatedError { place: Some(part.place), error }));
            }
        }
        None
    }

    /// Facets are looked at before the first search of their index. What a pattern stands for is known later.
    async fn check_one(
        &self,
        uid: &IndexUid,
        (part, facets): (&Part, &[String]),
        checks: &mut Checks,
    ) -> Result<(), SearchError> {
        let scope = self.scope(uid).await?;
        let settings = &scope.index()?.settings.served;
        checks.shown.entry(uid.clone()).or_insert_with(|| scope.shown().clone());
        checks.order(&scope, facets)?;
        let rules = settings.ranking_rule_names();
        let Part { place, request, .. } = part;
        request.check_vector(settings).map_err(SearchError::Refused)?;
        let ranked = Ranked::new((uid.as_str(), *place), request, &rules);
        checks.compatible.add(&ranked).map_err(SearchError::Refused)
    }

    /// Facets may be asked of indexes that are not searched. There are none then, but they must not be wrong.
    pub(super) async fn check_unused(
        &self,
        indexes: &[OfIndex<'_>],
        federation: &Federation,
        checks: &mut Checks,
    ) -> Result<(), FederatedError> {
        let unused = |uid: &IndexUid| !indexes.iter().any(|index| index.uid == *uid);
        for (uid, facets) in federation.facets_by_index.iter().filter(|(uid, _)| unused(uid)) {
            let facets = facets.as_deref().unwrap_or_default();
            let merged = if federation.merge_facets.is_some() { facets } else { &[] };
            let checked = match self.scope(uid).await {
                Ok(scope) => checks.order(&scope, merged).and_then(|()| {
                    let settings = &scope.index()?.settings.served;
                    miroir_query::check_facets(facets, settings).map_err(SearchError::Refused)
                }),
                Err(error) => Err(error),
            };
            checked.map_err(|error| FederatedError::of_none(unused_facets(error, uid)))?;
        }
        Ok(())
    }
}

fn unused_facets(error: SearchError, uid: &IndexUid) -> SearchError {
    match error {
        SearchError::Refused(_) | SearchError::IndexNotFound(_) => {
            let ResponseError { code, message, .. } = error.into();
            let text = format!(
                "Inside `.federation.facetsByIndex.{uid}`: {message}\n - Note: index `{uid}` is not used in queries"
            );
            SearchError::Refused(ResponseError::new(code, text))
        }
        other => other,
    }
}
