//! Texts as messages and tables show them.

use std::fmt::{self, Write};

/// A text in quotes; made by [`quoted`].
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(&'a str);

/// Shows a text in quotes: control characters, quotes and backslashes are escaped, and everything else,
/// such as combining marks, stands as it is.
pub fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text)
}

/// The first `longest` characters of a text in quotes, with dots if there are more.
pub fn quoted_start(text: &str, longest: usize) -> String {
    let start: String = text.chars().take(longest).collect();
    let more = if start.len() < text.len() { "..." } else { "" };
    format!("{}{more}", quoted(&start))
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        for c in self.0.chars() {
            match c.is_control() || matches!(c, '"' | '\\') {
                true => write!(formatter, "{}", c.escape_debug())?,
                false => formatter.write_char(c)?,
            }
        }
        formatter.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_characters_are_escaped() {
        for (text, shown) in [
            ("i\u{32f}", "\"i\u{32f}\""),
            ("\u{303}", "\"\u{303}\""),
            ("カタ", "\"カタ\""),
            ("a\tb\n", r#""a\tb\n""#),
            ("\u{1b}[1m \"q\" \\", r#""\u{1b}[1m \"q\" \\""#),
        ] {
            assert_eq!(quoted(text).to_string(), shown);
        }
        assert_eq!(quoted_start("abcdef", 3), "\"abc\"...");
        assert_eq!(quoted_start("abc", 3), "\"abc\"");
    }
}
