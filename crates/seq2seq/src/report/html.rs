//! Pieces of a page.

use crate::charts::SHAPES;

/// Styles of the page, for light and dark screens.
const STYLE: &str = "\
:root{--text:#1f2328;--dim:#656d76;--page:#fff;--line:#d0d7de;--one:#0969da;--two:#cf222e;--three:#1a7f37;--good:#dafbe1;--bad:#ffebe9}\
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--dim:#8d96a0;--page:#0d1117;--line:#30363d;--one:#4493f8;--two:#f85149;--three:#3fb950;--good:#12361f;--bad:#481a1d}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:1080px;margin:2em auto;padding:0 1em}\
h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.15em;border-bottom:1px solid var(--line);margin-top:2em}\
p.about{color:var(--dim);margin-top:.3em}table{border-collapse:collapse;align-self:start}\
td,th{padding:.25em .8em;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;font-weight:normal}\
th{color:var(--dim)}.charts{display:flex;flex-wrap:wrap;align-items:flex-start;gap:1.5em}svg{max-width:100%}\
svg .dim{color:var(--dim)}svg .grid{color:var(--line)}\
svg .one{color:var(--one)}svg .two{color:var(--two)}svg .three{color:var(--three)}\
table.edits td{border:0;padding:.1em .35em;text-align:center;font-family:ui-monospace,monospace}\
td.error{background:var(--bad)}td.match{background:var(--good)}\
.mono{font-family:ui-monospace,monospace;white-space:pre-wrap}section{overflow-x:auto}";

/// Text that HTML does not take for markup.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Other control characters are not allowed in a page.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A symbol that can be seen: a space has a sign of its own.
pub fn with_blanks(symbol: &str) -> String {
    symbol.replace(' ', "␣")
}

/// The same as HTML.
pub fn visible(symbol: &str) -> String {
    escape(&with_blanks(symbol))
}

/// A whole page.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>\
         <style>{STYLE}{SHAPES}</style></head><body>\n{body}</body></html>\n",
        escape(title)
    )
}

/// A part of the page; `content` is HTML, the rest is text.
pub fn section(title: &str, explanation: &str, content: &str) -> String {
    format!(
        "<section><h2>{}</h2><p class=\"about\">{}</p>{content}</section>\n",
        escape(title),
        escape(explanation)
    )
}

/// A table of texts.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let line = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells: String = cells
            .map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let rows: String = rows
        .iter()
        .map(|row| line("td", &mut row.iter().map(String::as_str)))
        .collect();
    format!(
        "<table>{}{rows}</table>",
        line("th", &mut heading.iter().copied())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_can_be_seen() {
        assert_eq!(with_blanks(" a "), "␣a␣");
        assert_eq!(visible("< "), "&lt;␣");
    }
}
