//! How a peer searches: the section `[search]`.

use std::time::Duration;

use serde::Deserialize;

/// No client waits for longer, in seconds.
const LONGEST: u64 = 3600;

/// In less there is no room for the hits of one page, in bytes.
const LEAST: usize = 1 << 20;

/// What is not set is as `search` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchFlags {
    /// What is late is asked of another copy too.
    hedge: Option<bool>,
    /// Copies on slow nodes are avoided.
    adaptive: Option<bool>,
    /// Equal requests to a node at the same time are sent once.
    share: Option<bool>,
    /// A search that takes longer fails: seconds.
    deadline: Option<u64>,
    /// What a search answers when no copy of a shard does.
    policy: Option<Policy>,
    /// What nodes' answers to all searches take at once: bytes.
    memory: Option<usize>,
}

/// What a search answers when no copy of a shard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    /// An error.
    Error,
    /// What the other shards have, and which are missing.
    Partial,
}

impl From<SearchFlags> for miroir_search::Config {
    fn from(set: SearchFlags) -> Self {
        let usual = Self::default();
        Self {
            hedge: set.hedge.unwrap_or(usual.hedge),
            adaptive: set.adaptive.unwrap_or(usual.adaptive),
            share: set.share.unwrap_or(usual.share),
            deadline: set.deadline.map_or(usual.deadline, Duration::from_secs),
            partial: set.policy.map_or(usual.partial, |policy| policy == Policy::Partial),
            memory: set.memory.unwrap_or(usual.memory),
        }
    }
}

impl SearchFlags {
    /// What cannot be meant.
    ///
    /// # Errors
    /// Which value, and what it may be.
    pub(crate) fn check(self) -> Result<(), String> {
        match self.deadline {
            Some(seconds) if !(1..=LONGEST).contains(&seconds) => {
                Err(format!("`search.deadline` is {seconds}; it must be from 1 to {LONGEST} seconds"))
            }
            _ => match self.memory {
                Some(bytes) if bytes < LEAST => {
                    Err(format!("`search.memory` is {bytes}; it must be {LEAST} bytes or more"))
                }
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<miroir_search::Config, String> {
        let flags: SearchFlags = toml::from_str(text).map_err(|error| error.to_string())?;
        flags.check().map(|()| flags.into())
    }

    #[test]
    fn what_is_set_counts_and_what_is_not_is_as_usual() {
        let usual = miroir_search::Config::default();
        assert_eq!(read(""), Ok(usual));
        let off = "hedge = false\nadaptive = false\nshare = false\ndeadline = 5\npolicy = \"partial\"\nmemory = 9000000";
        let off = read(off);
        let deadline = Duration::from_secs(5);
        assert_eq!(
            off,
            Ok(miroir_search::Config {
                hedge: false,
                adaptive: false,
                share: false,
                deadline,
                partial: true,
                memory: 9_000_000,
            })
        );
        for (text, said) in [
            ("deadline = 0", "from 1 to 3600 seconds"),
            ("memory = 5000", "1048576 bytes or more"),
            ("policy = \"some\"", "expected `error` or `partial`"),
            ("hedges = true", "unknown field `hedges`"),
        ] {
            let refused = read(text).expect_err(text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
