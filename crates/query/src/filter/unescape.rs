//! Escapes in quoted values: `\n`, `\u{1F600}`, `\x20`, `\101` and their like.
//!
//! The rules are those of the crate `unescaper` at 0.1.8, which Meilisearch 1.50 is built with; later ones take more.

use std::str::Chars;

/// Why a text cannot be unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It ends in an escape.
    Incomplete,
    /// The digits of an escape are no number, or too large a one.
    Number,
    /// A backslash before a character that it means nothing with, or the number of no character.
    Character,
}

/// The text that is meant.
pub(super) fn unescape(text: &str) -> Result<String, Wrong> {
    let mut meant = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        meant.push(if c == '\\' { escaped(&mut chars)? } else { c });
    }
    Ok(meant)
}

fn escaped(chars: &mut Chars<'_>) -> Result<char, Wrong> {
    Ok(match chars.next().ok_or(Wrong::Incomplete)? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        same @ ('\'' | '"' | '\\' | '/') => same,
        'u' => unicode(chars)?,
        'x' => byte(&take(chars, 2)?, 16)?,
        digit @ '0'..='3' => octal(digit, 2, chars)?,
        digit @ '4'..='7' => octal(digit, 1, chars)?,
        _ => return Err(Wrong::Character),
    })
}

/// Four digits, or any number of them in braces; the text's end closes them too.
fn unicode(chars: &mut Chars<'_>) -> Result<char, Wrong> {
    let digits = if let Some(rest) = chars.as_str().strip_prefix('{') {
        let digits = rest.split('}').next().unwrap_or_default();
        let after = &rest[digits.len()..];
        *chars = after.strip_prefix('}').unwrap_or(after).chars();
        digits.to_owned()
    } else {
        take(chars, 4)?
    };
    let number = u32::from_str_radix(&digits, 16).map_err(|_| Wrong::Number)?;
    char::from_u32(number).ok_or(Wrong::Character)
}

fn octal(first: char, more: usize, chars: &mut Chars<'_>) -> Result<char, Wrong> {
    let rest = chars.as_str();
    let length = rest.bytes().take(more).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    *chars = rest[length..].chars();
    byte(&format!("{first}{}", &rest[..length]), 8)
}

fn byte(digits: &str, radix: u32) -> Result<char, Wrong> {
    u8::from_str_radix(digits, radix).map(char::from).map_err(|_| Wrong::Number)
}

fn take(chars: &mut Chars<'_>, count: usize) -> Result<String, Wrong> {
    (0..count).map(|_| chars.next().ok_or(Wrong::Incomplete)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_meilisearch() {
        for (text, meant) in [
            (r"a\n\t\r\b\f\'\x20\/\\", "a\n\t\r\u{8}\u{c}' /\\"),
            (r#"\""#, "\""),
            (r"\u0041\u{1F600}\u{41", "A😀A"),
            (r"\101\0011\477\8", ""),
            (r"\101\0011\477", "A\u{1}1'7"),
            (r"\x+f\u+041", "\u{f}A"),
        ] {
            assert_eq!(unescape(text).unwrap_or_default(), meant, "{text}");
        }
        for (text, wrong) in [
            (r"\", Wrong::Incomplete),
            (r"\x4", Wrong::Incomplete),
            (r"\u004", Wrong::Incomplete),
            (r"\u", Wrong::Incomplete),
            (r"\u{}", Wrong::Number),
            (r"\u{110000000}", Wrong::Number),
            (r"\xgg", Wrong::Number),
            (r"\u{D800}", Wrong::Character),
            (r"\v", Wrong::Character),
            (r"\8", Wrong::Character),
        ] {
            assert_eq!(unescape(text), Err(wrong), "{text}");
        }
    }
}
