//! Peers as processes, without nodes: what needs no engine.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Only what hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A group of peers. They are killed when it is dropped.
struct Peers {
    dir: TempDir,
    http: Vec<u16>,
    grpc: Vec<u16>,
    running: Vec<Option<Child>>,
}

impl Peers {
    /// Starts peers that say what `more` adds to their configuration.
    fn start(size: usize, more: impl Fn(&Self) -> String) -> Self {
        // Ports that nobody has: all are held until all are known.
        let held: Vec<_> = (0..2 * size).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let mut ports = held.iter().map(|socket| socket.local_addr().expect("an address").port());
        let (http, grpc) = (ports.by_ref().take(size).collect(), ports.collect());
        drop(held);
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("secret"), "a-secret-of-the-cluster").expect("written");
        let mut peers = Self { dir, http, grpc, running: (0..size).map(|_| None).collect() };
        let more = more(&peers);
        (0..size).for_each(|at| peers.run(at, &more));
        peers
    }

    fn run(&mut self, at: usize, more: &str) {
        let initial: Vec<_> =
            self.grpc.iter().enumerate().map(|(at, port)| format!("peer-{at}=127.0.0.1:{port}")).collect();
        let (dir, file) = (self.dir.path(), self.file(at, "toml"));
        let text = format!(
            "name = 'peer-{at}'\ndata_dir = '{data}'\nhttp = '127.0.0.1:{http}'\ngrpc = '127.0.0.1:{grpc}'\n\
             cluster_secret_file = '{secret}'\ninitial_peers = '{initial}'\n{more}",
            data = dir.join(format!("data-{at}")).display(),
            http = self.http[at],
            grpc = self.grpc[at],
            secret = dir.join("secret").display(),
            initial = initial.join(","),
        );
        fs::write(&file, text).expect("written");
        let log = fs::File::create(self.file(at, "log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_miroir"));
        command.args(["peer", "--config"]).arg(file).stdout(Stdio::null()).stderr(log);
        self.running[at] = Some(command.spawn().expect("it starts"));
    }

    fn file(&self, at: usize, kind: &str) -> PathBuf {
        self.dir.path().join(format!("peer-{at}.{kind}"))
    }

    fn url(&self, at: usize, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http[at])
    }

    /// Waits for what a peer answers to be as wanted.
    async fn until(&self, at: usize, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let answer = match reqwest::get(self.url(at, path)).await {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if wanted(&answer) {
                return answer;
            }
            assert!(started.elapsed() < PATIENCE, "{path} of peer {at}: {answer}\n{}", self.log(at));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ready(&self, at: usize) {
        self.until(at, "/_miroir/ready", |answer| answer["ready"] == true).await;
    }

    fn log(&self, at: usize) -> String {
        fs::read_to_string(self.file(at, "log")).unwrap_or_default()
    }

    fn signal(&self, at: usize, signal: Signal) {
        let child = self.running[at].as_ref().expect("it runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits for the end of a peer.
    fn ended(&mut self, at: usize) -> (ExitStatus, Duration) {
        let mut child = self.running[at].take().expect("it runs");
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                return (status, started.elapsed());
            }
            if started.elapsed() > PATIENCE {
                let killed = child.kill();
                assert!(killed.is_err(), "peer {at} does not end\n{}", self.log(at));
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let _ended = child.kill().and_then(|()| child.wait());
        }
    }
}

#[tokio::test]
async fn a_client_that_sends_slowly_does_not_keep_a_peer_from_stopping() {
    let mut peers = Peers::start(1, |_| String::new());
    peers.ready(0).await;
    let mut client = TcpStream::connect(("127.0.0.1", peers.http[0])).expect("it listens");
    let head = "POST /indexes/a/documents HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 1000000\r\n\r\n[";
    client.write_all(head.as_bytes()).expect("it is sent");
    // Whoever is served after it comes when the peer has read its head.
    peers.ready(0).await;
    peers.signal(0, Signal::TERM);
    let (status, took) = peers.ended(0);
    assert_eq!(status.code(), Some(0), "{}", peers.log(0));
    assert!(took < Duration::from_secs(5), "it took {took:?}");
}

#[tokio::test]
async fn defaults_are_for_the_first_start_and_may_go_then() {
    let mut peers = Peers::start(1, |_| "[defaults]\nfactor = 2\ngroups = 3\n".to_owned());
    peers.ready(0).await;
    let again = async |peers: &mut Peers, more: &str| {
        peers.signal(0, Signal::TERM);
        assert_eq!(peers.ended(0).0.code(), Some(0), "{}", peers.log(0));
        peers.run(0, more);
    };
    again(&mut peers, "").await;
    peers.ready(0).await;
    again(&mut peers, "[defaults]\nfactor = 2\ngroups = 3\n").await;
    peers.ready(0).await;
    again(&mut peers, "[defaults]\nfactor = 1\n").await;
    let (status, _) = peers.ended(0);
    let log = peers.log(0);
    assert_eq!(status.code(), Some(2), "{log}");
    assert!(log.contains("factor 2, groups 3") && log.contains("give the same, or none"), "{log}");
}

/// What users are told is no way to know a peer by: here all of them are told the same.
#[tokio::test]
async fn a_dead_peer_is_seen_dead_whatever_address_it_told() {
    let mut peers = Peers::start(3, |peers| format!("advertise_http = '{}'", peers.url(0, "/")));
    for at in 0..3 {
        peers.ready(at).await;
    }
    let all = |count: usize| {
        move |topology: &Value| {
            let known = topology["peers"].as_array().into_iter().flatten();
            known.filter(|peer| peer["alive"] == true).count() == count
        }
    };
    let topology = peers.until(0, "/_miroir/topology", all(3)).await;
    let shared = peers.url(0, "");
    assert!(topology["peers"].as_array().into_iter().flatten().all(|peer| peer["http"] == shared.as_str()));
    let number = |id: &Value| {
        let known = topology["peers"].as_array().into_iter().flatten();
        let peer = known.clone().find(|peer| peer["id"] == *id).expect("it is known");
        peer["name"].as_str().and_then(|name| name["peer-".len()..].parse::<usize>().ok()).expect("a number")
    };
    // A follower, so that nothing but its own death is to be seen.
    let leader = number(&topology["leader"]);
    let dead = (0..3).find(|at| *at != leader).expect("there are three");
    peers.signal(dead, Signal::KILL);
    peers.ended(dead);
    let killed = Instant::now();
    let topology = peers.until(leader, "/_miroir/topology", all(2)).await;
    assert!(killed.elapsed() < Duration::from_secs(10), "it took {:?}", killed.elapsed());
    let gone = topology["peers"].as_array().into_iter().flatten().find(|peer| peer["alive"] == false);
    assert_eq!(gone.expect("one is gone")["name"], format!("peer-{dead}"));
    let more = format!("advertise_http = '{}'", peers.url(0, "/"));
    peers.run(dead, &more);
    peers.until(leader, "/_miroir/topology", all(3)).await;
}
