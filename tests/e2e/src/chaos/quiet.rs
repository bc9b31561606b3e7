//! Quiet: nobody writes, all tasks have ended, and every peer must answer exactly what the log says.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::checker::Violation;
use super::checker::log::{Log, Task};
use super::checker::reads::{Answer, Ask, check};
use super::clients::ask;
use super::document::KINDS;
use super::http;
use super::judge;
use super::model::Done;
use super::op::Uid;
use super::stage::{FIXED, FLEETING, PATIENCE, Stage};

const LOOK: Duration = Duration::from_millis(20);
/// Tasks read at once.
const PAGE: u64 = 500;
/// How many tasks are told when something is wrong.
const TOLD: usize = 400;

/// Reads the log on and compares, in quiet intervals.
pub(crate) struct Auditor<'a> {
    stage: &'a Stage,
    client: Client,
    pub(crate) log: Log,
    /// All tasks, as they ended.
    pub(crate) tasks: Vec<Value>,
}

impl<'a> Auditor<'a> {
    pub(crate) fn new(stage: &'a Stage) -> Self {
        let client = http::client(Duration::from_secs(40));
        Self { stage, client, log: Log::default(), tasks: Vec::new() }
    }

    /// Waits until clients and tasks rest, and checks everything that was seen since the last time.
    pub(crate) async fn quiet(&mut self) {
        let Ok(_alone) = timeout(PATIENCE, self.stage.gate.write()).await else {
            return self.broken("clients come to rest", "some request does not end");
        };
        loop {
            let Some(()) = self.at_rest().await else { return };
            let Some(()) = self.read_log().await else { return };
            judge::reads(self.stage, &self.log);
            judge::refusals(self.stage);
            let found = self.compare().await;
            // A request that a peer was stopped with may have been carried out meanwhile: then that was no quiet.
            if self.last().await.is_some_and(|last| last + 1 == self.log.next()) {
                self.stage.report(found);
                break;
            }
        }
        self.stage.notes().counts.quiet += 1;
        self.stage.say(&format!("quiet after task {}", self.log.next()));
    }

    /// When something is wrong, the last tasks, for people.
    pub(crate) fn tell(&self) {
        let notes = self.stage.notes();
        if !notes.violations.is_empty() {
            let last = self.tasks.iter().skip(self.tasks.len().saturating_sub(TOLD));
            last.for_each(|task| eprintln!("{}", self.log.line(task, &notes.record)));
        }
    }

    fn broken(&self, rule: &'static str, text: &str) {
        self.stage.report([Violation::new(rule, text)]);
    }

    /// Every task has ended, and every node has what it is to have, those that nobody waited for too.
    async fn at_rest(&self) -> Option<()> {
        let started = Instant::now();
        loop {
            let url = self.stage.url(0, "/tasks?statuses=enqueued,processing&limit=3");
            let open = http::get(&self.client, &url).await;
            let mut undelivered = None;
            if open.as_ref().is_some_and(|page| page["total"] == 0) {
                let topology = http::get(&self.client, &self.stage.url(0, "/_miroir/topology")).await;
                undelivered =
                    topology.and_then(|mut topology| topology["tasks"]["undelivered"].take().as_u64());
                if undelivered == Some(0) {
                    return Some(());
                }
            }
            if started.elapsed() > PATIENCE {
                let text = format!("unfinished {open:?}; undelivered {undelivered:?}");
                self.broken("every task ends and is delivered", &text);
                return None;
            }
            sleep(LOOK).await;
        }
    }

    async fn last(&self) -> Option<Uid> {
        let page = http::get(&self.client, &self.stage.url(0, "/tasks?limit=1")).await?;
        page["results"][0]["uid"].as_u64()
    }

    /// The tasks that came since the last time.
    async fn read_log(&mut self) -> Option<()> {
        let last = self.last().await;
        let mut read = Vec::new();
        let mut from = last;
        // They come newest first.
        while let Some(first) = from.filter(|first| *first >= self.log.next()) {
            let page =
                http::get(&self.client, &self.stage.url(0, &format!("/tasks?limit={PAGE}&from={first}")))
                    .await;
            let Some(Value::Array(tasks)) = page.map(|mut page| page["results"].take()) else {
                self.broken("the log can be read", &format!("tasks from {first}"));
                return None;
            };
            let next = self.log.next();
            read.extend(tasks.into_iter().filter(|task| task["uid"].as_u64() >= Some(next)));
            from = read.last().and_then(|task| task["uid"].as_u64()?.checked_sub(1));
            if from.is_none_or(|from| from < next) {
                break;
            }
        }
        read.reverse();
        let tasks: Vec<Task> = read.iter().filter_map(Task::read).collect();
        let found = self.log.read(&tasks, &self.stage.notes().record);
        self.stage.report(found);
        self.tasks.extend(read);
        Some(())
    }

    /// Each peer, each index, each way to ask.
    async fn compare(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let names = || FIXED.into_iter().chain(FLEETING);
        let last = self.log.next().checked_sub(1);
        let done: Done =
            last.into_iter().flat_map(|last| names().map(move |name| (name.to_owned(), last))).collect();
        for index in names() {
            for peer in 0..self.stage.peers {
                let kind = (self.log.next() % u64::from(KINDS)) as u8;
                let mut asks = vec![Ask::Search(None), Ask::List, Ask::Settings];
                if FIXED.contains(&index) {
                    asks.push(Ask::Search(Some(kind)));
                }
                for what in asks {
                    let read = ask(self.stage, &self.client, (index, what, peer), done.clone()).await;
                    found.extend(check(&read, &self.log.model, last).violations);
                    match &read.answer {
                        Answer::Error(text) => found.push(judge::unexcused(&read, text)),
                        Answer::Stale => found.push(judge::unexcused(&read, "it says that it may be stale")),
                        _ => {}
                    }
                }
                found.extend(self.statistics(index, peer).await);
            }
        }
        found
    }

    async fn statistics(&self, index: &str, peer: usize) -> Option<Violation> {
        let history = self.log.model.of(index)?;
        let stats = http::get(&self.client, &self.stage.url(peer, &format!("/indexes/{index}/stats"))).await;
        let (count, wanted) =
            (stats.map(|mut stats| stats["numberOfDocuments"].take()), history.documents().len());
        (count != Some(wanted.into())).then(|| {
            let text = format!("{index} at peer {peer} has {count:?} documents, and should have {wanted}");
            Violation::new("statistics say what the log says", text)
        })
    }
}
