//! Payload files: the documents of enqueued tasks, as a sequence of JSON objects.
//!
//! A file gets its name only when it is complete and fsynced, and its task's row is written after that. A file without a
//! row (a crash between the two) is removed when the engine starts.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::error::ApiError;
use crate::mapped;

/// The formats of `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Ndjson,
    Csv { delimiter: u8 },
}

/// A payload on disk.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) uuid: Uuid,
    pub(crate) bytes: u64,
    pub(crate) count: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Payloads {
    dir: PathBuf,
}

impl Payloads {
    /// Opens the directory and removes what no task in `needed` names.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(crate) fn open(dir: PathBuf, needed: &[Uuid]) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let uuid = entry.file_name().to_str().and_then(|name| Uuid::parse_str(name).ok());
            if uuid.is_none_or(|uuid| !needed.contains(&uuid)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { dir })
    }

    /// Writes a body as objects, durably.
    ///
    /// # Errors
    /// `malformed_payload` when the body is not what its format says, or an error of the disk.
    pub(crate) fn store(&self, body: &[u8], format: Format) -> Result<Stored, ApiError> {
        miroir_fault::point("engine.payload")?;
        let mut file = NamedTempFile::new_in(&self.dir)?;
        let count = {
            let mut out = BufWriter::new(file.as_file_mut());
            let count = match format {
                Format::Json => write_json(body, &mut out),
                Format::Ndjson => write_ndjson(body, &mut out),
                Format::Csv { delimiter } => write_csv(body, delimiter, &mut out),
            }?;
            out.flush()?;
            count
        };
        file.as_file().sync_all()?;
        let bytes = file.as_file().metadata()?.len();
        let uuid = Uuid::new_v4();
        file.persist(self.path(uuid)).map_err(|error| error.error)?;
        sync_dir(&self.dir)?;
        Ok(Stored { uuid, bytes, count })
    }

    /// The payload of a task, for as long as the value lives.
    pub(crate) fn map(&self, uuid: Uuid) -> io::Result<Mmap> {
        mapped::map_file(&File::open(self.path(uuid))?)
    }

    /// A nameless file beside the payloads, for one that is derived from them.
    pub(crate) fn scratch(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.dir)
    }

    /// Removes a payload that no task needs any longer. Not an error when it is gone.
    pub(crate) fn remove(&self, uuid: Uuid) {
        if let Err(error) = fs::remove_file(self.path(uuid)) {
            tracing::warn!(%uuid, %error, "could not remove a payload; it goes at the next start");
        }
    }

    fn path(&self, uuid: Uuid) -> PathBuf {
        self.dir.join(uuid.to_string())
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn malformed(format: &str, error: &serde_json::Error) -> ApiError {
    let mut text = match error.classify() {
        Category::Data => "data are neither an object nor a list of objects".to_owned(),
        _ => error.to_string(),
    };
    // As Meilisearch does: an error can quote the whole input.
    if text.len() > 138 && text.is_char_boundary(50) && text.is_char_boundary(text.len() - 85) {
        text.replace_range(50..text.len() - 85, "...");
    }
    ApiError::new(
        "malformed_payload",
        format!("The `{format}` payload provided is malformed. `Couldn't serialize document value: {text}`."),
    )
}

/// Copies one value, which must be an object; its text is valid JSON already.
fn write_object(raw: &RawValue, out: &mut impl Write) -> Result<(), serde_json::Error> {
    if !raw.get().starts_with('{') {
        return Err(serde::de::Error::custom("data are neither an object nor a list of objects"));
    }
    out.write_all(raw.get().as_bytes()).and_then(|()| out.write_all(b"\n")).map_err(serde_json::Error::io)
}

fn write_ndjson(body: &[u8], out: &mut impl Write) -> Result<u64, ApiError> {
    let mut count = 0;
    for value in serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>() {
        value.and_then(|raw| write_object(raw, out)).map_err(|error| json_error("ndjson", error))?;
        count += 1;
    }
    Ok(count)
}

/// A list of objects, or one object.
fn write_json(body: &[u8], out: &mut impl Write) -> Result<u64, ApiError> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        let one: Result<&RawValue, _> = serde_json::from_slice(body);
        one.and_then(|raw| write_object(raw, out)).map_err(|error| json_error("json", error))?;
        return Ok(1);
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let written = reader.deserialize_seq(EachObject(out)).and_then(|count| reader.end().map(|()| count));
    written.map_err(|error| json_error("json", error))
}

fn json_error(format: &str, error: serde_json::Error) -> ApiError {
    if error.is_io() { io::Error::from(error).into() } else { malformed(format, &error) }
}

