//! The program `miroir` as a shell sees it.

mod peers;

use std::process::{Command, Output};

fn miroir(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_miroir")).args(arguments).output().expect("it runs")
}

fn refused(arguments: &[&str], says: &str) {
    let output = miroir(arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(text.contains(says), "{arguments:?}: {text}");
}

#[test]
fn bad_configuration_is_told_and_ends_with_2() {
    refused(&["dev", "--nodes", "1", "--factor", "2", "--data-dir", &scratch("factor")], "factor");
    refused(&["dev", "--master-key", "short", "--data-dir", &scratch("key")], "at least 16");
    refused(&["peer", "--config", "/no/such/file.toml"], "/no/such/file.toml");
    refused(
        &["peer", "--name", "a"],
        "`data_dir` is missing: set it in the configuration file, as MIROIR_DATA_DIR",
    );
    refused(&["node", "--http-addr", "nowhere", "--db-path", "x"], "command line: `http_addr`: ");
    refused(&["fly"], "fly");
}

#[test]
fn a_peer_must_be_one_of_the_initial_peers() {
    let flags =
        ["--data-dir", "x", "--http", "127.0.0.1:1", "--grpc", "127.0.0.1:2", "--cluster-secret-file", "x"];
    let peers = ["peer", "--name", "z", "--initial-peers", "a=127.0.0.1:2"];
    refused(&[&peers[..], &flags[..]].concat(), "none of the initial peers (a)");
}

#[test]
fn limits_that_cannot_be_meant_are_refused() {
    let file = scratch("limits.toml");
    let whole = "name = 'a'\ndata_dir = 'x'\nhttp = '127.0.0.1:1'\ngrpc = '127.0.0.1:2'\ncluster_secret_file = \
                 'x'\ninitial_peers = 'a=127.0.0.1:2'\n[limits]\n";
    for (line, says) in [("queue_tasks = 3", "at least 16"), ("queue_taks = 300", "queue_taks")] {
        std::fs::write(&file, format!("{whole}{line}\n")).expect("a disk");
        refused(&["peer", "--config", &file], says);
    }
    // With what can be meant it gets as far as the secret.
    std::fs::write(&file, format!("{whole}queue_tasks = 300\nlagging_after = 10\n")).expect("a disk");
    refused(&["peer", "--config", &file], "cluster secret");
}

fn scratch(name: &str) -> String {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&dir).ok();
    dir.to_string_lossy().into_owned()
}
