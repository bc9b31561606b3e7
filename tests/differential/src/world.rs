//! The single node and the clusters, with the same indexes.

use std::collections::BTreeMap;

use futures::future::join_all;
use miroir_cluster::Defaults;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Answer, Client};
use crate::cluster::Cluster;
use crate::compare::{Begun, Expected, Same, Verdict, compare};
use crate::corpus::{Corpus, Data};
use crate::generate::{Case, Request};
use crate::order::{self, Stamped};
use crate::profile::{PROFILES, Profile};
use crate::server::{MASTER_KEY, Program, Server};

/// The shards of each index, and copies of each shard: one cluster for each entry.
pub(crate) const SHAPES: [(u16, u16); 4] = [(6, 1), (6, 2), (2, 2), (17, 1)];
pub(crate) const NODES: usize = 3;

/// Done to some documents after they are loaded: what is compared then is searched for, counted and shown as edited.
/// Members that requests are made from stay as they are.
const EDIT: &str = r#"
fn is_third(id) { return id % 3 == 0; }
if is_third(doc.id) { return; }
doc.edited = #{ by: context.by + doc.id % 7, words: "edited and indexed again" };
"#;

pub(crate) struct World {
    corpora: BTreeMap<Data, Corpus>,
    single: Client,
    /// Each with who is asked in turn: its steady peer, and where all is there twice, the usual one and peers to which one
    /// node is dead.
    pub(crate) clusters: Vec<(Cluster, Vec<Client>)>,
    pub(crate) stamped: Stamped,
    _server: Server,
}

/// What the single node and the clusters said to a request.
pub(crate) struct Answers {
    pub(crate) single: Answer,
    pub(crate) clusters: Vec<Answer>,
    /// The single node's hits from the first on, once they were needed.
    pub(crate) whole: Option<Value>,
}

impl World {
    pub(crate) async fn start(program: &Program) -> Self {
        let server = Server::start(program).await;
        let mut clusters = Vec::new();
        for (shards, factor) in SHAPES {
            let defaults = Defaults { shards: Some(shards), factor, ..Defaults::default() };
            let cluster = Cluster::start(program, NODES, defaults).await;
            let urls = std::iter::once(&cluster.url).chain(&cluster.usual).chain(&cluster.with_dead);
            let clients = urls.map(|url| Client::new(url, None)).collect();
            clusters.push((cluster, clients));
        }
        let corpora = [Data::Movies, Data::Cities].map(|data| (data, Corpus::read(data)));
        let single = Client::new(&server.url, Some(MASTER_KEY));
        let stamped = Stamped::start(program).await;
        let world = Self { corpora: corpora.into(), single, clusters, stamped, _server: server };
        world.load().await;
        world
    }

    pub(crate) fn corpus(&self, profile: &Profile) -> &Corpus {
        &self.corpora[&profile.data]
    }

    /// The single node's, then one for each cluster.
    pub(crate) fn clients(&self) -> impl Iterator<Item = &Client> {
        std::iter::once(&self.single).chain(self.clusters.iter().map(|(_, clients)| &clients[0]))
    }

    pub(crate) fn single(&self) -> &Client {
        &self.single
    }

    /// Who is asked a case: one peer of each cluster.
    fn asked(&self, case: &Case) -> impl Iterator<Item = &Client> {
        let turn = case.number as usize;
        self.clusters.iter().map(move |(_, clients)| &clients[turn % clients.len()])
    }

    /// Who answers multi-searches, each time of the same copies: the clusters, and the single node where it is an official
    /// one (the embedded one has only what clusters ask of nodes).
    pub(crate) fn multi_searched(&self) -> impl Iterator<Item = &Client> {
        let left_out = usize::from(matches!(Program::from_env(), Program::Embedded));
        self.clients().skip(left_out)
    }

