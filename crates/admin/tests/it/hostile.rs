//! Calls that mean no good, to every method of every service: a clear status, no effect, and the next call is answered.

use bytes::Bytes;
use miroir_testkit::{Dice, long, seed};
use tonic::Code;

use crate::call::{Answer, Call, Client};
use crate::frames::{bodies, framed, message, messages};
use crate::server::{MASTER_KEY, SECRET, Server};

const ADMIN: &str = include_str!("../../../../proto/admin.proto");
const PEER: &str = include_str!("../../../../proto/peer.proto");

/// The path of every method of a service, as its definition has them.
fn methods(proto: &str) -> Vec<String> {
    let word = |line: &str, after: &str| -> Option<String> {
        let rest = line.trim().strip_prefix(after)?;
        Some(rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '.').collect())
    };
    let package = proto.lines().find_map(|line| word(line, "package ")).expect("a package");
    let service = proto.lines().find_map(|line| word(line, "service ")).expect("a service");
    let methods = proto.lines().filter_map(|line| word(line, "rpc "));
    methods.map(|method| format!("/{package}.{service}/{method}")).collect()
}

/// How a call proves that it may be made.
type Credential = (&'static str, String);

fn credential(path: &str) -> Credential {
    if path.contains("admin") {
        ("authorization", format!("Bearer {MASTER_KEY}"))
    } else {
        ("miroir-secret", SECRET.to_owned())
    }
}

/// Sends calls and sees to it that nothing comes of them.
struct Prober {
    server: Server,
    client: Client,
    calls: usize,
}

impl Prober {
    async fn start() -> Self {
        let server = Server::start().await;
        let client = Client::connect(server.address).await;
        Self { server, client, calls: 0 }
    }

    /// The answer, once it is seen that nothing changed; `None` when the server ended the stream or the connection.
    async fn send(&mut self, call: &Call) -> Option<Answer> {
        let before = self.server.effects();
        let answer = self.client.send(self.server.address, call).await.ok();
        if answer.is_none() {
            self.client = Client::connect(self.server.address).await;
        }
        assert!(before == self.server.effects(), "{} had an effect: {:?}", call.path, shown(&call.body));
        self.calls += 1;
        answer
    }

    /// Fails when the call is not refused with one of these codes, and a text.
    async fn refused(&mut self, call: &Call, codes: &[Code]) {
        let answer = self.send(call).await;
        // No answer is no refusal either.
        let code = answer.as_ref().and_then(Answer::code);
        let listed = code.is_some_and(|code| codes.contains(&code));
        assert!(listed, "{} was answered {code:?} to {:?}", call.path, shown(&call.body));
        let answer = answer.expect("a code");
        assert!(!answer.status.expect("a status").message().is_empty(), "{} says nothing", call.path);
    }

    /// It still answers who means well.
    async fn healthy(&mut self) {
        let path = "/miroir.admin.v1.Admin/Status";
        let (name, value) = credential(path);
        let answer = self.send(&Call::new(path, framed(&[])).with(name, value)).await.expect("an answer");
        assert_eq!((answer.http, answer.code()), (200, Some(Code::Ok)));
    }
}

fn shown(body: &Bytes) -> Bytes {
    body.slice(..body.len().min(100))
}

/// tonic says `internal` of what is no message; the rest is ours.
const MALFORMED: [Code; 6] = [
    Code::Internal,
    Code::InvalidArgument,
    Code::OutOfRange,
    Code::ResourceExhausted,
    Code::Unimplemented,
    Code::FailedPrecondition,
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_refused() {
    let mut prober = Prober::start().await;
    for path in methods(ADMIN).iter().chain(&methods(PEER)) {
        let (name, value) = credential(path);
        for body in bodies() {
            prober.refused(&Call::new(path, body).with(name, value.clone()), &MALFORMED).await;
        }
        prober.healthy().await;
    }
    let all = methods(ADMIN).len() + methods(PEER).len();
    assert!(all >= 11 && prober.calls > all * bodies().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_secret_is_refused_whatever_he_sends() {
    let mut prober = Prober::start().await;
    let mut dice = Dice::from(1);
    let unknown = [Code::Unauthenticated, Code::PermissionDenied];
    for path in methods(ADMIN).iter().chain(&methods(PEER)) {
        let (name, value) = credential(path);
        for wrong in [None, Some(""), Some("Bearer "), Some("Bearer another"), Some(&value[1..])] {
            let valid = framed(&[]);
            for body in [valid, framed(&message(&mut dice)), framed(&messages()[0])] {
                let call = Call::new(path, body);
                let call = wrong.map_or(call.clone(), |wrong| call.with(name, wrong));
                // A message that cannot be read may be refused for that first.
                let codes = [&unknown[..], &MALFORMED].concat();
                let codes = if call.body.len() == 5 { &unknown[..] } else { &codes };
                prober.refused(&call, codes).await;
            }
        }
    }
    prober.healthy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_is_answered() {
    let seed = seed().unwrap_or(1);
    let rounds = if long() { 20_000 } else { 20 };
    println!("repeat with MIROIR_SEED={seed}");
    let mut prober = Prober::start().await;
    let mut dice = Dice::from(seed);
    for _ in 0..rounds {
        for path in methods(ADMIN).iter().chain(&methods(PEER)) {
            let (name, value) = credential(path);
            let message = message(&mut dice);
            // No envelope is random: a call between peers comes to nothing.
            let answer = prober.send(&Call::new(path, framed(&message)).with(name, value)).await;
            let code = answer.and_then(|answer| answer.code());
            let known = [&MALFORMED[..], &[Code::Ok, Code::NotFound]].concat();
            assert!(
                code.is_some_and(|code| known.contains(&code)),
                "{path} was answered {code:?} to {message:?}"
            );
        }
    }
    prober.healthy().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_is_refused() {
    let mut prober = Prober::start().await;
    let path = "/miroir.admin.v1.Admin/Status";
    let (name, value) = credential(path);
    let call = |path: &str| Call::new(path, framed(&[])).with(name, value.clone());
    for unknown in
        ["/", "/miroir.admin.v1.Admin/Nothing", "/miroir.admin.v1.Nothing/Status", "/%00", "/indexes"]
    {
        let answer = prober.send(&call(unknown)).await.expect("an answer");
        assert_eq!(answer.code(), Some(Code::Unimplemented), "{unknown}");
    }
    for (name, value) in
        [("grpc-timeout", "99999999999999999999S"), ("grpc-encoding", "zip"), ("grpc-timeout", "x")]
    {
        let answer = prober.send(&call(path).with(name, value)).await;
        assert!(answer.is_some_and(|answer| answer.code().is_some()), "{name}: {value}");
    }
    // More in the head than any call has.
    prober.send(&call(path).with("x-long", "x".repeat(200 << 10))).await;
    prober.healthy().await;
}
