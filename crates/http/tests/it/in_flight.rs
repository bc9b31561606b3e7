//! Answers while settings change.

use serde_json::json;

use crate::Peer;

/// Errors too: what a search is refused for may be what changes.
#[tokio::test]
async fn what_is_read_while_settings_are_in_flight_says_so() {
    let steady = Peer::state_with_movies().await;
    let mut changing = steady.clone();
    let ids: Vec<_> = changing.indexes.keys().copied().collect();
    for id in ids {
        let index = changing.indexes.get_mut(&id).expect("it is there");
        let task = *index.unfinished.get_min().expect("its creation");
        index.settings.to_serve.insert(task, index.settings.served.clone());
    }
    for (state, marked) in [(steady, false), (changing, true)] {
        let peer = Peer::with_state(state);
        for (method, path, body) in [
            ("POST", "/indexes/movies/search", json!({})),
            ("GET", "/indexes/movies/search?q=a", json!(null)),
            ("POST", "/indexes/movies/facet-search", json!({"facetName": "genre"})),
            ("GET", "/indexes/movies/documents", json!(null)),
            ("POST", "/multi-search", json!({"queries": [{"indexUid": "other"}, {"indexUid": "movies"}]})),
        ] {
            let (status, headers, _) = peer.call_for_all(method, path, &body).await;
            let header = headers.get("miroir-settings-in-flight").map(|value| value.as_bytes());
            assert_eq!(header == Some(&b"true"[..]), marked, "{method} {path}: {status} {headers:?}");
        }
        let (_, headers, _) = peer.call_for_all("GET", "/indexes/movies", &json!(null)).await;
        assert!(!headers.contains_key("miroir-settings-in-flight"), "it is no search");
    }
}
