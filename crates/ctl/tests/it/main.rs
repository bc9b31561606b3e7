//! The program `miroir-ctl` as a shell sees it.

use std::process::Command;

fn exit_code(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_miroir-ctl"))
        .args(arguments)
        .env_remove("MIROIR_PEER")
        .output()
        .expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    assert_eq!(exit_code(&["dance"]).0, Some(2));
    assert_eq!(exit_code(&["--peer", "not an address", "status"]).0, Some(2));
    // Port 1 of loopback: nothing listens there.
    let (code, text) = exit_code(&["--peer", "http://127.0.0.1:1", "status"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("http://127.0.0.1:1"), "{text}");
}
