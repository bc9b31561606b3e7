//! Bodies that break what was not made for them.

/// How deep is deep: a parser that calls itself for each level needs more stack than a thread has.
const DEEP: usize = 100_000;

/// Small ones: at the ends of what numbers, texts and filters can be.
const SMALL: [&str; 43] = [
    "null",
    "true",
    "0",
    "-1",
    "-0.0",
    "1e999",
    "-1e-999",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "1.7976931348623157e308",
    "0.1e1",
    "{}",
    "[]",
    "[[]]",
    "\"\"",
    "[null]",
    "{\"\":{}}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\uFEFF\"",
    "\" \"",
    "\"*\"",
    "\"a'b\"",
    "\"_miroir\"",
    "\"_miroir.x = 1\"",
    "\"_geo\"",
    "[\"_miroir\"]",
    "{\"_miroir\":1}",
    "\"_geoRadius(1e400, 2, 3)\"",
    "\"_geoBoundingBox([1,2],[3])\"",
    "\"a = \"",
    "\"a IN [\"",
    "\"a = 'b\"",
    "\"NOT\"",
    "\"a _foreign(b = c)\"",
    "\"price TO 3\"",
    "{\"a\":1,\"a\":{}}",
    "\"\\\\\"",
    "\"%\"",
    "\"movies\"",
    "1234567890.0000000001",
];

/// JSON texts, to be a body or a part of one.
pub(crate) fn values() -> Vec<String> {
    let around =
        |open: &str, inner: &str, close: &str| [&*open.repeat(DEEP), inner, &*close.repeat(DEEP)].concat();
    let text = |inner: &str| format!("\"{inner}\"");
    let mut values: Vec<String> = SMALL.map(str::to_owned).into();
    values.extend([
        around("[", "", "]"),
        around("{\"a\":", "1", "}"),
        "[".repeat(DEEP),
        "{\"a\":[".repeat(DEEP),
        text(&around("(", "a = 1", ")")),
        text(&"(".repeat(DEEP)),
        text(&("NOT ".repeat(DEEP) + "a = 1")),
        text(&("a = 1 OR ".repeat(DEEP) + "a = 1")),
        text(&("a = 1 AND ".repeat(DEEP) + "a = 1")),
        text(&format!("a IN [{}]", "1,".repeat(DEEP))),
        text(&format!("_geoPolygon({})", "[1,2],".repeat(DEEP))),
        text(&"a.".repeat(DEEP)),
        text(&"\\\"".repeat(DEEP)),
        text(&"é".repeat(DEEP)),
        format!("[{}0]", "0,".repeat(DEEP)),
        format!("[{}\"\"]", "\"a = 1\",".repeat(DEEP)),
        format!("[{}[]]", "[\"a = 1\"],".repeat(DEEP)),
        format!("{{{}\"z\":0}}", (0..DEEP / 10).map(|n| format!("\"a{n}\":{n},")).collect::<String>()),
        "9".repeat(DEEP),
        format!("0.{}1", "0".repeat(DEEP)),
        format!("1e{}", "9".repeat(400)),
    ]);
    values
}

/// Bodies that are not even JSON.
pub(crate) fn broken() -> Vec<Vec<u8>> {
    let mut broken: Vec<Vec<u8>> = [
        "",
        " ",
        "\0",
        "\u{feff}{}",
        "{",
        "}",
        "[1,]",
        "{\"a\"}",
        "nul",
        "NaN",
        "'a'",
        "{}{}",
        "[]\n[]",
        "\"\n\"",
        "// no\n{}",
        "a,b\n1",
        "id,id\n1,2\n",
        "\"a",
        "id\n\"1",
        "\u{2028}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    broken.extend([
        b"\xff\xfe{}".to_vec(),
        b"{\"q\":\"\xc3\x28\"}".to_vec(),
        b"[{\"id\":1,\"\xed\xa0\x80\":1}]".to_vec(),
        b"id\n\xff\n".to_vec(),
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0],
        vec![b' '; 1 << 20],
        vec![b'\n'; 1 << 20],
        vec![b','; 1 << 20],
        vec![b'"'; (1 << 20) + 1],
        b"{\"id\":1}\n".repeat(1000),
    ]);
    broken
}
