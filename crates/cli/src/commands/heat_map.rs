//! Attention weights as shades of grey, for terminals.

use seq2seq::Alignment;

/// Shades with the least weight of each.
const SHADES: [(f64, char); 5] = [(0.7, '█'), (0.4, '▓'), (0.2, '▒'), (0.05, '░'), (0.0, '·')];

/// Weights of each target symbol (rows) on the source symbols (columns), with the symbols beside them.
pub fn heat_map(alignment: &Alignment) -> String {
    let sources: Vec<String> = alignment
        .source
        .iter()
        .map(|it| visible_blank(it))
        .collect();
    let targets: Vec<String> = alignment
        .target
        .iter()
        .map(|it| visible_blank(it))
        .collect();
    let width = |texts: &[String]| texts.iter().map(|it| it.chars().count()).max().unwrap_or(0);
    let (left, column) = (width(&targets), width(&sources).max(2));
    let line = |name: &str, cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| padded(cell, column)).collect();
        let text = format!("{} {}", padded(name, left), cells.join(" "));
        text.trim_end().to_owned()
    };
    let mut lines = vec![line("", sources)];
    for (target, weights) in targets.iter().zip(&alignment.weights) {
        let cell = |&weight: &f64| shade(weight).to_string().repeat(column);
        lines.push(line(target, weights.iter().map(cell).collect()));
    }
    let legend = SHADES.map(|(least, shade)| format!("{shade} {:.0}", 100.0 * least));
    format!(
        "where the decoder looked, in percent from: {}\n{}",
        legend.join("  "),
        lines.join("\n")
    )
}

fn shade(weight: f64) -> char {
    let found = SHADES.iter().find(|(least, _)| weight >= *least);
    found.map_or('·', |(_, shade)| *shade)
}

fn visible_blank(symbol: &str) -> String {
    symbol.replace(' ', "␣")
}

/// Filled up with blanks; a width in a format string ends at 65,535.
fn padded(text: &str, width: usize) -> String {
    text.to_owned() + &" ".repeat(width.saturating_sub(text.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_targets_and_columns_sources() {
        let alignment = Alignment {
            source: ["a", " ", "bcd"].map(str::to_owned).to_vec(),
            target: ["X", "YZ"].map(str::to_owned).to_vec(),
            weights: vec![vec![0.9, 0.1, 0.0], vec![0.0, 0.3, 0.7]],
            ..Alignment::default()
        };
        let map = heat_map(&alignment);
        let lines: Vec<&str> = map.lines().skip(1).collect();
        assert_eq!(
            lines,
            ["   a   ␣   bcd", "X  ███ ░░░ ···", "YZ ··· ▒▒▒ ███"]
        );
    }
}
