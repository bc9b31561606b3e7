//! The program `miroir-ctl` as a shell sees it.

use std::io::{Read, Write};
use std::net::TcpListener;
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

#[test]
fn who_speaks_http_is_not_taken_for_a_peer_that_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let (code, text) = exit_code(&["--peer", &address, "status"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("gRPC address"), "{text}");
}
