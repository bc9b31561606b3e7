//! The formats of a payload, by content type.

use std::fmt;

use crate::PayloadError;

/// The format of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An array of objects, or one object.
    Json,
    /// Objects one after the other. Newlines between them are usual, not needed.
    Ndjson,
    /// Records under a header whose names may carry a type: `price:number`.
    Csv {
        /// What separates the fields: an ASCII character.
        delimiter: u8,
    },
}

impl Format {
    /// The format that a request states by its `Content-Type` header and `csvDelimiter` parameter.
    ///
    /// # Errors
    /// When there is no header, when it names no known format, and when a delimiter is given for another than CSV.
    pub fn from_request(content_type: Option<&str>, csv_delimiter: Option<u8>) -> Result<Self, PayloadError> {
        let header = content_type.ok_or(PayloadError::MissingContentType)?;
        let essence = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (essence.as_str(), csv_delimiter) {
            ("application/json", None) => Ok(Self::Json),
            ("application/x-ndjson", None) => Ok(Self::Ndjson),
            ("text/csv", delimiter) => Ok(Self::Csv { delimiter: delimiter.unwrap_or(b',') }),
            ("application/json" | "application/x-ndjson", Some(_)) => {
                Err(PayloadError::DelimiterWithoutCsv(essence))
            }
            // What is no media type at all is shown as it was sent.
            _ if essence.split('/').filter(|part| !part.is_empty()).count() == 2 => {
                Err(PayloadError::InvalidContentType(essence))
            }
            _ => Err(PayloadError::InvalidContentType(header.to_owned())),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv { .. } => "csv",
        })
    }
}

/// Reads the parameter `csvDelimiter`.
///
/// # Errors
/// When it is not one ASCII character.
pub fn parse_csv_delimiter(text: &str) -> Result<u8, PayloadError> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii() => Ok(c as u8),
        (Some(c), None) => Err(PayloadError::InvalidDelimiter(format!(
            "csv delimiter must be an ascii character. Found: `{c}`"
        ))),
        (None, _) => Err(PayloadError::InvalidDelimiter(
            "Invalid value in parameter `csvDelimiter`: expected a string of one character, but found an empty \
             string"
                .to_owned(),
        )),
        (Some(_), Some(_)) => Err(PayloadError::InvalidDelimiter(format!(
            "Invalid value in parameter `csvDelimiter`: expected a string of one character, but found the \
             following string of {} characters: `{text}`",
            text.chars().count()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_read_as_meilisearch_reads_them() {
        let of = |header: &str, delimiter| {
            Format::from_request(Some(header), delimiter).map_err(|error| error.to_string())
        };
        assert_eq!(of("application/json", None), Ok(Format::Json));
        assert_eq!(of("Application/JSON; charset=utf-8", None), Ok(Format::Json));
        assert_eq!(of("application/x-ndjson", None), Ok(Format::Ndjson));
        assert_eq!(of("text/csv", None), Ok(Format::Csv { delimiter: b',' }));
        assert_eq!(of("text/csv", Some(b';')), Ok(Format::Csv { delimiter: b';' }));
        let accepted = "Accepted values for the Content-Type header are: `application/json`, \
                        `application/x-ndjson`, `text/csv`";
        for (sent, shown) in [
            ("text/plain; charset=utf-8", "text/plain"),
            ("doggo", "doggo"),
            ("application/json/x", "application/json/x"),
            ("doggo; a=b", "doggo; a=b"),
        ] {
            assert_eq!(of(sent, None), Err(format!("The Content-Type `{shown}` is invalid. {accepted}")));
        }
        assert_eq!(
            Format::from_request(None, None).map_err(|error| error.to_string()),
            Err(format!("A Content-Type header is missing. {accepted}"))
        );
        assert_eq!(
            of("application/json", Some(b';')),
            Err("The Content-Type `application/json` does not support the use of a csv delimiter. The csv \
                 delimiter can only be used with the Content-Type `text/csv`."
                .to_owned())
        );
    }

    #[test]
    fn a_delimiter_is_one_ascii_character() {
        let of = |text: &str| parse_csv_delimiter(text).map_err(|error| error.to_string());
        assert_eq!(of(";"), Ok(b';'));
        assert_eq!(of("🍰"), Err("csv delimiter must be an ascii character. Found: `🍰`".to_owned()));
        assert_eq!(
            of("doggo"),
            Err("Invalid value in parameter `csvDelimiter`: expected a string of one character, but found the \
                 following string of 5 characters: `doggo`"
                .to_owned())
        );
        assert!(of("").is_err_and(|text| text.ends_with("but found an empty string")));
    }
}
