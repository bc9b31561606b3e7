//! Places in a filter's text, and the steps that the grammar takes over it.

use std::fmt;

/// A part of a filter's text. It prints as Meilisearch's errors say where they are: the columns in characters, from 1,
/// and the text.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    text: &'a str,
    /// Where the text begins that errors show: inside `_foreign(…)` they show less.
    shown: usize,
    start: usize,
    end: usize,
}

impl<'a> Span<'a> {
    /// The part itself.
    pub fn fragment(&self) -> &'a str {
        &self.text[self.start..self.end]
    }

    /// A text that is a part of no other.
    pub(super) fn alone(text: &'a str) -> Self {
        Self { text, shown: 0, start: 0, end: text.len() }
    }

    /// From the start of this part to the next character that belongs to the language.
    pub(super) fn to_syntax(self) -> Self {
        let rest = &self.text[self.start..];
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '=' | '<' | '>' | '!');
        Self { end: self.start + rest.find(ends).unwrap_or(rest.len()), ..self }
    }

    /// All of the text.
    pub(super) fn whole(self) -> Self {
        Self::alone(self.text)
    }
}

impl fmt::Display for Span<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.text[..self.start].rfind('\n').map_or(0, |newline| newline + 1);
        let column = self.text[line..self.start].chars().count() + 1;
        let end = column + self.fragment().chars().count();
        write!(f, "{column}:{end} {}", &self.text[self.shown..])
    }
}

/// How far a filter's text is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    shown: usize,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, shown: 0, at: 0 }
    }

    pub(super) fn rest(self) -> &'a str {
        &self.text[self.at..]
    }

    /// So many bytes further; they end at a character's end.
    pub(super) fn skip(self, bytes: usize) -> Self {
        Self { at: self.at + bytes, ..self }
    }

    /// From here on, errors show only what follows `other`.
    pub(super) fn showing_from(self, other: Self) -> Self {
        Self { shown: other.at, ..self }
    }

    /// The next so many bytes.
    pub(super) fn span(self, bytes: usize) -> Span<'a> {
        Span { text: self.text, shown: self.shown, start: self.at, end: self.at + bytes }
    }

    /// The last so many bytes.
    pub(super) fn behind(self, bytes: usize) -> Span<'a> {
        Span { text: self.text, shown: self.shown, start: self.at - bytes, end: self.at }
    }

    /// All that is left.
    pub(super) fn to_end(self) -> Span<'a> {
        self.span(self.rest().len())
    }

    /// Past blanks of ASCII, which stand between words.
    pub(super) fn blanks(self) -> Self {
        self.skip(leading(self.rest(), |c| matches!(c, ' ' | '\t' | '\r' | '\n')))
    }

    /// Past one blank at least.
    pub(super) fn some_blanks(self) -> Option<Self> {
        Some(self.blanks()).filter(|after| after.at > self.at)
    }

    /// Past whatever Unicode calls a blank, which stands before values.
    pub(super) fn any_blanks(self) -> Self {
        self.skip(leading(self.rest(), char::is_whitespace))
    }

    /// Past this text, whatever follows it.
    pub(super) fn tag(self, tag: &str) -> Option<Self> {
        self.rest().starts_with(tag).then(|| self.skip(tag.len()))
    }

    /// Past this word, which ends there.
    pub(super) fn word(self, word: &str) -> Option<Self> {
        self.tag(word).filter(|after| !after.rest().starts_with(in_word))
    }

    /// Past this word and the blanks around it.
    pub(super) fn word_between_blanks(self, word: &str) -> Option<Self> {
        self.blanks().word(word).map(Self::blanks)
    }
}

/// Whether a value may have the character without quotes.
pub(super) fn in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The length in bytes of the characters that pass, from the start on.
pub(super) fn leading(text: &str, passes: impl Fn(char) -> bool) -> usize {
    text.find(|c| !passes(c)).unwrap_or(text.len())
}
