//! The run.

use crate::breakage;
use crate::client::Answer;
use crate::compare::Class;
use crate::federated;
use crate::generate::{Case, case};
use crate::multi;
use crate::report::Report;
use crate::server::Program;
use crate::values::{self, Same};
use crate::world::{Answers, SHAPES, World};

/// What the environment asks for.
struct Run {
    seed: u64,
    cases: std::ops::Range<u64>,
    /// The federated multi-searches from this one on, and nothing else.
    round: Option<u64>,
}

impl Run {
    fn from_env() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
        };
        let all = if miroir_testkit::long() { 20_000 } else { 1_500 };
        let cases = number("MIROIR_CASE").map_or(0..all, |case| case..case + 1);
        Self { seed: number("MIROIR_SEED").unwrap_or(1), cases, round: number("MIROIR_ROUND") }
    }
}

/// So many failures are printed before the run ends.
const ENOUGH: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_answers_as_one_node() {
    let run = Run::from_env();
    let world = World::start(&Program::from_env()).await;
    if let Some(round) = run.round {
        println!("{:?}", federated::check(&world, run.seed, round..run.cases.end).await);
        return;
    }
    let mut report = Report::default();
    for number in run.cases.clone() {
        let case = case(run.seed, number, |profile| world.corpus(profile));
        let answers = check(&world, &case, &mut report).await;
        if let Err(failure) = answers {
            report.fail(&failure.text(run.seed, &case));
        }
        if report.failures() >= ENOUGH {
            break;
        }
    }
    println!("{report}");
    assert_eq!(report.failures(), 0, "answers differ");
    let cases = run.cases.end - run.cases.start;
    if cases >= 1_500 {
        report.assert_shares();
        others(&world, run.seed, cases).await;
    }
}

/// What is no search by itself.
async fn others(world: &World, seed: u64, cases: u64) {
    let multi = multi::check(world, seed, cases / 10).await;
    println!("multi-searches: {multi:?}");
    assert!(multi.answered > multi.refused && multi.refused > 5, "{multi:?}");
    let lists = federated::check(world, seed, 0..cases / 2).await;
    println!("federated multi-searches: {lists:?}");
    assert!(lists.answered > lists.refused && lists.refused > 5, "{lists:?}");
    assert!(
        lists.unchecked * 4 < lists.answered,
        "too much is refused that the node does not look at: {lists:?}"
    );
    let values = values::check(world, seed, cases / 2).await;
    println!("searches among values: {values:?}");
    let least = |same, percent: usize| {
        let (count, all) = (values.get(&same).copied().unwrap_or(0), values.values().sum::<usize>());
        assert!(count * 100 >= all * percent, "{same:?}: {count} of {all}, least {percent} %");
    };
    least(Same::Equal, 60);
    least(Same::Refused, 3);
}

/// Two answers that are not the same.
struct Failure {
    why: String,
    shape: (u16, u16),
    single: Answer,
    cluster: Answer,
}

impl Failure {
    fn text(&self, seed: u64, case: &Case) -> String {
        let request = match case.request.query() {
            Some(query) => format!("GET /indexes/{}/search?{query}", case.profile.uid),
            None => format!("POST /indexes/{}/search {}", case.profile.uid, case.request.body()),
        };
        format!(
            "{why}\n{request}\n{shards} shards, {copies} copies; the request was sent with showRankingScoreDetails\n\
             single  {}: {}\ncluster {}: {}\n\
             repeat: MIROIR_SEED={seed} MIROIR_CASE={number} cargo test -p miroir-differential -- --nocapture\n",
            self.single.status,
            self.single.body,
            self.cluster.status,
            self.cluster.body,
            why = self.why,
            shards = self.shape.0,
            copies = self.shape.1,
            number = case.number,
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
            Err(why) => return Err(failure(why, &answers.single, cluster)),
        }
    }
    if let Err(why) = world.compare_hidden(case, &answers).await {
        let (single, cluster) = (answers.single, answers.clusters.swap_remove(0));
        return Err(Failure { why, shape: SHAPES[0], single, cluster });
    }
    report.asked(case, &answers.single, world.shards_on_page(case, &clusters[0]));
    Ok(())
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
