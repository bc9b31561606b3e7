//! The run.

use crate::breakage;
use crate::changes;
use crate::client::Answer;
use crate::compare::{Class, Same};
use crate::documents;
use crate::federated;
use crate::generate::{Case, case};
use crate::multi;
use crate::pages;
use crate::report::Report;
use crate::rounds::{Part, Run};
use crate::server::Program;
use crate::similar;
use crate::values;
use crate::world::{Answers, SHAPES, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_answers_as_one_node() {
    let run = Run::from_env();
    let world = World::start(&Program::from_env()).await;
    let count = if miroir_testkit::long() { 20_000 } else { 1_500 };
    let report = searches(&world, &run, count).await;
    println!("{report}");
    if run.is_whole() {
        report.assert_shares();
    }
    others(&world, &run, count).await;
}

async fn searches(world: &World, run: &Run, count: u64) -> Report {
    let mut report = Report::default();
    let part = Part { name: "searches", count };
    let make = |round, choices: &mut _| case(round, choices, |profile| world.corpus(profile));
    run.rounds(part, make, async |case: &Case| {
        check(world, case, &mut report).await.map_err(|failure| failure.text(case))
    })
    .await;
    report
}

/// What is no search by itself.
async fn others(world: &World, run: &Run, count: u64) {
    let multi = multi::check(world, run, count / 10).await;
    println!("multi-searches: {multi:?}");
    let lists = federated::check(world, run, count / 2).await;
    println!("federated multi-searches: {lists:?}");
    let similar = similar::check(world, run, count / 5).await;
    println!("similar: {similar:?}");
    let values = values::check(world, run, count / 2).await;
    println!("searches among values: {values:?}");
    let documents = documents::check(world, run, count / 4).await;
    println!("lists of documents: {documents:?}");
    let changes = changes::check(world, run, count / 40).await;
    println!("searches while settings change: {changes:?}");
    if !run.is_whole() {
        return;
    }
    let pages = pages::check(world).await;
    println!("pages of equal hits: {pages}");
    assert!(multi.answered > multi.refused && multi.refused > 5, "{multi:?}");
    assert!(lists.answered > lists.refused && lists.refused > 5, "{lists:?}");
    let checked = lists.unchecked * 3 < lists.answered * 2;
    assert!(checked, "too much is refused that the node does not look at: {lists:?}");
    assert!(similar.answered > similar.refused && similar.refused > 5, "{similar:?}");
    let least = |same, percent: usize| {
        let (count, all) = (values.get(&same).copied().unwrap_or(0), values.values().sum::<usize>());
        assert!(count * 100 >= all * percent, "{same:?}: {count} of {all}, least {percent} %");
    };
    least(values::Same::Equal, 60);
    least(values::Same::Refused, 3);
    assert!(documents.equal.min(documents.own_order) * 5 > count as usize, "{documents:?}");
    assert!(documents.refused > 5, "{documents:?}");
    assert!(changes.during > changes.changes && changes.mixed > 2 && changes.refused > 2, "{changes:?}");
}

/// Two answers that are not the same.
struct Failure {
    why: String,
    shape: (u16, u16),
    single: Answer,
    cluster: Answer,
}

impl Failure {
    fn text(&self, case: &Case) -> String {
        let request = match case.request.query() {
            Some(query) => format!("GET /indexes/{}/search?{query}", case.profile.uid),
            None => format!("POST /indexes/{}/search {}", case.profile.uid, case.request.body()),
        };
        format!(
            "{why}\n{request}\n{shards} shards, {copies} copies; the request was sent with showRankingScoreDetails\n\
             single  {}: {}\ncluster {}: {}",
            self.single.status,
            self.single.body,
            self.cluster.status,
            self.cluster.body,
            why = self.why,
            shards = self.shape.0,
            copies = self.shape.1,
        )
    }
}

async fn check(world: &World, case: &Case, report: &mut Report) -> Result<(), Failure> {
    let mut answers = world.ask(case).await;
    let clusters = answers.clusters.clone();
    let order = world.order(case).await;
    for (at, (cluster, shape)) in clusters.iter().zip(SHAPES).enumerate() {
        let failure = |why, single: &Answer, cluster: &Answer| {
            let (single, cluster) = (single.clone(), cluster.clone());
            Failure { why, shape, single, cluster }
        };
        match world.compare(case, &mut answers, cluster).await {
            Ok(same) => {
                report.same(&same);
                let wrong = breakage::of(case, &same, cluster);
                if let Err(why) = refuse(world, case, &mut answers, wrong, report).await {
                    return Err(failure(why, &answers.single, cluster));
                }
                if let Some(order) = order.as_ref().filter(|_| !same.classes.contains(&Class::Mistyped)) {
                    let compared = world.compare_order(case, at, order).await;
                    compared.map_err(|why| failure(why, &answers.single, cluster))?;
                    report.in_order();
                }
            }
            Err(why) => match without_threshold(world, case, at).await {
                Some(same) => report.same(&same),
                None => return Err(failure(why, &answers.single, cluster)),
            },
        }
    }
    if let Err((number, why)) = world.compare_hidden(case, &answers).await {
        let (single, cluster) = (answers.single, answers.clusters.swap_remove(number));
        return Err(Failure { why, shape: SHAPES[number], single, cluster });
    }
    report.asked(case, &answers.single, world.shards_on_page(case, &clusters[0]));
    Ok(())
}

/// Where scores are a node's own, so is where a least score ends the hits, and a node knows nothing of it when it takes
/// the best hit of a distinct value: without it they must be the same.
async fn without_threshold(world: &World, case: &Case, cluster: usize) -> Option<Same> {
    if !case.request.has("rankingScoreThreshold") {
        return None;
    }
    let request = case.request.without("rankingScoreThreshold").whole(case.profile.max_total_hits);
    let case = Case { request, ..case.clone() };
    let mut answers = world.ask(&case).await;
    let cluster = answers.clusters.swap_remove(cluster);
    let mut same = world.compare(&case, &mut answers, &cluster).await.ok()?;
    if case.request.has("distinct") || case.profile.distinct.is_some() {
        same.classes.insert(Class::DistinctThreshold);
        return Some(same);
    }
    same.classes.contains(&Class::Mistyped).then_some(same)
}

/// The suite must be able to fail: answers that are wrong in one way each must not pass.
async fn refuse(
    world: &World,
    case: &Case,
    answers: &mut Answers,
    wrong: Vec<(&'static str, Answer)>,
    report: &mut Report,
) -> Result<(), String> {
    for (name, wrong) in wrong {
        if world.compare(case, answers, &wrong).await.is_ok() {
            return Err(format!("a wrong answer passes: {name}: {}", wrong.body));
        }
        report.broke(name);
    }
    Ok(())
}
