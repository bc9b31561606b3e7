//! What `dev` prints when all is up.

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use super::children::log_file;
use super::shape::{Kind, Member, Shape};

/// The table, two lines to paste, and `ready <url>` as the last.
pub(super) fn ready(members: &[Member], key: Option<&str>, shape: &Shape) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["", "address", "for operators", "log"]);
    let by_kind = |peers: bool| members.iter().filter(move |m| matches!(m.kind, Kind::Peer { .. }) == peers);
    for member in by_kind(true).chain(by_kind(false)) {
        let more = match member.kind {
            Kind::Peer { grpc, .. } => format!("http://{grpc}"),
            Kind::Node { group } if shape.groups > 1 => format!("group {group}"),
            Kind::Node { .. } => String::new(),
        };
        let log = log_file(member).to_string_lossy().into_owned();
        table.add_row([member.id.clone(), format!("http://{}", member.http), more, log]);
    }
    let Some(first) = by_kind(true).next() else { return };
    let url = format!("http://{}", first.http);
    println!("{table}");
    println!("\nAdd documents, then search:");
    println!(
        "  curl -X POST '{url}/indexes/movies/documents'{} -H 'Content-Type: application/json' \
         -d '[{{\"id\":1,\"title\":\"The Mirror\"}}]'",
        auth(key)
    );
    println!("{}", search(&url, key, "mirror"));
    println!("\nready {url}");
}

/// A line to paste that searches films.
pub(super) fn search(url: &str, key: Option<&str>, query: &str) -> String {
    format!("  curl '{url}/indexes/movies/search?q={}'{}", query.replace(' ', "+"), auth(key))
}

fn auth(key: Option<&str>) -> String {
    key.map(|key| format!(" -H 'Authorization: Bearer {key}'")).unwrap_or_default()
}
