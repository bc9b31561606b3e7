//! Searches and reads through all peers, all the time.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::chaos::checker::reads::{Answer, Ask, Read};
use crate::chaos::document::{self, Id, KINDS};
use crate::chaos::http::{self, Answered, Reply};
use crate::chaos::model::Done;
use crate::chaos::stage::{FIXED, FLEETING, Stage};
use miroir_testkit::Dice;

/// Longer than a peer waits for a node.
const PATIENCE: Duration = Duration::from_secs(40);

/// After an error. A peer that is dead refuses at once, and has to be asked no more often than one that works.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn read(stage: Arc<Stage>, seed: u64, number: u64) {
    let mut dice = Dice::new(seed, 200 + number);
    let client = http::client(PATIENCE);
    while !stage.is_over() {
        let _pass = stage.gate.read().await;
        let index = if dice.chance(85) { *dice.pick(&FIXED) } else { *dice.pick(&FLEETING) };
        let what = match dice.below(100) {
            0..35 => Ask::Search(None),
            35..60 => Ask::Search(Some(dice.below(KINDS.into()) as u8)),
            60..75 => Ask::List,
            75..92 => Ask::Document(dice.below(130) as Id),
            _ => Ask::Settings,
        };
        // Filters need settings that an index which comes and goes mostly lacks.
        let what = if FLEETING.contains(&index) && matches!(what, Ask::Search(Some(_))) {
            Ask::Search(None)
        } else {
            what
        };
        let done = stage.notes().done.clone();
        let read = ask(&stage, &client, (index, what, dice.below(stage.peers)), done).await;
        let failed = matches!(read.answer, Answer::Error(_));
        {
            let mut notes = stage.notes();
            notes.counts.reads += 1;
            notes.reads.push(read);
        }
        if failed {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Asks a peer once.
pub(crate) async fn ask(
    stage: &Stage,
    client: &Client,
    (index, ask, peer): (&str, Ask, usize),
    done: Done,
) -> Read {
    let (method, path, body) = match &ask {
        Ask::Search(None) => (Method::POST, "search".to_owned(), Some(json!({"limit": 1000}))),
        Ask::Search(Some(k)) => {
            (Method::POST, "search".to_owned(), Some(json!({"limit": 1000, "filter": format!("k = {k}")})))
        }
        Ask::List => (Method::GET, "documents?limit=1000".to_owned(), None),
        Ask::Document(id) => (Method::GET, format!("documents/{}", document::name(*id)), None),
        Ask::Settings => (Method::GET, "settings".to_owned(), None),
    };
    let url = stage.url(peer, &format!("/indexes/{index}/{path}"));
    let begun = stage.now();
    let reply = http::send(http::request(client, (method, url, body.as_ref()))).await;
    let answer = match reply {
        Reply::Answered(answered) => understood(&ask, answered),
        Reply::NotSent(text) | Reply::Silent(text) => Answer::Error(text),
    };
    Read { index: index.to_owned(), ask, peer, span: (begun, stage.now()), done, answer }
}

fn understood(ask: &Ask, answered: Answered) -> Answer {
    match (answered.status, answered.code()) {
        _ if answered.stale => return Answer::Stale,
        (200, _) => {}
        (404, "index_not_found") => return Answer::NoIndex,
        (400, "invalid_search_filter") => return Answer::NoFilter,
        (404, "document_not_found") => return Answer::Document(None),
        (status, _) => return Answer::Error(format!("{status} {}", answered.body)),
    }
    let body = answered.body;
    match ask {
        Ask::Settings => Answer::Settings(document::mark(&body)),
        Ask::Document(_) => {
            document::read(&body).map_or_else(Answer::Strange, |(_, stored)| Answer::Document(Some(stored)))
        }
        Ask::Search(_) => documents(&body["hits"], &body["estimatedTotalHits"]),
        Ask::List => documents(&body["results"], &body["total"]),
    }
}

fn documents(found: &Value, total: &Value) -> Answer {
    let (Some(all), Some(total)) = (found.as_array(), total.as_u64()) else {
        return Answer::Strange(format!("no documents, or no total: {total}"));
    };
    match all.iter().map(document::read).collect() {
        Ok(found) => Answer::Documents { found, total },
        Err(text) => Answer::Strange(text),
    }
}
