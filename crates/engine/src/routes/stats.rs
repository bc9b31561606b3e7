//! Health, version and figures.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::{Answer, Params, Shared, Token, blocking};
use crate::index;
use crate::queue::instant;

pub(super) async fn health(_: Params) -> Json<Value> {
    Json(json!({ "status": "available" }))
}

/// The version of the engine inside: clusters choose by it how to speak to a node.
pub(super) async fn version(State(engine): State<Shared>, token: Token) -> Answer {
    token.allows(&engine, "version", None)?;
    Ok(Json(json!({ "commitSha": "unknown", "commitDate": "unknown", "pkgVersion": "1.15.1" })))
}

pub(super) async fn one(State(engine): State<Shared>, Path(uid): Path<String>, token: Token) -> Answer {
    token.allows(&engine, "stats.get", Some(&uid))?;
    blocking(engine, move |engine| {
        let index = engine.index(&uid)?;
        Ok(Json(index::stats(&index, &*index.read_txn()?, engine.is_indexing(&uid))?))
    })
    .await
}

pub(super) async fn all(State(engine): State<Shared>, token: Token) -> Answer {
    let grant = token.allows(&engine, "stats.get", None)?;
    blocking(engine, move |engine| {
        let mut size = engine.store.env.real_disk_size()?;
        let mut used = engine.store.env.non_free_pages_size()?;
        let mut last_update = None;
        let mut indexes = Map::new();
        for name in engine.index_names()? {
            let index = engine.index(&name)?;
            let txn = index.read_txn()?;
            size += index.on_disk_size()?;
            used += index.used_size()?;
            if grant.covers(&name) {
                last_update = last_update.max(Some(index::dates(&index, &txn)?.1));
                indexes.insert(name.clone(), index::stats(&index, &txn, engine.is_indexing(&name))?);
            }
        }
        Ok(Json(json!({
            "databaseSize": size,
            "usedDatabaseSize": used,
            "lastUpdate": last_update.map(instant),
            "indexes": indexes,
        })))
    })
    .await
}
