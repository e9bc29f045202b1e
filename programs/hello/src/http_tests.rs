//! Tables for the parser and the writer of [`super`].

use super::*;

fn status(head: &str) -> u16 {
    match parse(head.as_bytes()) {
        Ok(_) => 200,
        Err(response) => response.status,
    }
}

#[test]
fn a_request_is_taken_apart() {
    let head = "GET /healthz?verbose=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
    let request = parse(head.as_bytes()).unwrap();
    assert_eq!(
        request,
        Request { method: Method::Get, path: "/healthz", line: "GET /healthz?verbose=1 HTTP/1.1", keep_alive: true }
    );
}

#[test]
fn targets() {
    for (target, path) in [
        ("/", "/"),
        ("/?a=b?c", "/"),
        ("/a/b", "/a/b"),
        ("http://example.org", "/"),
        ("HTTP://example.org:80/version?x", "/version"),
        ("http://example.org?x", "/"),
        ("*", "*"),
        ("example.org:443", "example.org:443"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(parse(head.as_bytes()).unwrap().path, path, "{target}");
    }
}

#[test]
fn methods() {
    for (word, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("DELETE", Method::Other),
        ("get", Method::Unknown),
        ("BREW", Method::Unknown),
    ] {
        let head = format!("{word} / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(parse(head.as_bytes()).unwrap().method, method, "{word}");
    }
}

#[test]
fn what_keeps_a_connection_alive() {
    for (version, fields, alive) in [
        ("1.1", "Host: a\r\n", true),
        ("1.1", "Host: a\r\nConnection: close\r\n", false),
        ("1.1", "Host: a\r\nConnection: upgrade, Close\r\n", false),
        ("1.1", "Host: a\r\nContent-Length: 0\r\n", true),
        ("1.1", "Host: a\r\nContent-Length: 10\r\n", false),
        ("1.1", "Host: a\r\nTransfer-Encoding: chunked\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let head = format!("GET / HTTP/{version}\r\n{fields}\r\n");
        assert_eq!(parse(head.as_bytes()).unwrap().keep_alive, alive, "{head:?}");
    }
}

#[test]
fn what_is_refused() {
    for (head, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\n\r\n", 200),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/11\r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", 400),
    ] {
        assert_eq!(status(head), expected, "{head:?}");
    }
    assert_eq!(parse(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n").unwrap_err().status, 400);
}

#[test]
fn too_many_fields() {
    let head = |count| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count));
    assert_eq!(status(&head(MAX_FIELDS - 1)), 200);
    assert_eq!(status(&head(MAX_FIELDS)), 431);
}

#[test]
fn the_end_of_a_head() {
    assert_eq!(head_length(b""), Ok(None));
    assert_eq!(head_length(b"GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None));
    assert_eq!(head_length(b"GET / HTTP/1.0\r\n\r\n"), Ok(Some(18)));
    assert_eq!(head_length(b"GET / HTTP/1.0\r\n\r\nGET / HT"), Ok(Some(18)));
}

#[test]
fn limits_of_a_head() {
    let line = vec![b'a'; MAX_LINE];
    assert_eq!(head_length(&line[1..]), Ok(None));
    assert_eq!(head_length(&line).unwrap_err().status, 414);

    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    head.resize(MAX_HEAD - 1, b'a');
    assert_eq!(head_length(&head), Ok(None));
    head.push(b'a');
    assert_eq!(head_length(&head).unwrap_err().status, 431);
}

#[test]
fn responses_on_the_wire() {
    let date = "Thu, 01 Jan 1970 00:00:00 GMT";
    let ok = Response::ok("hi\n");
    assert_eq!(
        String::from_utf8(ok.bytes(date, false, true)).unwrap(),
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\
         Connection: keep-alive\r\n\r\nhi\n"
    );
    // HEAD tells the length of what GET would send.
    let head = String::from_utf8(ok.bytes(date, true, false)).unwrap();
    assert!(head.contains("Content-Length: 3\r\n") && head.ends_with("Connection: close\r\n\r\n"));

    let refused = Response::error(405, "no\n").bytes(date, false, false);
    let refused = String::from_utf8(refused).unwrap();
    assert!(refused.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
    assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"));
}
