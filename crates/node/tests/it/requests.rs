//! What goes over the wire.

use bytes::Bytes;
use miroir_node::{Add, AddMode, Format, Node, Origin, TaskQuery, Write};

use crate::server::{Reply, Server, node};

/// The request of a write: its first line, its headers in lower case, its body. (The answer is nobody's concern.)
async fn sent(write: Write, origin: Origin<'_>) -> (String, String, String) {
    let mut server = Server::start(Reply::CloseAfter(0)).await;
    let _ = node(&server.url).enqueue("i1-0", &write, origin).await;
    let request = server.only_request();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    (line.to_owned(), headers.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn an_addition_carries_everything_it_was_given() {
    let add = Add {
        mode: AddMode::Update,
        format: Format::Ndjson,
        payload: Bytes::from_static(b"{\"a\":1}\n"),
        primary_key: Some("a b".to_owned()),
        skip_creation: true,
    };
    let origin = Origin { mark: Some("miroir:i1-0:7&x=y"), request_id: Some("r-1") };
    let (line, headers, body) = sent(Write::Add(add), origin).await;
    let query = "customMetadata=miroir%3Ai1-0%3A7%26x%3Dy&primaryKey=a+b&skipCreation=true";
    assert_eq!(line, format!("PUT /indexes/i1-0/documents?{query} HTTP/1.1"));
    for header in [
        "authorization: bearer the-key",
        "x-request-id: r-1",
        "content-type: application/x-ndjson",
        "content-length: 8",
    ] {
        assert!(headers.contains(header), "{header} is not in {headers}");
    }
    assert_eq!(body, "{\"a\":1}\n");
}

#[tokio::test]
async fn each_write_has_its_route_and_only_writes_of_documents_their_mark() {
    let text = str::to_owned;
    let cases = [
        (
            Write::DeleteIds(vec![text("1"), text("a\"b")]),
            "POST /indexes/i1-0/documents/delete-batch?customMetadata=m",
            r#"["1","a\"b"]"#,
        ),
        (
            Write::DeleteMatching(text(r#"["a = 1"]"#)),
            "POST /indexes/i1-0/documents/delete?customMetadata=m",
            r#"{"filter":["a = 1"]}"#,
        ),
        (Write::DeleteAll, "DELETE /indexes/i1-0/documents?customMetadata=m", ""),
        (
            Write::Settings(text(r#"{"stopWords":null}"#)),
            "PATCH /indexes/i1-0/settings",
            r#"{"stopWords":null}"#,
        ),
        (
            Write::CreateIndex { primary_key: Some(text("id")) },
            "POST /indexes",
            r#"{"uid":"i1-0","primaryKey":"id"}"#,
        ),
        (Write::RenameIndex { to: text("i1-1") }, "PATCH /indexes/i1-0", r#"{"uid":"i1-1"}"#),
        (Write::DeleteIndex, "DELETE /indexes/i1-0", ""),
    ];
    for (write, line, body) in cases {
        let marked = write.is_marked();
        let (sent_line, _, sent_body) = sent(write, Origin { mark: Some("m"), request_id: None }).await;
        assert_eq!((sent_line, sent_body), (format!("{line} HTTP/1.1"), body.to_owned()));
        assert_eq!(line.contains("customMetadata"), marked);
    }
}

#[tokio::test]
async fn a_question_about_tasks_names_what_it_wants() {
    let mut server = Server::start(Reply::CloseAfter(0)).await;
    let query = TaskQuery {
        uids: vec![3, 5],
        index: Some("i1-0".to_owned()),
        from: Some(3),
        oldest_first: true,
        limit: 2,
    };
    let _ = node(&server.url).tasks(&query).await;
    let request = server.only_request();
    let line = "GET /tasks?limit=2&uids=3%2C5&indexUids=i1-0&from=3&reverse=true HTTP/1.1";
    assert_eq!(request.lines().next(), Some(line));
}

#[tokio::test]
async fn ids_are_escaped_in_paths_and_a_path_in_front_stays() {
    let mut server = Server::start(Reply::CloseAfter(0)).await;
    let node = node(&format!("{}/in/front/", server.url));
    let _ = node.document("i1-0", "a/b?c".into(), None).await;
    let request = server.only_request();
    assert_eq!(request.lines().next(), Some("GET /in/front/indexes/i1-0/documents/a%2Fb%3Fc HTTP/1.1"));
}
