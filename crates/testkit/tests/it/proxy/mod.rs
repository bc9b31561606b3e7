//! Each fault is shown by what a client and a server see of it.

mod bytes;
mod ends;
mod requests;

use std::time::Duration;

use miroir_testkit::proxy::Proxy;

use ends::{Client, Server};

/// Far more than anything here takes: a fault that does nothing fails its test by it.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("the condition comes true")
}

async fn server_and_proxy() -> (Server, Proxy) {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address).await.expect("a free port");
    (server, proxy)
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: n\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A whole exchange on a connection of its own.
async fn ask(proxy: &Proxy, path: &str, body: &str) {
    let mut client = Client::connect(proxy).await;
    client.send(&post(path, body)).await;
    assert_eq!(client.answer().await.expect("an answer"), body);
}
