//! `_geo`: null, or an object with `lat` and `lng`, numbers or texts of numbers, and nothing else.

use miroir_api::ErrorCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::unreadable;
use crate::Refusal;

/// What nearly every place looks like. A number that was read is finite.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    #[serde(rename = "lat")]
    _lat: f64,
    #[serde(rename = "lng")]
    _lng: f64,
}

/// Checks the value of `_geo`.
pub(super) fn check(index_uid: &str, id: &str, geo: &RawValue) -> Result<(), Refusal> {
    // A derived structure would take an array too.
    if geo.get().starts_with('{') && serde_json::from_str::<Place>(geo.get()).is_ok() {
        return Ok(());
    }
    let value = serde_json::from_str(geo.get()).map_err(|error| unreadable(index_uid, &error))?;
    problem(value, &Value::from(id)).map_or(Ok(()), |problem| {
        Err(Refusal::while_indexing(index_uid, ErrorCode::InvalidDocumentGeoField, problem))
    })
}

fn problem(value: Value, id: &Value) -> Option<String> {
    let mut geo = match value {
        Value::Null => return None,
        Value::Object(geo) => geo,
        value => {
            return Some(format!(
                "The `_geo` field in the document with the id: `{id}` is not an object. Was expecting an object \
                 with the `_geo.lat` and `_geo.lng` fields but instead got `{value}`."
            ));
        }
    };
    // Removed as Meilisearch removes them: it decides the order of what is left, which a text below shows.
    match (geo.swap_remove("lat"), geo.swap_remove("lng")) {
        (Some(_), Some(_)) if !geo.is_empty() => Some(format!(
            "The `_geo` field in the document with the id: `{id}` contains the following unexpected fields: `{}`.",
            Value::Object(geo)
        )),
        (Some(lat), Some(lng)) => bad_coordinates(&lat, &lng, id),
        (Some(_), None) => Some(format!(
            "Could not find longitude in the document with the id: `{id}`. Was expecting a `_geo.lng` field."
        )),
        (None, Some(_)) => Some(format!(
            "Could not find latitude in the document with the id: `{id}`. Was expecting a `_geo.lat` field."
        )),
        (None, None) => Some(format!(
            "Could not find latitude nor longitude in the document with the id: `{id}`. Was expecting `_geo.lat` \
             and `_geo.lng` fields."
        )),
    }
}

fn bad_coordinates(lat: &Value, lng: &Value, id: &Value) -> Option<String> {
    let (what, value) = match (is_finite(lat), is_finite(lng)) {
        (true, true) => return None,
        (true, false) => ("longitude", lng),
        (false, true) => ("latitude", lat),
        (false, false) => {
            return Some(format!(
                "Could not parse latitude nor longitude in the document with the id: `{id}`. Was expecting finite \
                 numbers but instead got `{lat}` and `{lng}`."
            ));
        }
    };
    Some(format!(
        "Could not parse {what} in the document with the id: `{id}`. Was expecting a finite number but instead got \
         `{value}`."
    ))
}

fn is_finite(value: &Value) -> bool {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.is_some_and(f64::is_finite)
}
