//! A node whose disk can be changed under the feet of its clients, and which writes down what it is asked.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::server::read_request;

/// What a node knows: its tasks from 0 on, and who it listens to.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) name: &'static str,
    pub(crate) tasks: Vec<Value>,
    /// The values of keys that it accepts; the first is its master key.
    pub(crate) keys: Vec<&'static str>,
    /// Uids of its API keys.
    pub(crate) uids: Vec<String>,
    pub(crate) style: Style,
}

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Length,
    Chunked,
    /// Without a length, up to the end of the connection.
    ToTheEnd,
    /// With `Connection: close`.
    Close,
    /// All but the last byte.
    Cut,
    /// With a byte too much.
    More,
    Silent,
    /// With a fault of its own.
    Fault,
    /// As something else would.
    Hello,
}

impl Disk {
    /// One with `tasks` tasks on the index `i1-0`, marked with their uids.
    pub(crate) fn new(name: &'static str, tasks: u32) -> Self {
        let tasks = (0..tasks).map(|uid| task(uid, json!("i1-0"), json!(format!("m{uid}")))).collect();
        Self { name, tasks, keys: vec!["master", "the-key"], uids: Vec::new(), style: Style::Length }
    }

    pub(crate) fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn answer(&self, line: &str, key: &str) -> (u16, Value) {
        let error = |status, code| (status, json!({"message": "m", "code": code, "type": "t", "link": "l"}));
        if !self.keys.contains(&key) {
            return error(403, "invalid_api_key");
        }
        match line.split([' ', '/']).filter(|word| !word.is_empty()).collect::<Vec<_>>()[..] {
            ["GET", "tasks", uid, ..] if uid.parse::<usize>().is_ok() => {
                match self.tasks.get(uid.parse::<usize>().unwrap()) {
                    Some(task) => (200, task.clone()),
                    None => error(404, "task_not_found"),
                }
            }
            ["GET", "tasks?limit=1", ..] => {
                let newest: Vec<_> = self.tasks.last().into_iter().collect();
                (200, json!({"results": newest, "next": null, "total": self.tasks.len()}))
            }
            ["GET", "keys", uid, ..] if !self.uids.iter().any(|known| known == uid) => {
                error(404, "api_key_not_found")
            }
            ["GET", "keys", uid, ..] => {
                (200, json!({"uid": uid, "name": null, "actions": [], "indexes": []}))
            }
            ["GET", "version", ..] => (200, json!({"pkgVersion": "1.50.0"})),
            _ => (200, json!({})),
        }
    }
}

/// A task as a node shows it.
pub(crate) fn task(uid: u32, index: Value, mark: Value) -> Value {
    let kind = "documentAdditionOrUpdate";
    json!({"uid": uid, "indexUid": index, "status": "succeeded", "type": kind, "customMetadata": mark})
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) disk: &'static str,
    /// The number of its connection.
    pub(crate) connection: usize,
    /// Method and target.
    pub(crate) line: String,
    pub(crate) host: String,
}

impl Seen {
    /// Whether it is one that only a check asks.
    pub(crate) fn is_check(&self) -> bool {
        self.line.starts_with("GET /tasks/") || self.line == "GET /tasks?limit=1"
    }
}

/// A node on a free port of this machine. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) url: String,
    disk: watch::Sender<Disk>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    /// What an answer to anything but a check takes one of.
    pub(crate) answers: Arc<Semaphore>,
    /// What the answer to a check takes one of.
    pub(crate) checks: Arc<Semaphore>,
}

impl Fake {
    pub(crate) async fn start(disk: Disk) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            disk: watch::Sender::new(disk),
            seen: Arc::default(),
            connections: Arc::default(),
            answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            checks: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        };
        let this = fake.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = this.connections.fetch_add(1, Ordering::SeqCst);
                let (this, mut disk) = (this.clone(), this.disk.subscribe());
                tokio::spawn(async move {
                    let now = disk.borrow_and_update().clone();
                    // A process that ends with its disk resets its connections.
                    tokio::select! { _ = this.serve(stream, number, now) => {}, _ = disk.changed() => {} }
                });
            }
        });
        fake
    }

    /// Stop the process and start it with this disk.
    pub(crate) fn swap(&self, disk: Disk) {
        self.disk.send_replace(disk);
    }

    /// What came since the last time.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    async fn serve(&self, mut stream: TcpStream, connection: usize, disk: Disk) -> Option<()> {
        loop {
            let request = read_request(&mut stream).await?;
            let line = request.lines().next()?.strip_suffix(" HTTP/1.1")?.to_owned();
            let header =
                |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let host = header("host: ").to_owned();
            let seen = Seen { disk: disk.name, connection, line: line.clone(), host };
            let turn = if seen.is_check() { &self.checks } else { &self.answers };
            self.seen.lock().unwrap().push(seen);
            turn.acquire().await.unwrap().forget();
            let (status, body) = disk.answer(&line, header("authorization: Bearer "));
            write(&mut stream, disk.style, status, &body.to_string()).await?;
        }
    }
}

async fn write(stream: &mut TcpStream, style: Style, status: u16, body: &str) -> Option<()> {
    let length = body.len();
    let text = match style {
        Style::Length => format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}"),
        Style::Close => {
            format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        }
        Style::ToTheEnd => format!("HTTP/1.1 {status} X\r\n\r\n{body}"),
        Style::More => format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}!"),
        Style::Fault => "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n".to_owned(),
        Style::Hello => "HTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\nhello".to_owned(),
        Style::Cut => {
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{}", &body[..length - 1])
        }
        Style::Chunked => {
            let (a, b) = body.split_at(length / 2);
            format!(
                "HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
                a.len(),
                b.len()
            )
        }
        Style::Silent => std::future::pending().await,
    };
    stream.write_all(text.as_bytes()).await.ok()?;
    // These end the connection.
    (!matches!(style, Style::Close | Style::ToTheEnd | Style::Cut)).then_some(())
}

/// The connections of these requests.
pub(crate) fn connections(seen: &[Seen]) -> BTreeSet<usize> {
    seen.iter().map(|request| request.connection).collect()
}
