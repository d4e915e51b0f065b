//! Lines that are JSON objects.

use serde_json::{Map, Value};

use crate::data::errors::LineProblem;
use crate::data::pairs::{Pair, ReadOptions, checked, is_blank};

/// Keys of source, target and features, unless others are named.
const KEYS: [&str; 3] = ["source", "target", "features"];

/// The pair of an object.
pub(super) fn pair(line: &str, options: &ReadOptions) -> Result<Pair, LineProblem> {
    let object: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| LineProblem::NotJson {
            reason: error.to_string(),
        })?;
    let key = |place: usize| options.keys.get(place).map(String::as_str);
    let (source, target, features) = match options.keys.is_empty() {
        true => (KEYS[0], KEYS[1], None),
        false => (key(0).unwrap_or(KEYS[0]), key(1).unwrap_or(KEYS[1]), key(2)),
    };
    let needed = |key: &str| match object.get(key) {
        Some(value) => text(key, value),
        None => Err(LineProblem::MissingKey {
            key: key.to_owned(),
            found: object.keys().cloned().collect(),
        }),
    };
    let features = match (features, object.get(KEYS[2])) {
        (Some(key), _) => Some(needed(key)?),
        // Nobody named it, so it may be something else.
        (None, Some(value @ Value::String(_))) if options.keys.is_empty() => {
            Some(text(KEYS[2], value)?)
        }
        (None, _) => None,
    };
    let pair = Pair {
        source: needed(source)?,
        target: needed(target)?,
        features,
    };
    for (column, text) in [
        (1, Some(&pair.source)),
        (2, Some(&pair.target)),
        (3, pair.features.as_ref()),
    ] {
        if let Some(text) = text {
            checked(text, column)?;
        }
    }
    let [source, target] = [&pair.source, &pair.target].map(|text| is_blank(text.as_bytes()));
    match (source, target) {
        (true, _) => Err(LineProblem::EmptySource { column: 1 }),
        (_, true) => Err(LineProblem::EmptyTarget { column: 2 }),
        _ => Ok(pair),
    }
}

/// A text, or a list of symbols.
fn text(key: &str, value: &Value) -> Result<String, LineProblem> {
    let symbols = |values: &[Value]| {
        let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
        texts.map(|texts| texts.join(" "))
    };
    let found = match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => symbols(values),
        _ => None,
    };
    // What a line of another format cannot hold has no place here either.
    let fine = |text: &String| !text.contains(['\0', '\n', '\r']);
    found.filter(fine).ok_or_else(|| LineProblem::NotText {
        key: key.to_owned(),
    })
}
