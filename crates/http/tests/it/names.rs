//! Swaps and renames: what Meilisearch 1.50.0 was recorded to answer, word for word.

use axum::http::StatusCode;
use miroir_cluster::State;
use serde_json::{Value, json};

use crate::Peer;

/// Bodies with the code and the message that each is refused with.
fn no_swaps() -> Vec<(Value, &'static str, String)> {
    let uid = "Index uid can be an integer or a string containing only alphanumeric characters, hyphens (-) and \
               underscores (_), and can not be more than 512 bytes.";
    vec![
        (
            json!([{"indexes": ["a", "a"]}]),
            "invalid_swap_duplicate_index_found",
            "Indexes must be declared only once during a swap. `a` was specified several times.".to_owned(),
        ),
        (
            json!([{"indexes": ["a", "b"]}, {"indexes": ["b", "a"]}]),
            "invalid_swap_duplicate_index_found",
            "Indexes must be declared only once during a swap. `a`, `b` were specified several times."
                .to_owned(),
        ),
        (
            json!([{"indexes": ["a", "b", "c"]}]),
            "invalid_swap_indexes",
            "Two indexes must be given for each swap. The list `[\"a\", \"b\", \"c\"]` contains 3 indexes."
                .to_owned(),
        ),
        (
            json!([{"indexes": ["a*", "b"]}]),
            "invalid_swap_indexes",
            format!("Invalid value at `[0].indexes[0]`: `a*` is not a valid index uid. {uid}"),
        ),
        (
            json!([{"indexes": "a"}]),
            "invalid_swap_indexes",
            "Invalid value type at `[0].indexes`: expected an array, but found a string: `\"a\"`".to_owned(),
        ),
        (
            json!([{"indexes": ["a", 3]}]),
            "invalid_swap_indexes",
            "Invalid value type at `[0].indexes[1]`: expected a string, but found a positive integer: `3`"
                .to_owned(),
        ),
        (json!([{}]), "missing_swap_indexes", "Missing field `indexes` inside `[0]`".to_owned()),
        (
            json!({}),
            "bad_request",
            "Invalid value type: expected an array, but found an object: `{}`".to_owned(),
        ),
        (
            json!([{"indexes": ["a", "b"], "rename": 3}]),
            "invalid_swap_rename",
            "Invalid value type at `[0].rename`: expected a boolean, but found a positive integer: `3`"
                .to_owned(),
        ),
        (
            json!([{"indexes": ["a", "b"], "x": 3}]),
            "bad_request",
            "Unknown field `x` inside `[0]`: expected one of `indexes`, `rename`".to_owned(),
        ),
    ]
}

/// A swap that cannot be one is refused at once.
#[tokio::test]
async fn what_is_no_swap_is_refused_in_its_words() {
    let peer = Peer::new();
    for (body, code, message) in no_swaps() {
        let (status, answer) = peer.post("/swap-indexes", &body).await;
        assert_eq!(
            (status, &answer["code"], &answer["message"]),
            (StatusCode::BAD_REQUEST, &json!(code), &json!(message))
        );
    }
    assert_eq!(peer.cluster.state().next_task.0, 0, "none of it is a task");
}