struct EachObject<W>(W);

impl<'de, W: Write> Visitor<'de> for EachObject<W> {
    type Value = u64;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<u64, A::Error> {
        let mut count = 0;
        while let Some(raw) = list.next_element::<&RawValue>()? {
            write_object(raw, &mut self.0).map_err(serde::de::Error::custom)?;
            count += 1;
        }
        Ok(count)
    }
}

/// Columns are strings unless their header ends in `:number` or `:boolean`; an empty cell is null.
fn write_csv(body: &[u8], delimiter: u8, out: &mut impl Write) -> Result<u64, ApiError> {
    let broken = |text: String| {
        ApiError::new("malformed_payload", format!("The `csv` payload provided is malformed: `{text}`."))
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body);
    let headers = reader.headers().map_err(|error| broken(error.to_string()))?.clone();
    let columns: Vec<(&str, &str)> = headers
        .iter()
        .map(|header| match header.rsplit_once(':') {
            Some((name, kind @ ("string" | "boolean" | "number"))) => (name, kind),
            _ => (header, "string"),
        })
        .collect();
    let mut count = 0;
    for record in reader.records() {
        let record = record.map_err(|error| broken(error.to_string()))?;
        count += 1;
        let mut object = Map::new();
        for ((name, kind), text) in columns.iter().zip(record.iter()) {
            let value = csv_value(text, kind)
                .map_err(|error| broken(format!("Error parsing {kind} {text:?} at line {count}: {error}")))?;
            object.insert((*name).to_owned(), value);
        }
        serde_json::to_writer(&mut *out, &object).map_err(|error| json_error("csv", error))?;
        out.write_all(b"\n")?;
    }
    Ok(count)
}

fn csv_value(text: &str, kind: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    match kind {
        "string" if text.is_empty() => Ok(Value::Null),
        "string" => Ok(text.into()),
        _ if trimmed.is_empty() => Ok(Value::Null),
        "boolean" => trimmed.parse::<bool>().map(Value::from).map_err(|error| error.to_string()),
        _ => match trimmed.parse::<i64>() {
            Ok(integer) => Ok(integer.into()),
            Err(_) => trimmed.parse::<f64>().map(Value::from).map_err(|error| error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(body: &str, format: Format) -> Result<(u64, String), ApiError> {
        let dir = tempfile::tempdir().expect("a directory");
        let payloads = Payloads::open(dir.path().join("p"), &[])?;
        let stored = payloads.store(body.as_bytes(), format)?;
        let text = String::from_utf8_lossy(&payloads.map(stored.uuid)?).into_owned();
        assert_eq!(stored.bytes, text.len() as u64);
        Ok((stored.count, text))
    }

    #[test]
    fn values_keep_their_text() {
        let body = r#"[ {"id": 1, "x": 0.10, "y": 1e400} , {"a":{"b":[1.0]}} ]"#;
        let (count, text) = stored(body, Format::Json).expect("valid");
        assert_eq!(
            (count, text.as_str()),
            (2, "{\"id\": 1, \"x\": 0.10, \"y\": 1e400}\n{\"a\":{\"b\":[1.0]}}\n")
        );
        assert_eq!(stored("", Format::Ndjson).expect("empty").0, 0);
        assert_eq!(stored("{\"a\":1}\n\n{\"a\":2}", Format::Ndjson).expect("two").0, 2);
        assert_eq!(stored("{\"a\":1}", Format::Json).expect("one").0, 1);
    }

    #[test]
    fn what_is_not_objects_is_refused() {
        for (body, format) in [
            ("[1]", Format::Json),
            ("\"x\"", Format::Json),
            ("[{}", Format::Json),
            ("[{}] x", Format::Json),
            ("{}\n3", Format::Ndjson),
            ("a:number\nx", Format::Csv { delimiter: b',' }),
        ] {
            let error = stored(body, format).expect_err(body);
            assert_eq!(error.code, "malformed_payload", "{body}: {error}");
        }
    }

    #[test]
    fn csv_cells_have_types() {
        let body = "id:number;name;ok:boolean;at:string;a:b\n1;x;true;2;3\n2.5;;;;\n";
        let (count, text) = stored(body, Format::Csv { delimiter: b';' }).expect("valid");
        assert_eq!(count, 2);
        assert_eq!(
            text,
            "{\"id\":1,\"name\":\"x\",\"ok\":true,\"at\":\"2\",\"a:b\":\"3\"}\n\
             {\"id\":2.5,\"name\":null,\"ok\":null,\"at\":null,\"a:b\":null}\n"
        );
    }
}
