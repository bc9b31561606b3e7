//! Faults of the link.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use miroir_testkit::proxy::{Action, Door, Flow, Link, Proxy, Then};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Client, ask, post, server_and_proxy, within};

async fn set(proxy: &Proxy, link: Link) {
    proxy.set(link).await.expect("the port is ours");
}

const fn up(flow: Flow) -> Link {
    Link { up: flow, down: Flow::Pass, door: Door::Open }
}

const fn down(flow: Flow) -> Link {
    Link { up: Flow::Pass, down: flow, door: Door::Open }
}

#[tokio::test]
async fn without_a_fault_all_passes_and_is_counted() {
    let (server, proxy) = server_and_proxy().await;
    let mut client = Client::connect(&proxy).await;
    for (path, body) in [("/a/1?x=1", "one"), ("/a/2", ""), ("/b", "three")] {
        client.send(&post(path, body)).await;
        assert_eq!(client.answer().await.expect("an answer"), body);
    }
    let counts = within(proxy.until(|counts| counts.requests("POST", "/") == 3)).await;
    assert_eq!((counts.requests("POST", "/a/"), counts.requests("GET", "/")), (2, 0));
    assert_eq!((counts.accepted, counts.open, counts.lost), (1, 1, 0));
    assert_eq!(server.log().len(), 6);
    drop(client);
    within(proxy.until(|counts| counts.open == 0)).await;
}

#[tokio::test]
async fn http_2_and_ends_of_streams_pass_untouched() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let proxy = Proxy::start(listener.local_addr().expect("bound")).await.expect("a free port");
    let _trap = proxy.trap(Action::Hold, |_| true);
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        stream.write_all(&all).await
    });
    let mut client = Client::connect(&proxy).await.0;
    let sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &[0, 1, 2, 255].repeat(100_000)].concat();
    client.write_all(&sent).await.expect("the proxy reads");
    client.shutdown().await.expect("open");
    let mut back = Vec::new();
    within(client.read_to_end(&mut back)).await.expect("a clean end");
    assert!(back == sent, "{} bytes came back of {}", back.len(), sent.len());
    echo.await.expect("it ends").expect("it reads and writes");
}

#[tokio::test]
async fn a_delay_delays_both_ways_and_does_not_narrow_the_link() {
    let (_server, proxy) = server_and_proxy().await;
    let delay = Duration::from_millis(200);
    set(&proxy, Link::delayed(delay)).await;
    let begun = Instant::now();
    // A hundred pieces and more: one after the other they would take half a minute.
    ask(&proxy, "/", &"x".repeat(2_000_000)).await;
    assert!(begun.elapsed() >= 2 * delay);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_delayed_follows_a_change_of_the_delay() {
    let (_server, proxy) = server_and_proxy().await;
    set(&proxy, up(Flow::Delay(Duration::from_secs(3600)))).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&post("/", "late")).await;
    set(&proxy, Link::default()).await;
    assert_eq!(client.answer().await.expect("an answer"), "late");
}

#[tokio::test]
async fn in_a_partition_connections_stay_and_bytes_vanish() {
    let (server, proxy) = server_and_proxy().await;
    let mut before = Client::connect(&proxy).await;
    before.send(&post("/before", "")).await;
    before.answer().await.expect("an answer");
    set(&proxy, Link::PARTITION).await;
    let mut during = Client::connect(&proxy).await;
    let request = post("/lost", "");
    before.send(&request).await;
    during.send(&request).await;
    within(proxy.until(|counts| counts.lost == 2 * request.len() as u64)).await;

    // A connection with a hole stays silent; a new one works.
    set(&proxy, Link::default()).await;
    before.send(&request).await;
    within(proxy.until(|counts| counts.lost == 3 * request.len() as u64)).await;
    ask(&proxy, "/after", "").await;
    assert_eq!(server.log(), ["begun /before", "done /before ", "begun /after", "done /after "]);
    within(proxy.until(|counts| counts.open == 2)).await;
}

#[tokio::test]
async fn nobody_hears_of_an_end_across_a_partition() {
    let (_server, proxy) = server_and_proxy().await;
    let client = Client::connect(&proxy).await;
    within(proxy.until(|counts| counts.open == 1)).await;
    set(&proxy, Link::PARTITION).await;
    drop(client);
    // What came long after the FIN was dealt with: had that passed, the connection would have ended by now.
    for others in 1..=10 {
        Client::connect(&proxy).await.send(&post("/", "")).await;
        let lost = others * post("/", "").len() as u64;
        within(proxy.until(|counts| counts.lost == lost)).await;
    }
    assert_eq!(proxy.counts().borrow().open, 11);
    set(&proxy, Link::default()).await;
    within(proxy.until(|counts| counts.open == 0)).await;
}

