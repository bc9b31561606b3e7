//! Generates the gRPC code, without protoc.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = Path::new("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let files = ["peer.proto", "admin.proto"].map(|file| proto.join(file));
    tonic_prost_build::configure().bytes(".").compile_fds(protox::compile(files, [proto])?)?;
    Ok(())
}
