//! Configuration: file, then environment, then flags; the later wins.
//!
//! Names are the same everywhere: `data_dir` in the file, `MIROIR_DATA_DIR` in the environment, `--data-dir` as a flag.

mod addresses;
mod limits;
mod node;
mod peer;
mod peers;
mod search;

use std::env::VarError;
use std::path::Path;

use clap::Args;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider, Source};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::logging::LogFormat;

pub(crate) use limits::PeerLimits;
pub(crate) use node::{NodeConfig, NodeFlags};
pub(crate) use peer::{ConfiguredNode, PeerConfig, PeerFlags};
pub(crate) use peers::InitialPeers;
pub(crate) use search::SearchFlags;

/// What any program says, and how.
#[derive(Debug, Clone, Default, Args, Serialize)]
struct LogFlags {
    /// How log lines look.
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<LogFormat>,
    /// Which log lines appear, e.g. info or miroir=debug.
    #[arg(long, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

/// File, then environment, then flags. Of the environment the names in `known` count.
fn layered<C: DeserializeOwned>(
    file: Option<&Path>,
    known: &[&str],
    flags: &impl Serialize,
) -> Result<C, Exit> {
    let mut figment = Figment::new();
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    let figment = figment.merge(Environment::read(known)?).merge(Serialized::defaults(flags));
    figment.extract().map_err(|error| {
        let texts: Vec<String> = error.into_iter().map(|error| text(&error)).collect();
        Exit::Configuration(texts.join("\n"))
    })
}

/// What the environment sets. All of it is text: a key of digits only is no number.
struct Environment(Dict);

impl Environment {
    fn read(known: &[&str]) -> Result<Self, Exit> {
        let mut set = Dict::new();
        for name in known {
            let variable = format!("MIROIR_{}", name.to_uppercase());
            match std::env::var(&variable) {
                Ok(text) => drop(set.insert((*name).to_owned(), text.into())),
                Err(VarError::NotPresent) => {}
                Err(VarError::NotUnicode(_)) => {
                    return Err(Exit::Configuration(format!("{variable} is no text (UTF-8)")));
                }
            }
        }
        Ok(Self(set))
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment (MIROIR_…)")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}

/// What is wrong with one value, by the name that it has everywhere.
fn text(error: &figment::Error) -> String {
    if let (Kind::MissingField(name), []) = (&error.kind, error.path.as_slice()) {
        let (variable, flag) = (name.to_uppercase(), name.replace('_', "-"));
        return format!(
            "`{name}` is missing: set it in the configuration file, as MIROIR_{variable}, or as --{flag}"
        );
    }
    let origin = error.metadata.as_ref();
    let place = match origin.and_then(|origin| origin.source.as_ref()) {
        Some(Source::File(file)) => format!("{}: ", file.display()),
        // Where the flags were made of what was typed.
        Some(_) => "command line: ".to_owned(),
        None => origin.map(|origin| format!("{}: ", origin.name)).unwrap_or_default(),
    };
    let key = if error.path.is_empty() { String::new() } else { format!("`{}`: ", error.path.join(".")) };
    format!("{place}{key}{}", error.kind)
}

fn check_master_key(key: Option<&str>) -> Result<(), Exit> {
    match key {
        Some(key) if key.len() < 16 => Err(Exit::Configuration(format!(
            "the master key has {} bytes; it must have at least 16",
            key.len()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_sets_is_text() {
        for key in ["1234567890123456", "1.5", "true", "[a, b]", "\"quoted\""] {
            let environment = Environment(Dict::from([("master_key".to_owned(), key.into())]));
            let read: Dict = Figment::new().merge(environment).extract().expect("it can be read");
            assert_eq!(read["master_key"].as_str(), Some(key));
        }
    }
}
