//! JSON itself.

use std::fmt;

use base::json::quoted;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    Null,
    Boolean(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub fn text(text: &str) -> Json {
        Json::Text(text.to_owned())
    }

    pub fn object(all: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
        Json::Object(all.into_iter().collect())
    }

    /// A single value stays as it is; several become a list.
    pub fn one_or_list(mut all: Vec<Json>) -> Json {
        match all.len() {
            1 => all.remove(0),
            _ => Json::List(all),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => to.write_str("null"),
            Json::Boolean(is) => write!(to, "{is}"),
            Json::Number(number) => write!(to, "{number}"),
            Json::Text(text) => to.write_str(&quoted(text)),
            Json::List(all) => {
                to.write_str("[")?;
                for (at, one) in all.iter().enumerate() {
                    write!(to, "{}{one}", if at > 0 { ", " } else { "" })?;
                }
                to.write_str("]")
            }
            Json::Object(all) => {
                to.write_str("{")?;
                for (at, (name, value)) in all.iter().enumerate() {
                    write!(to, "{}\"{name}\": {value}", if at > 0 { ", " } else { "" })?;
                }
                to.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted() {
        let text = Json::object([("a", Json::List(vec![Json::text("b\"\\\n\u{7f}ä"), Json::Null, Json::Number(-5)]))]);
        assert_eq!(text.to_string(), "{\"a\": [\"b\\\"\\\\\\u000a\\u007fä\", null, -5]}");
    }
}
