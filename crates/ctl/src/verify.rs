//! `miroir-ctl verify`.

use std::process::ExitCode;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use indicatif::ProgressBar;
use miroir_wire::admin::VerifyReport;
use miroir_wire::admin::verify_event::Event;
use serde_json::{Value, json};

use crate::client::Client;
use crate::exit::Exit;
use crate::say;

pub(crate) async fn run(mut client: Client, index: Option<String>, as_json: bool) -> Result<ExitCode, Exit> {
    let mut events = client.verify(index).await?;
    let bar = if as_json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.enable_steady_tick(Duration::from_millis(100));
    let report = loop {
        let event = events.message().await?;
        match event.and_then(|event| event.event) {
            Some(Event::Progress(progress)) => {
                bar.set_message(format!("{} documents read", progress.documents))
            }
            Some(Event::Report(report)) => break report,
            None => return Err(Exit::Failed("the peer ended the answer before its report".to_owned())),
        }
    };
    bar.finish_and_clear();
    if as_json {
        say::line(document(&report));
    } else {
        print(&report);
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn document(report: &VerifyReport) -> Value {
    let violations: Vec<_> = (report.violations.iter())
        .map(|v| json!({"kind": v.kind, "where": v.r#where, "text": v.text}))
        .collect();
    let shards: Vec<_> = (report.shards.iter())
        .map(|shard| {
            let copies: Vec<_> = (shard.copies.iter())
                .map(|copy| json!({"node": copy.node, "documents": copy.documents, "hash": copy.hash}))
                .collect();
            json!({"index": shard.index, "shard": shard.shard, "copies": copies})
        })
        .collect();
    json!({"ok": report.ok, "violations": violations, "shards": shards})
}

fn print(report: &VerifyReport) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(["shard", "documents", "copies", ""]);
    for shard in &report.shards {
        let documents = shard.copies.iter().map(|copy| copy.documents).max().unwrap_or_default();
        let nodes: Vec<_> = shard.copies.iter().map(|copy| copy.node.as_str()).collect();
        let verdict = match shard.copies.as_slice() {
            [] => "NOT READ",
            [_] => "one read",
            [first, others @ ..] if others.iter().all(|other| other.hash == first.hash) => "equal",
            _ => "DIFFER",
        };
        let name = format!("{}/{}", shard.index, shard.shard);
        table.add_row([name, documents.to_string(), nodes.join(", "), verdict.to_owned()]);
    }
    say::line(table);
    for violation in &report.violations {
        say::line(format!("{}: {}: {}", violation.kind, violation.r#where, violation.text));
    }
    say::line(if report.ok { "all is well" } else { "something is wrong: see above" });
}
