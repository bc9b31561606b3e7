//! The languages that Meilisearch knows.

/// The codes of ISO 639-1, then those of 639-3, in the order in which errors list them. The same in 1.15 and 1.50.
#[rustfmt::skip]
pub const LOCALES: &[&str] = &[
    "af", "ak", "am", "ar", "az", "be", "bn", "bg", "ca", "cs", "da", "de", "el", "en", "eo", "et", "fi",
    "fr", "gu", "he", "hi", "hr", "hu", "hy", "id", "it", "jv", "ja", "kn", "ka", "km", "ko", "la", "lv",
    "lt", "ml", "mr", "mk", "my", "ne", "nl", "nb", "or", "pa", "fa", "pl", "pt", "ro", "ru", "si", "sk",
    "sl", "sn", "es", "sr", "sv", "ta", "te", "tl", "th", "tk", "tr", "uk", "ur", "uz", "vi", "yi", "zh",
    "zu", "afr", "aka", "amh", "ara", "aze", "bel", "ben", "bul", "cat", "ces", "dan", "deu", "ell", "eng",
    "epo", "est", "fin", "fra", "guj", "heb", "hin", "hrv", "hun", "hye", "ind", "ita", "jav", "jpn", "kan",
    "kat", "khm", "kor", "lat", "lav", "lit", "mal", "mar", "mkd", "mya", "nep", "nld", "nob", "ori", "pan",
    "pes", "pol", "por", "ron", "rus", "sin", "slk", "slv", "sna", "spa", "srp", "swe", "tam", "tel", "tgl",
    "tha", "tuk", "tur", "ukr", "urd", "uzb", "vie", "yid", "zho", "zul", "cmn",
];

/// The code that Meilisearch shows for a language: that of ISO 639-3.
pub(crate) fn shown_locale(locale: &str) -> Option<&'static str> {
    let short = LOCALES.iter().take_while(|locale| locale.len() == 2).count();
    let place = LOCALES.iter().position(|known| *known == locale)?;
    LOCALES.get(if place < short { place + short } else { place }).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_codes_show_as_long_ones() {
        for (sent, shown) in [
            ("af", "afr"),
            ("fr", "fra"),
            ("fa", "pes"),
            ("zh", "zho"),
            ("zu", "zul"),
            ("jpn", "jpn"),
            ("cmn", "cmn"),
        ] {
            assert_eq!(shown_locale(sent), Some(shown));
        }
        assert_eq!(shown_locale("fre"), None);
    }
}
