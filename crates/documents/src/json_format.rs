//! JSON and NDJSON payloads: each document as the span of bytes that the client sent.

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Deserializer, Map, Value};

use crate::{Format, PayloadError};

/// Takes one item of a list of documents. An error says that the item is no object.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&RawValue) -> serde_json::Result<()>;

/// Gives each object of the array, or the one object, to `sink`.
pub(crate) fn read_json(body: &[u8], sink: Sink<'_>) -> Result<(), PayloadError> {
    let malformed = |error: serde_json::Error| PayloadError::malformed(Format::Json, &error);
    // What follows the array is not read, as Meilisearch does not read it.
    match Deserializer::from_slice(body).deserialize_seq(EachItem(&mut *sink)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => return Err(PayloadError::item(Format::Json, &error)),
        Err(error) if error.classify() != Category::Data => return Err(malformed(error)),
        Err(_no_array) => {}
    }
    // One object: Meilisearch reads it whole, so that numbers out of range and the like are errors of the payload.
    serde_json::from_slice::<Map<String, Value>>(body).map_err(malformed)?;
    let document: &RawValue = serde_json::from_slice(body).map_err(malformed)?;
    sink(document).map_err(|error| PayloadError::item(Format::Json, &error))
}

/// Gives each object to `sink`.
pub(crate) fn read_ndjson(body: &[u8], sink: Sink<'_>) -> Result<(), PayloadError> {
    for item in Deserializer::from_slice(body).into_iter::<&RawValue>() {
        let document = item.map_err(|error| PayloadError::malformed(Format::Ndjson, &error))?;
        sink(document).map_err(|error| PayloadError::item(Format::Ndjson, &error))?;
    }
    Ok(())
}

/// Visits an array item by item. The outer result is the array's, the inner one the first bad item's.
struct EachItem<'s>(Sink<'s>);

impl<'de> Visitor<'de> for EachItem<'_> {
    type Value = serde_json::Result<()>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a nonempty sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while let Some(item) = items.next_element::<&'de RawValue>()? {
            if let Err(error) = (self.0)(item) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}