/// A peer whose cluster has ordered the indexes `a` and `b`; no node has made them yet.
async fn two_indexes() -> Peer {
    let peer = Peer::new();
    for uid in ["a", "b"] {
        let (status, answer) = peer.post("/indexes", &json!({"uid": uid})).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
    peer
}

/// The error that the state has noted for a task, which is told when its turn comes.
fn noted(peer: &Peer, answer: &Value) -> Option<(String, String)> {
    let state = peer.cluster.state();
    let uid = miroir_model::TaskUid(
        answer["taskUid"].as_u64().unwrap_or_else(|| unreachable!("no task: {answer}")),
    );
    let error = json!(state.tasks.get(&uid)?.error.clone()?);
    let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
    Some((text("code"), text("message")))
}

#[tokio::test]
async fn a_swap_that_fails_is_a_task_that_fails() {
    let cases = [
        (json!([{"indexes": ["a", "nope"]}]), "index_not_found", "Index `nope` not found."),
        (json!([{"indexes": ["no", "nope"]}]), "index_not_found", "Indexes `no`, `nope` not found."),
        (
            json!([{"indexes": ["b", "a"], "rename": true}]),
            "index_already_exists",
            "Cannot rename `b` to `a` as the index already exists. Hint: You can remove `a` first and then do your \
             remove.",
        ),
        (json!([{"indexes": ["no", "c"], "rename": true}]), "index_not_found", "Index `no` not found."),
    ];
    let peer = two_indexes().await;
    for (body, code, message) in cases {
        let (status, answer) = peer.post("/swap-indexes", &body).await;
        assert_eq!(
            (status, &answer["type"], &answer["indexUid"]),
            (StatusCode::ACCEPTED, &json!("indexSwap"), &Value::Null)
        );
        let (code, message) = (code.to_owned(), message.to_owned());
        // Without a place in the order of an index that is there, it has ended at once.
        if let Some(noted) = noted(&peer, &answer) {
            assert_eq!(noted, (code, message));
        } else {
            let (_, task) = peer.call("GET", &format!("/tasks/{}", answer["taskUid"]), &Value::Null).await;
            assert_eq!((&task["error"]["code"], &task["error"]["message"]), (&json!(code), &json!(message)));
        }
    }
}

#[tokio::test]
async fn names_change_for_the_next_task_at_once() {
    let peer = two_indexes().await;
    let ordered =
        |name: &str| peer.cluster.state().ordered(&name.parse().expect("a name")).map(|index| index.id);
    let (a, b) = (ordered("a"), ordered("b"));
    let (_, answer) = peer.post("/swap-indexes", &json!([{"indexes": ["a", "b"]}])).await;
    assert_eq!(noted(&peer, &answer), None);
    assert_eq!((ordered("a"), ordered("b")), (b, a));
    let (_, answer) = peer.call("PATCH", "/indexes/a", &json!({"uid": "c"})).await;
    assert_eq!((noted(&peer, &answer), &answer["type"]), (None, &json!("indexUpdate")));
    assert_eq!((ordered("a"), ordered("b"), ordered("c")), (None, a, b));
    for (path, name, code) in
        [("/indexes/c", "b", "index_already_exists"), ("/indexes/zz", "b", "index_not_found")]
    {
        let (_, answer) = peer.call("PATCH", path, &json!({"uid": name})).await;
        let told = match noted(&peer, &answer) {
            Some((code, _)) => code,
            None => {
                let path = format!("/tasks/{}", answer["taskUid"]);
                let (_, task) = peer.call("GET", &path, &Value::Null).await;
                task["error"]["code"].as_str().unwrap_or_default().to_owned()
            }
        };
        assert_eq!(told, code);
    }
    let (status, answer) = peer.call("PATCH", "/indexes/c", &json!({"uid": "b b"})).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_index_uid")));
}

/// The swap is not served yet, so what `a` stands for from now on is still read as `b`.
#[tokio::test]
async fn a_task_behind_a_swap_keeps_the_name_that_its_client_used() {
    let mut state = State::clone(&two_indexes().await.cluster.state());
    state.names.served = state.names.ordered.clone();
    let peer = Peer::with_state(state);
    peer.post("/swap-indexes", &json!([{"indexes": ["a", "b"]}])).await;
    let (status, task) = peer.post("/indexes/a/documents", &json!([{"id": 1}])).await;
    assert_eq!((status, &task["indexUid"]), (StatusCode::ACCEPTED, &json!("a")));
    let (_, shown) = peer.call("GET", &format!("/tasks/{}", task["taskUid"]), &Value::Null).await;
    assert_eq!((&shown["status"], &shown["indexUid"]), (&json!("enqueued"), &json!("a")));
    for (name, found) in [("a", 1), ("b", 0)] {
        let path = format!("/tasks?indexUids={name}&types=documentAdditionOrUpdate");
        let (_, page) = peer.call("GET", &path, &Value::Null).await;
        assert_eq!(page["total"], json!(found), "{name}");
    }
    // So a cancelation by the name finds what was sent to it, and not what the name stands for until then.
    let (_, canceled) =
        peer.post("/tasks/cancel?indexUids=b&types=documentAdditionOrUpdate", &Value::Null).await;
    let (_, canceled) = peer.call("GET", &format!("/tasks/{}", canceled["taskUid"]), &Value::Null).await;
    assert_eq!(canceled["details"]["matchedTasks"], json!(0));
}
