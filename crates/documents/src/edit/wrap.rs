//! The texts that nodes are given.
//!
//! What they define begins with `_miroir`, which no script may contain.

use miroir_model::{RESERVED_MEMBER, TaskUid, reserved};

use super::{Function, Script};

/// What an error ends with that came out of `eval`.
const IN_EVAL: &str = "\nin call to function 'eval'";
/// What comes before the number of a line in an error.
const LINE: &str = "(line ";
/// How many lines stand above a script that stands there whole.
const ABOVE: u64 = 1;
/// The function that is defined last.
pub(super) const LAST: &str = "_miroir_id";

/// The functions that these texts call. A script's own of such a name would be called instead.
pub(super) const CALLED: &[&str] =
    &["is_infinite", "is_nan", "keys", "len", "parse_float", "remove", "to_json", "type_of"];

/// A function that throws for what nodes take for no place.
const GEO: &str = r#"fn _miroir_geo(geo) {
if type_of(geo) == "()" { return; }
if type_of(geo) != "map" || geo.keys().len() != 2 || type_of(geo["lat"]) == "()" || type_of(geo["lng"]) == "()" {
throw "`_geo` must be an object with `lat` and `lng`, and nothing else";
}
for name in ["lat", "lng"] {
let value = geo[name];
if type_of(value) == "string" { value = parse_float(value); }
if type_of(value) != "i64" && (type_of(value) != "f64" || value.is_nan() || value.is_infinite()) {
throw "`lat` and `lng` of `_geo` must be numbers";
}
}
}
"#;

/// A function that throws for vectors that a node takes for its own fault, and so would try to index for ever.
const VECTORS: &str = r#"fn _miroir_vectors(vectors) {
if type_of(vectors) != "()" && type_of(vectors) != "map" { throw "`_vectors` must be an object"; }
}
"#;

impl Function {
    /// The text that runs the script on documents that do not bear this task's mark, and marks what it changed.
    /// `primary_key` is the index's.
    ///
    /// Nodes may have milli's limits reached by this text where the script alone would not: it adds up to five
    /// functions (of 30), three variables (of 1000) and some tens of operations for each document (of 1,000,000).
    pub fn marking(&self, task: TaskUid, primary_key: &str) -> String {
        let member = RESERVED_MEMBER;
        let mark = reserved::mark(task);
        let begin = format!(
            "let _miroir_kept = doc.{member};\n\
             if _miroir_kept.len() > 3 && _miroir_kept[3] == \"{mark}\" {{ return; }}\n\
             doc.remove(\"{member}\");\n\
             let _miroir_before = doc;\n"
        );
        // A document that is none any more, or has another id, is refused by the node as it is.
        let end = format!(
            "if type_of(doc) == \"map\" && _miroir_id(doc) == _miroir_id(_miroir_before) {{\n\
             _miroir_vectors(doc[\"_vectors\"]);\n\
             if doc.to_json() != _miroir_before.to_json() {{\n\
             _miroir_kept = [_miroir_kept[0], _miroir_kept[1], _miroir_kept[2], \"{mark}\"];\n\
             }}\n\
             doc.{member} = _miroir_kept;\n\
             }}"
        );
        self.around(primary_key, &format!("{VECTORS}{begin}"), &end)
    }

    /// The text that runs the script, and changes nothing: the node's task fails if the edit would. `geo` says whether
    /// the index has `_geo` to filter or sort by, so that it must be a place.
    ///
    /// A document that the script made unfit to be indexed is put back too, so `_geo`, which nodes refuse only when
    /// they index it, is looked at here.
    pub fn trial(&self, primary_key: &str, geo: bool) -> String {
        let begin = format!("let _miroir_before = doc;\ndoc.remove(\"{RESERVED_MEMBER}\");\n");
        let geo = if geo { "_miroir_geo(doc[\"_geo\"]);\n" } else { "" };
        let end = format!(
            "if type_of(doc) == \"()\" {{\n\
             doc = _miroir_before;\n\
             }} else if type_of(doc) == \"map\" && _miroir_id(doc) == _miroir_id(_miroir_before) {{\n\
             {geo}_miroir_vectors(doc[\"_vectors\"]);\n\
             doc = _miroir_before;\n\
             }}"
        );
        self.around(primary_key, &format!("{GEO}{VECTORS}{begin}"), &end)
    }

    /// The script between two texts. [`LAST`] comes last: where it is missing the script has swallowed the end.
    fn around(&self, primary_key: &str, begin: &str, end: &str) -> String {
        let (exits, id) = (self.exits(), id_of(primary_key));
        match &self.script {
            Script::Whole(text) => {
                let begin = begin.replace('\n', " ");
                format!("{begin}\n{text}\n;{end}\n{exits}{id}")
            }
            Script::Apart { main, functions } => {
                let script = literal(&unindented(main));
                format!("{functions}\n{begin}eval({script});\n{end}\n{exits}{id}")
            }
        }
    }

    /// An error of a node about one of these texts, as it would be about the script.
    pub fn in_users_words(&self, message: &str) -> String {
        match self.script {
            Script::Whole(_) => {
                let mut pieces = message.split(LINE);
                let first = pieces.next().unwrap_or_default().to_owned();
                pieces.fold(first, |told, piece| {
                    let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                    let line = piece[..digits].parse::<u64>().map(|line| line.saturating_sub(ABOVE));
                    let line = line.map_or_else(|_| piece[..digits].to_owned(), |line| line.to_string());
                    told + LINE + &*line + &piece[digits..]
                })
            }
            Script::Apart { .. } => message.rfind(IN_EVAL).map_or(message, |end| &message[..end]).to_owned(),
        }
    }

    /// `exit` would end the text around the script too, and leave the document without its reserved member.
    fn exits(&self) -> String {
        let throws = r#"{ throw "`exit` is not supported: use `return` outside of functions"; }"#;
        let exits = [(0, "()"), (1, "(_miroir_value)")];
        let missing = exits.iter().filter(|(arity, _)| !self.own_exits.contains(arity));
        missing.map(|(_, parameters)| format!("fn exit{parameters} {throws}\n")).collect()
    }
}

/// A function that gives a document's id as text: `1` and `"1"` are one id. Ids of nested keys lie on a path of members,
/// or in one member of that name.
fn id_of(primary_key: &str) -> String {
    let path: Vec<String> = primary_key.split('.').map(quoted).collect();
    format!(
        "fn {LAST}(doc) {{ let flat = doc[{}]; for name in [{}] {{ if type_of(doc) != \"map\" {{ doc = (); break; }} \
         doc = doc[name]; }} `${{doc}} ${{flat}}` }}\n",
        quoted(primary_key),
        path.join(", ")
    )
}

/// `eval` takes white space off both ends, and with it what lines and columns are counted from. An empty statement in
/// its place keeps it.
fn unindented(main: &str) -> String {
    match main.chars().next() {
        Some(first) if first.is_whitespace() && first != '\n' => {
            format!(";{}", &main[first.len_utf8()..])
        }
        Some('\n') => format!(";{main}"),
        _ => main.to_owned(),
    }
}

/// A raw literal of a text: with as many `#` as it takes.
fn literal(text: &str) -> String {
    let longest = text.split(|c| c != '#').map(str::len).max().unwrap_or(0);
    let hashes = "#".repeat(longest + 1);
    format!("{hashes}\"{text}\"{hashes}")
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}
