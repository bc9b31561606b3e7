//! Locales of the API: ISO 639-3 codes, and the ISO 639-1 code of each where it has one.

use milli::tokenizer::Language;

/// ISO 639-1 to ISO 639-3 (`meilisearch-types/src/locales.rs`).
#[rustfmt::skip]
const SHORT: &[(&str, &str)] = &[
    ("af", "afr"), ("ak", "aka"), ("am", "amh"), ("ar", "ara"), ("az", "aze"), ("be", "bel"), ("bn", "ben"),
    ("bg", "bul"), ("ca", "cat"), ("cs", "ces"), ("da", "dan"), ("de", "deu"), ("el", "ell"), ("en", "eng"),
    ("eo", "epo"), ("et", "est"), ("fi", "fin"), ("fr", "fra"), ("gu", "guj"), ("he", "heb"), ("hi", "hin"),
    ("hr", "hrv"), ("hu", "hun"), ("hy", "hye"), ("id", "ind"), ("it", "ita"), ("jv", "jav"), ("ja", "jpn"),
    ("kn", "kan"), ("ka", "kat"), ("km", "khm"), ("ko", "kor"), ("la", "lat"), ("lv", "lav"), ("lt", "lit"),
    ("ml", "mal"), ("mr", "mar"), ("mk", "mkd"), ("my", "mya"), ("ne", "nep"), ("nl", "nld"), ("nb", "nob"),
    ("or", "ori"), ("pa", "pan"), ("fa", "pes"), ("pl", "pol"), ("pt", "por"), ("ro", "ron"), ("ru", "rus"),
    ("si", "sin"), ("sk", "slk"), ("sl", "slv"), ("sn", "sna"), ("es", "spa"), ("sr", "srp"), ("sv", "swe"),
    ("ta", "tam"), ("te", "tel"), ("tl", "tgl"), ("th", "tha"), ("tk", "tuk"), ("tr", "tur"), ("uk", "ukr"),
    ("ur", "urd"), ("uz", "uzb"), ("vi", "vie"), ("yi", "yid"), ("zh", "zho"), ("zu", "zul"),
];

/// The language of a locale's code.
pub(crate) fn language(code: &str) -> Option<Language> {
    let long = SHORT.iter().find(|(short, _)| *short == code).map_or(code, |(_, long)| long);
    Language::from_code(long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_code_is_a_language_and_long_codes_are_themselves() {
        for (short, long) in SHORT {
            let found = language(short).map(|language| language.code());
            assert_eq!(found, language(long).map(|language| language.code()));
            assert_eq!(found, Some(*long));
        }
        assert!(language("xx").is_none());
        assert_eq!(language("cmn"), Some(Language::Cmn));
    }
}
