//! Instants as Meilisearch writes them; for `#[serde(with = "miroir_api::rfc3339")]`.

use miroir_model::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Writes RFC 3339 in UTC, with the fraction that the instant needs.
///
/// # Errors
/// The serialiser's.
pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339())
}

/// Reads any RFC 3339 instant.
///
/// # Errors
/// When the text is none.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map(Timestamp::from_datetime).map_err(serde::de::Error::custom)
}
