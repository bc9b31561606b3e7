//! Texts about what went wrong, as the log takes them.

/// The longest such text, in bytes. They may quote what a client sent, and that may have 100 MB.
const MAX_TEXT: usize = 8 << 10;

/// A text for a refusal or a fault that is to be recorded, cut where it is too long.
pub fn recordable(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let longest = "x".repeat(MAX_TEXT);
        assert_eq!(recordable(longest.clone()), longest);
        let cut = recordable(format!("x{}", "é".repeat(MAX_TEXT)));
        assert_eq!(cut, format!("x{}…", "é".repeat(MAX_TEXT / 2 - 1)));
    }
}
