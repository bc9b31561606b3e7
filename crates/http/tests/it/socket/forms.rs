//! Forms of requests that Meilisearch takes or refuses before it looks at what is asked, as measured on 1.50.

use super::{Answer, Server, limits};

async fn ask(server: &Server, method: &str, path: &str, (headers, body): (&str, &str)) -> Answer {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n");
    server.ask(head + body).await
}

const OF_JSON: [(&str, &str, &str); 10] = [
    ("POST", "/indexes", r#"{"uid":"movies"}"#),
    ("PATCH", "/indexes/movies", r#"{"primaryKey":"id"}"#),
    ("POST", "/swap-indexes", "[]"),
    ("PATCH", "/indexes/movies/settings", "{}"),
    ("PUT", "/indexes/movies/settings/stop-words", "[]"),
    ("POST", "/indexes/movies/documents/delete-batch", "[1]"),
    ("POST", "/indexes/movies/documents/delete", r#"{"filter":"a=1"}"#),
    ("POST", "/indexes/movies/documents/fetch", "{}"),
    ("POST", "/indexes/movies/search", "{}"),
    ("PATCH", "/experimental-features", "{}"),
];

#[tokio::test]
async fn what_is_not_said_to_be_json_is_not_read_as_json() {
    let (server, peer) = Server::start(limits()).await;
    let before = peer.cluster.state();
    for (method, path, body) in OF_JSON {
        for (header, code) in [
            ("", "missing_content_type"),
            ("content-type: application/x-www-form-urlencoded\r\n", "invalid_content_type"),
            ("content-type: nonsense\r\n", "invalid_content_type"),
            ("content-type: text/csv\r\n", "invalid_content_type"),
        ] {
            let answer = ask(&server, method, path, (header, body)).await;
            assert_eq!(answer.status, 415, "{method} {path} with {header:?}: {answer:?}");
            assert_eq!(answer.code(), code, "{method} {path} with {header:?}");
        }
    }
    assert_eq!(*peer.cluster.state(), *before);
    for (method, path, body) in OF_JSON {
        for syntax in ["application/json; charset=utf-8", "text/json", "application/x+json"] {
            let answer = ask(&server, method, path, (&format!("content-type: {syntax}\r\n"), body)).await;
            assert_ne!(answer.status, 415, "{method} {path} with {syntax:?}");
        }
    }
}

#[tokio::test]
async fn slashes_that_say_nothing_are_not_there() {
    let (server, _peer) = Server::start(limits()).await;
    for (idle, path) in [
        ("//version", "/version"),
        ("/tasks/?limit=1", "/tasks?limit=1"),
        ("/indexes//none///", "/indexes/none"),
    ] {
        let [idle, plain] =
            [ask(&server, "GET", idle, ("", "")).await, ask(&server, "GET", path, ("", "")).await];
        assert_eq!((idle.status, idle.body), (plain.status, plain.body), "{path}");
    }
    let root = ask(&server, "GET", "/", ("", "")).await;
    assert_eq!((root.status, &*root.body), (200, &br#"{"status":"Meilisearch is running"}"#[..]));
}

#[tokio::test]
async fn a_method_that_a_route_lacks_is_405_and_one_that_it_is_to_get_501() {
    let (server, _peer) = Server::start(limits()).await;
    for (method, path, allowed) in [
        ("PUT", "/indexes", "get"),
        ("DELETE", "/health", "get"),
        ("POST", "/stats", "get"),
        ("PUT", "/indexes/movies/search", "post"),
        ("PUT", "/tasks", "get"),
    ] {
        let answer = ask(&server, method, path, ("", "")).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        let allow = answer.head.lines().find_map(|line| line.strip_prefix("allow: "));
        assert!(allow.is_some_and(|methods| methods.contains(allowed)), "{}", answer.head);
    }
    let later = ask(&server, "DELETE", "/tasks", ("", "")).await;
    assert_eq!((later.status, &*later.code()), (501, "miroir_not_implemented"));
}
