//! `dev.json`: what runs, for scripts and tests. It is there only while all is up.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::children::{Children, log_file};
use super::files::{failed, key_file};
use super::shape::{Kind, Member};
use crate::exit::Exit;

/// Written by rename, so that whoever sees it sees it whole.
pub(super) fn write(dir: &Path, members: &[Member], children: &Children) -> Result<(), Exit> {
    let (mut peers, mut nodes) = (Vec::new(), Vec::new());
    for (member, pid) in members.iter().zip(children.pids()) {
        let mut entry = json!({"pid": pid, "argv": member.argv, "dir": member.dir, "log": log_file(member)});
        let mut set = |name: &str, value: Value| entry[name] = value;
        match member.kind {
            Kind::Peer { number, grpc } => {
                set("id", number.into());
                set("http", format!("http://{}", member.http).into());
                set("grpc", format!("http://{grpc}").into());
                peers.push(entry);
            }
            Kind::Node { .. } => {
                set("id", member.id.as_str().into());
                set("url", format!("http://{}", member.http).into());
                set("key_file", key_file(member).to_string_lossy().into());
                nodes.push(entry);
            }
        }
    }
    let text = json!({"version": 1, "peers": peers, "nodes": nodes}).to_string();
    let (new, file) = (dir.join("dev.json.new"), dir.join("dev.json"));
    fs::write(&new, text).and_then(|()| fs::rename(&new, &file)).map_err(|error| failed(&file, error))
}

/// Removed on a clean stop.
pub(super) fn remove(dir: &Path) {
    let _ = fs::remove_file(dir.join("dev.json"));
}