    /// The same writes to all. They are sent without waiting: order is the servers' business, index by index.
    async fn load(&self) {
        let mut last = Vec::new();
        for client in self.clients().chain([&self.stamped.peer]) {
            client.enable_edits().await;
            for profile in &PROFILES {
                last.push((client, self.load_index(client, profile).await));
            }
        }
        // The single node's tasks come first, then those of each cluster.
        let mut details = Vec::new();
        for (client, task) in last {
            details.push(client.done(task).await);
        }
        let (single, clusters) = details.split_at(PROFILES.len());
        clusters.chunks(PROFILES.len()).for_each(|cluster| assert_eq!(cluster, single));
        for ((cluster, _), (shards, factor)) in self.clusters.iter().zip(SHAPES) {
            for profile in &PROFILES {
                let shards = if profile.one_shard { 1 } else { usize::from(shards) };
                let (has, nodes) = cluster.shape_of(profile.uid);
                assert_eq!(has, shards, "{}", profile.uid);
                assert!(nodes >= NODES.min(shards).max(usize::from(factor)), "{} on {nodes}", profile.uid);
            }
        }
    }

    /// An index that the single node is not asked for.
    pub(crate) async fn load_besides(&self, profile: &Profile) {
        for client in self.clients().skip(1).chain([&self.stamped.peer]) {
            let task = self.load_index(client, profile).await;
            client.done(task).await;
        }
    }

    /// The uid of the last task.
    async fn load_index(&self, client: &Client, profile: &Profile) -> u64 {
        let (uid, corpus) = (profile.uid, self.corpus(profile));
        let shape = if profile.one_shard && !std::ptr::eq(client, &self.single) { "?shards=1" } else { "" };
        let index = json!({ "uid": uid, "primaryKey": "id" });
        client.write(Method::POST, &format!("/indexes{shape}"), &index).await;
        client.write(Method::PATCH, &format!("/indexes/{uid}/settings"), &profile.settings()).await;
        let (middle, end) = (corpus.documents.len() / 2, corpus.documents.len());
        for places in [0..middle, middle..end] {
            let near = profile.near;
            let lines = if near { corpus.lines_with_vectors(places) } else { corpus.lines(places) };
            client.load(uid, lines).await;
        }
        let edit = json!({ "function": EDIT, "context": { "by": 1000 }, "filter": "id < 20000" });
        client.write(Method::POST, &format!("/indexes/{uid}/documents/edit"), &edit).await
    }

    /// Sends a request to all.
    pub(crate) async fn ask(&self, case: &Case) -> Answers {
        let request = detailed(&case.request);
        let index = case.profile.uid;
        let single = self.single.search(index, &request);
        let clusters = join_all(self.asked(case).map(|client| client.search(index, &request)));
        let (single, clusters) = tokio::join!(single, clusters);
        Answers { single, clusters, whole: None }
    }

    /// The order of hits on one node with the same stamped documents; see [`Stamped::order`].
    pub(crate) async fn order(&self, case: &Case) -> Option<Vec<String>> {
        self.stamped.order(case).await
    }

    /// Compares that of cluster `number`.
    pub(crate) async fn compare_order(
        &self,
        case: &Case,
        number: usize,
        expected: &[String],
    ) -> Result<(), String> {
        let client = self.asked(case).nth(number).ok_or("there is no such cluster")?;
        order::compare(case, client, expected).await
    }

