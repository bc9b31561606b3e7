//! Keys: their values and their rights.

use serde_json::json;
use uuid::Uuid;

use super::bench::{Bench, add};
use super::failure::{ensure, refused, same};
use super::{Check, Failure, check};
use crate::{ApiKey, NewKey, Node, Origin, Write};

pub(super) const CHECKS: &[Check] = &[
    check!(
        values_follow_from_uids,
        "A key made under a chosen uid has the HMAC of the uid under the master key as its value."
    ),
    check!(
        keys_come_and_go,
        "Keys are described and deleted by uid; a uid is used once; a deleted key is refused."
    ),
    check!(
        rights_are_those_of_the_actions,
        "What the actions of a key do not name is refused with 403 `invalid_api_key`."
    ),
    check!(only_the_master_key_makes_keys, "Keys are made, read and deleted with the master key only."),
    check!(
        lanes_create_no_index,
        "A write with a lane key to an index that is not there is accepted, its task fails with `index_not_found`, and no index comes to be."
    ),
];

async fn values_follow_from_uids(bench: &Bench<'_>) -> Result<(), Failure> {
    let uid = Uuid::new_v4();
    let info = bench.master.create_key(&NewKey::search(uid)).await?;
    same("the uid", info.uid, uid)?;
    let key = bench.master.with_key(ApiKey::derive(&bench.master_key, uid));
    key.indexes(0, 1).await?;
    let other = bench.master.with_key(ApiKey::derive("another master key", uid));
    refused("the value under another master key", other.indexes(0, 1).await, 403, "invalid_api_key")
}

async fn keys_come_and_go(bench: &Bench<'_>) -> Result<(), Failure> {
    let new = NewKey::lane(Uuid::new_v4());
    refused("a key that is not there", bench.master.key(new.uid).await, 404, "api_key_not_found")?;
    bench.master.create_key(&new).await?;
    let info = bench.master.key(new.uid).await?;
    same("the actions", info.actions, new.actions)?;
    same("the indexes", info.indexes, ["*"])?;
    same("the name", info.name.as_deref(), Some(new.name))?;
    refused("a uid for the second time", bench.master.create_key(&new).await, 409, "api_key_already_exists")?;
    let key = bench.master.with_key(ApiKey::derive(&bench.master_key, new.uid));
    key.newest_task().await?;
    bench.master.delete_key(new.uid).await?;
    refused("a deleted key", key.newest_task().await, 403, "invalid_api_key")?;
    refused("its description", bench.master.key(new.uid).await, 404, "api_key_not_found")?;
    refused("its deletion", bench.master.delete_key(new.uid).await, 404, "api_key_not_found")
}

async fn rights_are_those_of_the_actions(bench: &Bench<'_>) -> Result<(), Failure> {
    let index = bench.index().await?;
    let none = Origin::default();
    let (lane, search) = (&bench.lane, &bench.search);
    for write in [
        add(&json!([{"id": 1}])),
        Write::DeleteAll,
        Write::Settings("{}".to_owned()),
        Write::RenameIndex { to: bench.name() },
        Write::DeleteIndex,
    ] {
        refused(
            "a write with the key of searches",
            search.enqueue(&index, &write, none).await,
            403,
            "invalid_api_key",
        )?;
    }
    refused("pruning with the key of searches", search.forget_tasks(&[0]).await, 403, "invalid_api_key")?;
    refused(
        "a search with the key of lanes",
        lane.search(&index, "{}".into(), None).await,
        403,
        "invalid_api_key",
    )?;
    let create = Write::CreateIndex { primary_key: None };
    let created = lane.enqueue(&bench.name(), &create, none).await;
    refused("a creation with the key of lanes", created, 403, "invalid_api_key")?;
    lane.stats(&index).await?;
    lane.fetch(&index, "{}".into(), None).await?;
    lane.version().await?;
    search.settings(&index).await?;
    search.stats(&index).await?;
    search.newest_task().await?;
    search.version().await?;
    let nobody = bench.master.with_key(ApiKey::new("not-a-key-of-this-node"));
    nobody.health().await?;
    refused("an unknown key", nobody.version().await, 403, "invalid_api_key")
}

async fn only_the_master_key_makes_keys(bench: &Bench<'_>) -> Result<(), Failure> {
    for key in [&bench.lane, &bench.search] {
        let new = NewKey::lane(Uuid::new_v4());
        refused("making a key", key.create_key(&new).await, 403, "invalid_api_key")?;
        refused("reading a key", key.key(bench.keys[0]).await, 403, "invalid_api_key")?;
        refused("deleting a key", key.delete_key(bench.keys[0]).await, 403, "invalid_api_key")?;
    }
    Ok(())
}

async fn lanes_create_no_index(bench: &Bench<'_>) -> Result<(), Failure> {
    let name = bench.name();
    let settings = Write::Settings(json!({"stopWords": ["a"]}).to_string());
    for write in [add(&json!([{"id": 1}])), settings, Write::DeleteAll, Write::DeleteIndex] {
        bench.fails(&name, write, "index_not_found").await?;
    }
    refused("the index", bench.lane.index(&name).await, 404, "index_not_found")?;
    let listed = bench.lane.indexes(0, 10_000).await?.results;
    ensure("it is in no list", listed.iter().all(|index| index.uid != name))
}
