//! Bodies that are too large, one by one or together.

use miroir_http::Limits;

use super::{DOCUMENTS, PATIENCE, Server, documents, limits, post, write};

#[tokio::test]
async fn what_is_too_large_is_refused_however_it_comes() {
    let (server, peer) = Server::start(limits()).await;
    let before = peer.cluster.state();
    let large = documents(5 << 20);
    let announced = server.ask(write(&large)).await;
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let chunked = server.ask(post(DOCUMENTS, "transfer-encoding: chunked\r\n") + &*chunk).await;
    let asking = post(DOCUMENTS, "content-length: 99999999\r\nexpect: 100-continue\r\n");
    let asked = server.ask(asking).await;
    let mut request =
        post(DOCUMENTS, &format!("content-encoding: zstd\r\ncontent-length: {}\r\n", bomb().len()))
            .into_bytes();
    request.extend(bomb());
    let unpacked = server.ask(request).await;
    for answer in [announced, chunked, asked, unpacked] {
        assert_eq!((answer.status, answer.code().as_str()), (413, "payload_too_large"), "{}", answer.head);
    }
    assert_eq!(*before, *peer.cluster.state());
    let exact = format!("[{}]", " ".repeat((4 << 20) - 2));
    assert_eq!(server.ask(write(&exact)).await.status, 202);
    assert_eq!(server.ask(write(&(exact + " "))).await.status, 413);
}

/// A zstd frame of 4 KiB that unpacks to 128 MiB: every block says "this byte, 128 KiB times".
fn bomb() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    for block in 0..1024_u32 {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == 1023);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(b' ');
    }
    frame
}

#[tokio::test]
async fn bodies_have_so_much_memory_and_no_more() {
    let (server, _peer) = Server::start(Limits { stall: PATIENCE, ..limits() }).await;
    let large = write(&documents(7 << 19));
    let mut first = server.connect().await;
    first.send(post(DOCUMENTS, "content-length: 4194304\r\n") + "[").await;
    // Of what large bodies have, 7 MiB, the first has 4 and the second none of that.
    let mut second = server.ask(&large).await;
    while second.status == 202 {
        // The first was not read yet.
        second = server.ask(&large).await;
    }
    assert_eq!((second.status, second.code().as_str()), (503, "miroir_backpressure"));
    assert!(second.head.contains("retry-after: "), "{}", second.head);
    let mut tree = format!("[\"{}", "[".repeat(1000));
    tree.push_str(&"\",\"".repeat(20_000));
    tree.push_str("\"]");
    let settings =
        post("/indexes/movies/settings/stop-words", &format!("content-length: {}\r\n", tree.len()));
    let tree = server.ask(settings.replacen("POST", "PUT", 1) + &*tree).await;
    assert_eq!(
        (tree.status, tree.code().as_str()),
        (503, "miroir_backpressure"),
        "a tree is larger than its text"
    );
    assert_eq!(
        server.ask(write("[{\"id\":1}]")).await.status,
        202,
        "a small one does not wait for large ones"
    );
    drop(first);
    let mut freed = server.ask(&large).await;
    while freed.status == 503 {
        freed = server.ask(&large).await;
    }
    assert_eq!(freed.status, 202);
}
