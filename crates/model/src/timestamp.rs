//! Time as the log knows it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Nanoseconds since 1970, UTC. The leader stamps commands with it; nothing about order or durability depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl From<SystemTime> for Timestamp {
    /// The instant of the system's clock: 1970 where it is before that.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Timestamp {
    /// The same instant as a calendar time.
    pub fn to_datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(self.0.into()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The instant of a calendar time; the ends of the range (years 1677 and 2262) where it lies beyond them.
    pub fn from_datetime(time: OffsetDateTime) -> Self {
        let nanos = time.unix_timestamp_nanos();
        Self(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// The instant as Meilisearch writes it: RFC 3339 in UTC, with the fraction that it needs.
    pub fn to_rfc3339(self) -> String {
        self.to_datetime().format(&Rfc3339).unwrap_or_default()
    }

    /// This instant and so many milliseconds.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000_000)))
    }

    /// Milliseconds from an earlier instant to this one; negative when `earlier` is later.
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_meilisearch_writes_it() {
        assert_eq!(Timestamp(0).to_rfc3339(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_500_000_000).to_rfc3339(), "1970-01-01T00:00:01.5Z");
        assert_eq!(Timestamp::from_datetime(Timestamp(42).to_datetime()), Timestamp(42));
        assert_eq!(Timestamp(0).plus_millis(1500).millis_since(Timestamp(0)), 1500);
    }
}
