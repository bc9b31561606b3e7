//! Faults of requests.

use miroir_testkit::proxy::{Action, Caught, Proxy, Trap};

use super::{Client, ask, post, server_and_proxy, within};

async fn next(trap: &mut Trap) -> Caught {
    within(trap.next()).await.expect("the trap is set")
}

/// A client whose request to `/x` was caught.
async fn caught(proxy: &Proxy, action: Action, body: &str) -> (Client, Caught) {
    let mut trap = proxy.trap_once(action, |head| head.is("POST", "/x"));
    let mut client = Client::connect(proxy).await;
    client.send(&post("/x", body)).await;
    (client, next(&mut trap).await)
}

#[tokio::test]
async fn a_held_request_waits_for_its_release_and_others_do_not() {
    let (server, proxy) = server_and_proxy().await;
    let mut trap = proxy.trap_once(Action::Hold, |head| head.is("POST", "/held"));
    let mut client = Client::connect(&proxy).await;
    client.send(&post("/first", "")).await;
    client.answer().await.expect("an answer");
    client.send(&post("/held?a=b", "body")).await;
    let mut caught = next(&mut trap).await;
    assert_eq!((caught.head().target.as_str(), caught.head().path()), ("/held?a=b", "/held"));
    assert_eq!(caught.bytes(), post("/held?a=b", "body").as_bytes());
    // The repetition of it is not for a trap that is for one.
    ask(&proxy, "/held", "again").await;
    assert!(within(trap.next()).await.is_none());
    let expected = ["begun /first", "done /first ", "begun /held", "done /held again"];
    assert_eq!(server.log(), expected);
    within(proxy.until(|counts| counts.requests("POST", "/held") == 1)).await;

    assert!(caught.release());
    assert_eq!(client.answer().await.expect("an answer"), "body");
    assert_eq!(server.log()[4..], ["begun /held", "done /held body"]);
    within(proxy.until(|counts| counts.requests("POST", "/held") == 2)).await;
    assert!(!caught.release(), "once");
}

#[tokio::test]
async fn a_held_request_lands_late_after_its_client_is_gone() {
    let (server, proxy) = server_and_proxy().await;
    let (client, mut caught) = caught(&proxy, Action::Hold, "1").await;
    drop(client);
    within(caught.client_gone()).await;
    within(proxy.until(|counts| counts.open == 0)).await;
    assert!(!caught.release(), "its connection is gone");
    ask(&proxy, "/x", "2").await;
    assert_eq!(within(caught.deliver()).await.expect("an answer"), 200);
    assert_eq!(server.log(), ["begun /x", "done /x 2", "begun /x", "done /x 1"]);
}

#[tokio::test]
async fn a_paused_request_hangs_after_its_head_until_it_is_released() {
    let (server, proxy) = server_and_proxy().await;
    let (mut client, mut caught) = caught(&proxy, Action::Pause { body: 0 }, "1").await;
    server.saw(&["begun /x"]).await;
    ask(&proxy, "/x", "2").await;
    assert!(caught.release());
    assert_eq!(client.answer().await.expect("an answer"), "1");
    assert_eq!(server.log(), ["begun /x", "begun /x", "done /x 2", "done /x 1"]);
}

#[tokio::test]
async fn a_paused_request_is_completed_after_its_client_is_gone() {
    let (server, proxy) = server_and_proxy().await;
    let (client, mut caught) = caught(&proxy, Action::Pause { body: 3 }, "12345").await;
    drop(client);
    within(caught.client_gone()).await;
    server.saw(&["begun /x"]).await;
    assert!(caught.release());
    server.saw(&["begun /x", "done /x 12345"]).await;
    within(proxy.until(|counts| counts.open == 0)).await;
}

#[tokio::test]
async fn a_paused_request_that_is_dropped_breaks_when_its_client_goes() {
    let (server, proxy) = server_and_proxy().await;
    let (client, caught) = caught(&proxy, Action::Pause { body: 3 }, "12345").await;
    drop(caught);
    server.saw(&["begun /x"]).await;
    drop(client);
    server.saw(&["begun /x", "broken /x"]).await;
    within(proxy.until(|counts| counts.open == 0)).await;
}

#[tokio::test]
async fn a_request_is_reset_after_its_head() {
    let (server, proxy) = server_and_proxy().await;
    let mut trap = proxy.trap_once(Action::Reset { body: 0 }, |head| head.is("POST", "/x"));
    let mut client = Client::connect(&proxy).await;
    client.send(&post("/x", "1")).await;
    client.is_reset().await;
    server.saw(&["begun /x", "broken /x"]).await;
    assert_eq!(proxy.counts().borrow().requests("POST", "/x"), 0);
    let mut caught = next(&mut trap).await;
    assert!(!caught.release());
    within(caught.client_gone()).await;
    ask(&proxy, "/x", "2").await;
}

#[tokio::test]
async fn a_copy_is_delivered_again_and_again() {
    let (server, proxy) = server_and_proxy().await;
    let mut trap = proxy.trap(Action::Copy, |head| head.is("POST", "/x"));
    ask(&proxy, "/x", "1").await;
    let mut first = next(&mut trap).await;
    ask(&proxy, "/x", "2").await;
    let second = next(&mut trap).await;
    assert_eq!(within(second.deliver()).await.expect("an answer"), 200);
    assert_eq!(within(first.deliver()).await.expect("an answer"), 200);
    assert!(!first.release());
    let done: Vec<_> = server.log().into_iter().filter(|line| line.starts_with("done")).collect();
    assert_eq!(done, ["done /x 1", "done /x 2", "done /x 2", "done /x 1"]);
    assert_eq!(proxy.counts().borrow().requests("POST", "/x"), 4);
}

#[tokio::test]
async fn a_trap_that_is_gone_catches_nothing_and_leaves_the_others() {
    let (_server, proxy) = server_and_proxy().await;
    let mut once = proxy.trap_once(Action::Copy, |_| true);
    ask(&proxy, "/x", "1").await;
    next(&mut once).await;
    let all = proxy.trap(Action::Hold, |_| true);
    let mut later = proxy.trap(Action::Copy, |_| true);
    drop(once);
    drop(all);
    ask(&proxy, "/x", "2").await;
    assert!(next(&mut later).await.bytes().ends_with(b"2"));
}
