//! Where the definitions of functions are in the text of a script.
//!
//! Rhai allows them between statements only, never inside a block, so they are the words `fn` outside all brackets. All
//! that has to be known of the language for that are its comments and its literals.

use std::ops::Range;

/// Where the definitions of functions are in a text that compiles: each from its `fn`, or the `private` before it, to the
/// end of its body.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    ranges: Vec<Range<usize>>,
    /// Whether there is a `return` outside of them.
    pub(super) returns: bool,
}

impl Definitions {
    /// The statements and the definitions, each with blanks for the other.
    pub(super) fn apart(&self, text: &str) -> (String, String) {
        let blank = |text: &str| text.replace(|c| c != '\n', " ");
        let (mut main, mut functions) =
            (String::with_capacity(text.len()), String::with_capacity(text.len()));
        let mut at = 0;
        for range in &self.ranges {
            let (before, definition) = (&text[at..range.start], &text[range.clone()]);
            at = range.end;
            main += before;
            main += &*blank(definition);
            functions += &*blank(before);
            functions += definition;
        }
        main += &text[at..];
        functions += &*blank(&text[at..]);
        (main, functions)
    }
}

/// Looks for them.
pub(super) fn definitions(text: &str) -> Definitions {
    let mut found = Definitions::default();
    let mut scanner = Scanner { text, at: 0, returns: false };
    let (mut depth, mut private) = (0_usize, None);
    let mut open: Option<usize> = None;
    while let Some((token, range)) = scanner.next_token() {
        found.returns |= std::mem::take(&mut scanner.returns) && open.is_none();
        match (token, &text[range.clone()]) {
            (Token::Word, "private") if depth == 0 => {
                private = Some(range.start);
                continue;
            }
            (Token::Word, "fn") if depth == 0 && open.is_none() => {
                open = Some(private.unwrap_or(range.start));
            }
            (Token::Open, _) => depth += 1,
            (Token::Close, close) => {
                depth = depth.saturating_sub(1);
                if depth == 0 && close == "}" {
                    found.ranges.extend(open.take().map(|start| start..range.end));
                }
            }
            _ => {}
        }
        private = None;
    }
    found
}

/// What matters of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Word,
    Open,
    Close,
    Other,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// There was a `return`, be it in the statements of a template, which are part of its token.
    returns: bool,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// The next token that is neither space nor comment.
    fn next_token(&mut self) -> Option<(Token, Range<usize>)> {
        loop {
            let rest = self.rest();
            let first = rest.chars().next()?;
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.block_comment();
            } else {
                let start = self.at;
                let token = self.token(first);
                return Some((token, start..self.at));
            }
        }
    }

    fn token(&mut self, first: char) -> Token {
        match first {
            '"' | '\'' => self.quoted(first),
            '`' => self.template(),
            '#' if self.raw_string() => Token::Other,
            '(' | '[' | '{' => self.take(first, Token::Open),
            ')' | ']' | '}' => self.take(first, Token::Close),
            _ if is_word(first) => {
                let rest = self.rest();
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                self.returns |= &rest[..length] == "return";
                self.at += length;
                Token::Word
            }
            _ => self.take(first, Token::Other),
        }
    }

    fn take(&mut self, char: char, token: Token) -> Token {
        self.at += char.len_utf8();
        token
    }

    /// Comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                (depth, self.at) = (depth + 1, self.at + 2);
            } else if rest.starts_with("*/") {
                (depth, self.at) = (depth - 1, self.at + 2);
            } else if let Some(char) = rest.chars().next() {
                self.at += char.len_utf8();
            } else {
                return;
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Token {
        let mut chars = self.rest().char_indices().skip(1);
        let mut end = self.rest().len();
        while let Some((i, char)) = chars.next() {
            if char == '\\' {
                chars.next();
            } else if char == quote {
                end = i + 1;
                break;
            }
        }
        self.at += end;
        Token::Other
    }

    /// Text between back-ticks, with blocks of statements in `${…}`. A back-tick in it is written twice.
    fn template(&mut self) -> Token {
        self.at += 1;
        while let Some(char) = self.rest().chars().next() {
            if self.rest().starts_with("``") {
                self.at += 2;
            } else if self.rest().starts_with("${") {
                self.at += 1;
                self.block();
            } else {
                self.at += char.len_utf8();
                if char == '`' {
                    break;
                }
            }
        }
        Token::Other
    }

    /// From an opening brace to the one that closes it.
    fn block(&mut self) {
        let mut depth = 0_usize;
        while let Some((token, _)) = self.next_token() {
            match token {
                Token::Open => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                Token::Word | Token::Other => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// `#"…"#`, with any number of `#`. Whether there is one here: `#{` begins a map.
    fn raw_string(&mut self) -> bool {
        let rest = self.rest();
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let Some(inner) = rest[hashes..].strip_prefix('"') else { return false };
        let close = format!("\"{}", "#".repeat(hashes));
        let length = inner.find(&close).map_or(inner.len(), |end| end + close.len());
        self.at += hashes + 1 + length;
        true
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}
