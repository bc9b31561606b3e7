//! CSV payloads: each record becomes the text of a JSON object.
//!
//! A column `name:number` or `name:boolean` is parsed, any other is text; an empty cell is `null`. Of columns with one
//! name the last one wins, at the place of the first.

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json_format::Sink;
use crate::{Format, PayloadError};

/// Gives the object of each record to `sink`.
pub(crate) fn read_csv(body: &[u8], delimiter: u8, sink: Sink<'_>) -> Result<(), PayloadError> {
    let format = Format::Csv { delimiter };
    let malformed = |error: csv::Error| PayloadError::other(format, error);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(body);
    let mut table = Table::new(reader.headers().map_err(malformed)?);
    let mut record = csv::StringRecord::new();
    let mut text = String::new();
    let mut line = 0;
    while reader.read_record(&mut record).map_err(malformed)? {
        line += 1;
        table.object(&record, &mut text).map_err(|cell| cell.at(format, line))?;
        let document: &RawValue =
            serde_json::from_str(&text).map_err(|error| PayloadError::malformed(format, &error))?;
        sink(document).map_err(|error| PayloadError::item(format, &error))?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Boolean,
}

struct Table {
    /// Of each column: its type and its member.
    columns: Vec<(Kind, usize)>,
    /// Of each member: its name as JSON, and its value as JSON in the present record.
    members: Vec<(String, String)>,
}

impl Table {
    fn new(headers: &csv::StringRecord) -> Self {
        let mut table = Self { columns: Vec::new(), members: Vec::new() };
        let mut places = HashMap::new();
        for header in headers {
            let (name, kind) = match header.rsplit_once(':') {
                Some((name, "string")) => (name, Kind::Text),
                Some((name, "number")) => (name, Kind::Number),
                Some((name, "boolean")) => (name, Kind::Boolean),
                _ => (header, Kind::Text),
            };
            let member = *places.entry(name).or_insert_with(|| {
                table.members.push((Value::from(name).to_string(), String::new()));
                table.members.len() - 1
            });
            table.columns.push((kind, member));
        }
        table
    }

    /// Writes the object of a record.
    fn object(&mut self, record: &csv::StringRecord, text: &mut String) -> Result<(), BadCell> {
        for ((kind, member), cell) in self.columns.iter().zip(record) {
            self.members[*member].1 = cell_json(*kind, cell)?;
        }
        text.clear();
        for (name, value) in &self.members {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(name);
            text.push(':');
            text.push_str(value);
        }
        if text.is_empty() {
            text.push('{');
        }
        text.push('}');
        Ok(())
    }
}

/// A cell that does not have its column's type.
struct BadCell {
    what: &'static str,
    cell: String,
    error: String,
}

impl BadCell {
    fn at(self, format: Format, line: u64) -> PayloadError {
        let Self { what, cell, error } = self;
        PayloadError::other(format, format!("Error parsing {what} {cell:?} at line {line}: {error}"))
    }
}

/// The cell as JSON. Numbers beyond the range of doubles, and `NaN`, are `null`.
fn cell_json(kind: Kind, cell: &str) -> Result<String, BadCell> {
    let bad = |what, error: &dyn std::fmt::Display| BadCell {
        what,
        cell: cell.to_owned(),
        error: error.to_string(),
    };
    let trimmed = cell.trim();
    let value = match kind {
        Kind::Text if cell.is_empty() => Value::Null,
        Kind::Text => Value::from(cell),
        Kind::Number | Kind::Boolean if trimmed.is_empty() => Value::Null,
        Kind::Number => match trimmed.parse::<i64>() {
            Ok(integer) => Value::from(integer),
            Err(_) => trimmed.parse::<f64>().map(Value::from).map_err(|error| bad("number", &error))?,
        },
        Kind::Boolean => trimmed.parse::<bool>().map(Value::from).map_err(|error| bad("boolean", &error))?,
    };
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<String>, String> {
        let mut documents = Vec::new();
        read_csv(body.as_bytes(), b',', &mut |document| {
            documents.push(document.get().to_owned());
            Ok(())
        })
        .map(|()| documents)
        .map_err(|error| error.to_string())
    }

    /// The cells of a real server's answer.
    #[test]
    fn cells_become_what_meilisearch_makes_of_them() {
        let body = "id:number,a:number,b:number,c:string,d:foo,e:boolean\n1,1.50,, ,x,\n2,1e400,NaN,x,y,false\n\
                    3,-0,18446744073709551615,\"q\"\"q\",,true\n4, 7 ,1e3,\"a\nb\",z, true ";
        assert_eq!(
            read(body).unwrap(),
            [
                r#"{"id":1,"a":1.5,"b":null,"c":" ","d:foo":"x","e":null}"#,
                r#"{"id":2,"a":null,"b":null,"c":"x","d:foo":"y","e":false}"#,
                r#"{"id":3,"a":0,"b":1.8446744073709552e+19,"c":"q\"q","d:foo":null,"e":true}"#,
                r#"{"id":4,"a":7,"b":1000.0,"c":"a\nb","d:foo":"z","e":true}"#,
            ]
        );
        assert_eq!(read("id,a,b,a:number\n1,2,3,4").unwrap(), [r#"{"id":"1","a":4,"b":"3"}"#]);
        assert_eq!(read("id\n").unwrap(), [""; 0]);
    }

    #[test]
    fn errors_have_meilisearchs_texts() {
        assert_eq!(
            read("id,a:number\n1,2\n2,x").unwrap_err(),
            "The `csv` payload provided is malformed: `Error parsing number \"x\" at line 2: invalid float \
             literal`."
        );
        assert_eq!(
            read("id,a:boolean\n1,doggo").unwrap_err(),
            "The `csv` payload provided is malformed: `Error parsing boolean \"doggo\" at line 1: provided string \
             was not `true` or `false``."
        );
        assert_eq!(
            read("id,a\n1,2,3").unwrap_err(),
            "The `csv` payload provided is malformed: `CSV error: record 1 (line: 2, byte: 5): found record with 3 \
             fields, but the previous record has 2 fields`."
        );
    }
}
