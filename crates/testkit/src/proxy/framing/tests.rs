use proptest::prelude::*;

use super::*;

/// What a stream came out as: requests, then whatever was opaque, then what was kept back.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    requests: Vec<(Head, Vec<u8>)>,
    ended: usize,
    opaque: Vec<u8>,
    kept: Vec<u8>,
}

/// Reads a stream in pieces of the given sizes (the last size is repeated), and checks that no byte is lost.
fn read(stream: &[u8], sizes: &[usize]) -> Read {
    let mut framing = Framing::default();
    let mut read = Read::default();
    let mut again = Vec::new();
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(*sizes.last().expect("some size")));
    let mut left = stream;
    while !left.is_empty() {
        let (now, later) = left.split_at(sizes.next().expect("endless").min(left.len()));
        left = later;
        for part in framing.push(now) {
            match part {
                Part::Head(head, bytes) => {
                    again.extend_from_slice(&bytes);
                    read.requests.push((head, Vec::new()));
                }
                Part::Body(bytes) => {
                    assert!(!bytes.is_empty());
                    again.extend_from_slice(&bytes);
                    read.requests.last_mut().expect("a head came first").1.extend_from_slice(&bytes);
                }
                Part::End => read.ended += 1,
                Part::Opaque(bytes) => {
                    again.extend_from_slice(&bytes);
                    read.opaque.extend_from_slice(&bytes);
                }
            }
        }
    }
    read.kept = framing.rest().to_vec();
    again.extend_from_slice(&read.kept);
    assert_eq!(again, stream);
    read
}

fn head(method: &str, target: &str) -> Head {
    Head { method: method.to_owned(), target: target.to_owned() }
}

#[test]
fn a_body_is_as_long_as_the_head_says_and_the_next_request_follows_it() {
    let stream = b"POST /a?x=1 HTTP/1.1\r\nHost: n\r\nCONTENT-length: 5\r\n\r\nGET /\
        GET /b HTTP/1.1\r\n\r\nDELETE /c HTTP/1.1\r\nContent-Length: 3\r\n\r\nab";
    let read = read(stream, &[stream.len()]);
    let bodies = [("POST", "/a?x=1", "GET /"), ("GET", "/b", ""), ("DELETE", "/c", "ab")];
    assert_eq!(read.requests, bodies.map(|(m, t, body)| (head(m, t), body.as_bytes().to_vec())));
    assert_eq!(read.ended, 2, "the third lacks a byte");
    assert_eq!(read.requests[0].0.path(), "/a");
}

#[test]
fn what_cannot_be_cut_into_requests_is_opaque_from_its_first_byte() {
    for stream in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nabcde",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "\0\0\0",
    ] {
        let read = read(stream.as_bytes(), &[1]);
        assert_eq!((read.requests.len(), read.opaque.as_slice()), (0, stream.as_bytes()), "{stream:?}");
    }
}

#[test]
fn a_head_is_kept_back_until_it_is_complete_or_too_long() {
    let read = read(b"GET / HTTP/1.1\r\nHost: n\r\n", &[4]);
    assert_eq!(read.kept, b"GET / HTTP/1.1\r\nHost: n\r\n");
    let mut framing = Framing::default();
    assert_eq!(framing.push(b"GET /"), []);
    let parts = framing.push(&vec![b'a'; LONGEST_HEAD]);
    assert!(matches!(parts.as_slice(), [Part::Opaque(bytes)] if bytes.len() == LONGEST_HEAD + 5));
}

proptest! {
    /// However the bytes arrive, the same requests are seen, with the same bodies.
    #[test]
    fn the_cut_of_the_stream_does_not_matter(
        bodies in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        tail in prop_oneof![Just(""), Just("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nxyz"), Just("GET /half")],
        sizes in prop::collection::vec(1usize..50, 1..20),
    ) {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for (number, body) in bodies.into_iter().enumerate() {
            let length = body.as_ref().map(|body| format!("Content-Length: {}\r\n", body.len()));
            let fields = length.unwrap_or_default();
            stream.extend_from_slice(format!("PUT /{number} HTTP/1.1\r\n{fields}\r\n").as_bytes());
            let body = body.unwrap_or_default();
            stream.extend_from_slice(&body);
            expected.push((head("PUT", &format!("/{number}")), body));
        }
        stream.extend_from_slice(tail.as_bytes());
        let read = read(&stream, &sizes);
        prop_assert_eq!(read.ended, expected.len());
        prop_assert_eq!(read.requests, expected);
        let (opaque, kept) = if tail.starts_with("PRI") { (tail, "") } else { ("", tail) };
        prop_assert_eq!((read.opaque, read.kept), (opaque.as_bytes().to_vec(), kept.as_bytes().to_vec()));
    }
}