#[tokio::test]
async fn what_is_stalled_has_not_passed_and_passes_later() {
    let (server, proxy) = server_and_proxy().await;
    set(&proxy, up(Flow::Stall)).await;
    let request = post("/never", "");
    let mut client = Client::connect(&proxy).await;
    client.send(&request).await;
    // Others come and are accepted, so the proxy has had its turns. That the request can still be lost shows that it
    // has waited.
    for accepted in 2..=10 {
        Client::connect(&proxy).await;
        within(proxy.until(|counts| counts.accepted == accepted)).await;
    }
    set(&proxy, up(Flow::DROP)).await;
    within(proxy.until(|counts| counts.lost == request.len() as u64)).await;

    set(&proxy, up(Flow::Stall)).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&post("/later", "")).await;
    set(&proxy, Link::default()).await;
    client.answer().await.expect("an answer");
    assert_eq!(server.log(), ["begun /later", "done /later "]);
}

#[tokio::test]
async fn half_open_each_way() {
    let (server, proxy) = server_and_proxy().await;
    set(&proxy, down(Flow::DROP)).await;
    let mut deaf = Client::connect(&proxy).await;
    deaf.send(&post("/heard", "")).await;
    server.saw(&["begun /heard", "done /heard "]).await;
    let lost = within(proxy.until(|counts| counts.lost > 0)).await.lost;

    set(&proxy, down(Flow::Stall)).await;
    let mut mute = Client::connect(&proxy).await;
    mute.send(&post("/asked", "")).await;
    server.saw(&["begun /heard", "done /heard ", "begun /asked", "done /asked "]).await;
    set(&proxy, up(Flow::DROP)).await;
    let unheard = post("/unheard", "");
    mute.send(&unheard).await;
    mute.answer().await.expect("what comes down passes");
    within(proxy.until(|counts| counts.lost == lost + unheard.len() as u64)).await;
    assert_eq!(server.log().len(), 4);
}

#[tokio::test]
async fn a_refused_connection_is_refused_and_others_go_on() {
    let (_server, proxy) = server_and_proxy().await;
    let mut client = Client::connect(&proxy).await;
    for _ in 0..3 {
        set(&proxy, Link { door: Door::Refused, ..Link::default() }).await;
        let refused = TcpStream::connect(proxy.address()).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        client.send(&post("/", "on")).await;
        assert_eq!(client.answer().await.expect("an answer"), "on");
        set(&proxy, Link::default()).await;
        ask(&proxy, "/", "again").await;
    }
}

#[tokio::test]
async fn connections_that_exist_are_reset_and_those_at_the_door_when_told_so() {
    let (_server, proxy) = server_and_proxy().await;
    let mut old = Client::connect(&proxy).await;
    proxy.reset().await.expect("it runs");
    old.is_reset().await;
    ask(&proxy, "/", "new").await;

    let mut old = Client::connect(&proxy).await;
    set(&proxy, Link { door: Door::Reset, ..Link::default() }).await;
    Client::connect(&proxy).await.is_reset().await;
    old.send(&post("/", "old")).await;
    assert_eq!(old.answer().await.expect("an answer"), "old");
}

#[tokio::test]
async fn a_cut_lets_so_many_bytes_pass() {
    let (server, proxy) = server_and_proxy().await;
    let request = post("/cut", "abcdef");
    let after = request.len() as u64 - 2;
    set(&proxy, up(Flow::Cut { after, then: Then::Reset })).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&request).await;
    client.is_reset().await;
    server.saw(&["begun /cut", "broken /cut"]).await;

    set(&proxy, up(Flow::Cut { after, then: Then::Silence })).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&request).await;
    within(proxy.until(|counts| counts.lost == 2)).await;
    server.saw(&["begun /cut", "broken /cut", "begun /cut"]).await;

    // With the last byte that may pass it is over: no further one is waited for.
    set(&proxy, up(Flow::Cut { after: request.len() as u64, then: Then::Reset })).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&request).await;
    client.is_reset().await;
}

#[tokio::test]
async fn an_answer_is_cut() {
    let (server, proxy) = server_and_proxy().await;
    set(&proxy, down(Flow::Cut { after: 0, then: Then::Reset })).await;
    let mut client = Client::connect(&proxy).await;
    client.send(&post("/", "done")).await;
    client.is_reset().await;
    server.saw(&["begun /", "done / done"]).await;
}

#[tokio::test]
async fn a_fixed_address_is_had_once_and_a_target_that_is_away_resets() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let target = nobody.local_addr().expect("bound");
    drop(nobody);
    let proxy = Proxy::start(target).await.expect("a free port");
    let fixed: SocketAddr = proxy.address();
    assert!(Proxy::start_on(fixed, target).await.is_err());
    Client::connect(&proxy).await.is_reset().await;
}
