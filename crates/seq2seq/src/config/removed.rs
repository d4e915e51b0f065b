//! Settings of earlier versions. Recipes in model files and in the folders of runs spell every setting
//! out, so one that is turned off is left out in silence; one that is in use is refused.

use toml::de::{DeTable, DeValue};

use super::{ConfigError, Override};

/// The section of n-gram vectors, and what it brought.
const NGRAMS: (&str, &str) = ("model.ngrams", "n-gram vectors");

/// Takes removed settings that are turned off out of a recipe; `origin` names it in errors.
///
/// # Errors
/// If one is in use.
pub(super) fn leave_out(recipe: &mut DeTable, origin: &str) -> Result<(), ConfigError> {
    match entry(Some(recipe), "model").is_some_and(uses_ngrams) {
        true => Err(removed(NGRAMS, origin.to_owned())),
        false => Ok(()),
    }
}

/// Refuses to set a removed setting.
pub(super) fn refuse(change: &Override) -> Result<(), ConfigError> {
    let path = change.path().join(".");
    match path == NGRAMS.0 || path.starts_with(&format!("{}.", NGRAMS.0)) {
        true => Err(removed(NGRAMS, format!("`{change}`"))),
        false => Ok(()),
    }
}

/// Takes n-gram vectors out of the settings of a network and of an ensemble's members; says whether any
/// of these networks has them.
fn uses_ngrams(model: &mut DeValue) -> bool {
    let own = table(model).and_then(|model| model.remove("ngrams"));
    let longest = own.as_ref().and_then(|own| own.get_ref().get("longest"));
    let is_one = |longest: &DeValue| longest.as_integer().is_some_and(|n| n.as_str() == "1");
    let mut in_use = longest.is_some_and(|longest| !is_one(longest.get_ref()));
    let ensemble = entry(table(model), "ensemble").and_then(table);
    if let Some(DeValue::Array(members)) = entry(ensemble, "members") {
        for member in members.iter_mut() {
            in_use |= uses_ngrams(member.get_mut());
        }
    }
    in_use
}

fn table<'a, 'i>(value: &'a mut DeValue<'i>) -> Option<&'a mut DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn entry<'a, 'i>(table: Option<&'a mut DeTable<'i>>, key: &str) -> Option<&'a mut DeValue<'i>> {
    table?.get_mut(key).map(|value| value.get_mut())
}

fn removed((setting, feature): (&'static str, &'static str), origin: String) -> ConfigError {
    ConfigError::Removed {
        origin,
        setting,
        feature,
    }
}
