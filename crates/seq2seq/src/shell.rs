//! Commands that messages suggest.

use std::path::Path;

/// A path or another argument as a shell reads it: in single quotes, unless it is plain.
pub fn shell_quoted(argument: impl AsRef<Path>) -> String {
    let text = argument.as_ref().display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "_-./=+:,@%".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_as_they_must_be() {
        for (argument, quoted) in [
            ("runs/g2p", "runs/g2p"),
            ("runs/my run", "'runs/my run'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(shell_quoted(argument), quoted);
        }
    }
}