    /// Compares a cluster's answer; asks the single node for more where that is needed.
    pub(crate) async fn compare(
        &self,
        case: &Case,
        answers: &mut Answers,
        cluster: &Answer,
    ) -> Result<Same, String> {
        let distinct = case.request.text("distinct").or(case.profile.distinct);
        let corpus = self.corpus(&case.profile);
        let distinct_value = |hit: &Map<String, Value>| value_of(corpus, hit, distinct?);
        let (offset, limit) = case.request.window();
        let expected = Expected {
            one_shard: case.profile.one_shard,
            begins_late: offset > 0,
            full: limit.min(case.profile.max_total_hits.saturating_sub(offset)),
            by_count: &|facet| case.profile.is_by_count(facet),
            facet_values: case.profile.facet_values(),
            begun: self.begun(case),
            words: case.request.text("q").is_some_and(|q| !q.trim().is_empty()),
            threshold: case.request.has("rankingScoreThreshold"),
            estimated_totals: case.estimated_totals(),
            distinct: distinct.is_some(),
            distinct_value: &distinct_value,
        };
        let first = compare(&expected, (&answers.single, cluster), answers.whole.as_ref());
        let verdict = match first {
            Err(Verdict::NeedsWhole) => {
                let whole = detailed(&case.request).whole(case.profile.max_total_hits);
                let mut answer = self.single.search(case.profile.uid, &whole).await;
                answers.whole = Some(answer.body["hits"].take());
                compare(&expected, (&answers.single, cluster), answers.whole.as_ref())
            }
            first => first,
        };
        verdict.map_err(|verdict| match verdict {
            Verdict::Different(why) => why,
            Verdict::NeedsWhole => "the single node's whole answer is not enough".to_owned(),
        })
    }

    /// What a request that hides its details gets must be what it got with them, but for them. Which cluster differs, and
    /// how.
    pub(crate) async fn compare_hidden(&self, case: &Case, answers: &Answers) -> Result<(), (usize, String)> {
        if case.request.has("showRankingScoreDetails") {
            return Ok(());
        }
        let clusters = self.clusters.iter().map(|(cluster, _)| cluster);
        let asked = self.asked(case).zip(clusters).zip(&answers.clusters).enumerate();
        for (number, ((client, cluster), detailed)) in asked {
            if cluster.usual.as_ref() == Some(&client.url) {
                // Other copies may be asked now: what depends on a node's own part may differ.
                continue;
            }
            let mut without = detailed.clone();
            let hits = without.body.get_mut("hits").and_then(Value::as_array_mut);
            for hit in hits.into_iter().flatten() {
                hit.as_object_mut().map(|hit| hit.shift_remove("_rankingScoreDetails"));
            }
            let mut bare = client.search(case.profile.uid, &case.request).await;
            for answer in [&mut without, &mut bare] {
                for own in ["processingTimeMs", "requestUid"] {
                    answer.body.as_object_mut().map(|body| body.shift_remove(own));
                }
            }
            if bare != without {
                let why = format!("with hidden details: {}, shown: {}", bare.body, without.body);
                return Err((number, why));
            }
        }
        Ok(())
    }

    /// Whether the last word of a request is looked for as the beginning of words.
    pub(crate) fn begun(&self, case: &Case) -> Begun {
        let last = case.request.text("q").and_then(|q| q.split_whitespace().last());
        match last {
            Some(word) if word.chars().count() <= KEPT_PREFIX => Begun::Short,
            Some(word) if self.corpus(&case.profile).begins_others(word) => Begun::Yes,
            _ => Begun::No,
        }
    }

    /// How many shards the hits of an answer of the first cluster come from, as far as hits show which document they are.
    pub(crate) fn shards_on_page(&self, case: &Case, answer: &Answer) -> usize {
        let (cluster, corpus) = (&self.clusters[0].0, self.corpus(&case.profile));
        let hits = answer.body["hits"].as_array().into_iter().flatten();
        let ids = hits.filter_map(|hit| hit.get("id").or_else(|| corpus.id_of(hit)));
        let shards = ids.map(|id| cluster.shard_of(case.profile.uid, &id.to_string()));
        shards.collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// The request with ranking details, which are what hits are compared by.
fn detailed(request: &Request) -> Request {
    request.with("showRankingScoreDetails", true)
}

/// Up to so many letters Meilisearch keeps what begins with them (`words_prefixes_fst`), where many words do.
const KEPT_PREFIX: usize = 4;

/// The distinct value of a hit. A document without one is distinct from all others.
pub(crate) fn value_of(corpus: &Corpus, hit: &Map<String, Value>, attribute: &str) -> Option<String> {
    let id = hit.get("id")?.to_string();
    let value = corpus.by_id(&id)?.get(attribute).filter(|value| !value.is_null());
    Some(value.map_or(id, |value| format!("={}", value.to_string().to_lowercase())))
}
