//! Which response belongs to which request.

use crate::http::{Method, Request, Response};

/// Name and version, also the content of `/version`.
pub const VERSION: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n");

const NOT_FOUND: Response = Response::error(404, "not found; try / or /healthz\n");
const NOT_ALLOWED: Response = Response::error(405, "only GET and HEAD work here\n");
const NOT_KNOWN: Response = Response::error(501, "this method is not known here\n");

/// Finds the response to a request.
pub fn respond(request: &Request) -> Response {
    let body = match request.path {
        "/" => "Hello from Ashlar.\n",
        "/healthz" => "ok\n",
        "/version" => VERSION,
        _ if request.method == Method::Unknown => return NOT_KNOWN,
        _ => return NOT_FOUND,
    };
    match request.method {
        Method::Get | Method::Head => Response::ok(body),
        Method::Other => NOT_ALLOWED,
        Method::Unknown => NOT_KNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        for (method, path, status) in [
            (Method::Get, "/", 200),
            (Method::Head, "/healthz", 200),
            (Method::Get, "/version", 200),
            (Method::Other, "/", 405),
            (Method::Unknown, "/", 501),
            (Method::Get, "/nothing", 404),
            (Method::Other, "/nothing", 404),
            (Method::Unknown, "/nothing", 501),
            (Method::Other, "*", 404),
            (Method::Get, "/healthz/", 404),
        ] {
            let request = Request { method, path, line: "", keep_alive: true };
            assert_eq!(respond(&request).status, status, "{method:?} {path}");
        }
    }
}
