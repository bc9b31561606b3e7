//! What is looked for: words of the documents, whole, begun, mistyped, joined, quoted, excluded.

use super::{Choices, Source};

impl Source<'_> {
    pub(super) fn words(&mut self) {
        let q = match self.dice.below(100) {
            0..=9 => return,
            10..=11 => String::new(),
            12..=31 => self.run(1),
            32..=46 => self.begun(),
            47..=62 => {
                let count = 2 + self.dice.below(3);
                self.run(count)
            }
            63..=80 => self.mistyped(),
            81..=84 => self.run(2).replace(' ', ""),
            85..=89 => format!("\"{}\"", self.run(2)),
            90..=92 => format!("{} -{}", self.run(2), self.run(1)),
            93 => format!("{} -\"{}\"", self.run(1), self.run(2)),
            94..=96 => self.cut_in_two(),
            97 => format!("{} {}", self.run(1), 1900 + self.dice.below(120)),
            _ => format!("{} {}", self.dice.pick(&["?!", "·", "'", "…", "a&b", "日本"]), self.begun()),
        };
        self.set("q", q);
    }

    /// So many words that follow each other in a document, or all that it has. Mostly the first is a common one: a page
    /// with one hit shows little.
    pub(super) fn run(&mut self, count: usize) -> String {
        let common = self.dice.chance(90);
        for turn in 0..200 {
            let words = self.corpus.words(self.dice.below(self.corpus.documents.len()), self.dice.below(64));
            let Some(last) = words.len().checked_sub(1) else { continue };
            let first = self.dice.below(last + 1);
            if common && turn < 50 && !self.corpus.is_common(words[first]) {
                continue;
            }
            return words[first..].iter().take(count).copied().collect::<Vec<_>>().join(" ");
        }
        String::new()
    }

    /// Words of which the last is only begun.
    fn begun(&mut self) -> String {
        let count = 1 + self.dice.below(2);
        let text: Vec<char> = self.run(count).chars().collect();
        let last = text.iter().rposition(|letter| *letter == ' ').map_or(0, |space| space + 1);
        let kept = 1 + self.dice.below((text.len() - last).clamp(1, 5));
        text[..text.len().min(last + kept)].iter().collect()
    }

    /// Words with one or two wrong letters in one that is long enough to tolerate them.
    fn mistyped(&mut self) -> String {
        let count = 1 + self.dice.below(3);
        for _ in 0..20 {
            let mut words: Vec<String> = self.run(count).split(' ').map(str::to_owned).collect();
            let long = |word: &String| word.chars().count() >= 5;
            let Some(place) = words.iter().position(long) else { continue };
            words[place] = spoil(&words[place], self.dice);
            if words[place].chars().count() >= 9 && self.dice.chance(50) {
                words[place] = spoil(&words[place], self.dice);
            }
            return words.join(" ");
        }
        self.run(count)
    }

    fn cut_in_two(&mut self) -> String {
        let word: Vec<char> = self.run(1).chars().collect();
        let (start, end) = word.split_at(word.len() / 2);
        format!("{} {}", start.iter().collect::<String>(), end.iter().collect::<String>())
    }
}

/// A letter more, less, another, or two changed round; never the first, which would count double.
pub(super) fn spoil(word: &str, dice: &mut Choices) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let place = 1 + dice.below(letters.len() - 2);
    let other = *dice.pick(&['a', 'e', 'o', 'r', 't', 'x']);
    match dice.below(4) {
        0 => letters.insert(place, other),
        1 => {
            letters.remove(place);
        }
        2 => letters[place] = other,
        _ => letters.swap(place, place + 1),
    }
    letters.into_iter().collect()
}
