//! Settings of earlier versions. The recipe in a model file spells every setting out, so one that is
//! turned off is left out in silence.

use toml::de::{DeTable, DeValue};

/// Takes `[model.ngrams]` out of a recipe, its ensemble's members included; says whether any of these
/// networks has n-gram vectors.
pub fn take_out_ngrams(recipe: &mut DeTable) -> bool {
    entry(Some(recipe), "model").is_some_and(of_network)
}

fn of_network(model: &mut DeValue) -> bool {
    let own = table(model).and_then(|model| model.remove("ngrams"));
    let longest = own.as_ref().and_then(|own| own.get_ref().get("longest"));
    let mut in_use = longest.is_some_and(|longest| number(longest.get_ref()) != Some(1.0));
    let ensemble = entry(table(model), "ensemble").and_then(table);
    if let Some(DeValue::Array(members)) = entry(ensemble, "members") {
        for member in members.iter_mut() {
            in_use |= of_network(member.get_mut());
        }
    }
    in_use
}

/// A value as a number, if it is one.
pub fn number(value: &DeValue) -> Option<f64> {
    match value {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}

/// A value as a table, if it is one.
pub fn table<'a, 'i>(value: &'a mut DeValue<'i>) -> Option<&'a mut DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// An entry of a table, if both are there.
pub fn entry<'a, 'i>(table: Option<&'a mut DeTable<'i>>, key: &str) -> Option<&'a mut DeValue<'i>> {
    table?.get_mut(key).map(|value| value.get_mut())
}
