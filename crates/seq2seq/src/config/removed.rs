//! Settings of earlier versions. Recipes in model files and in the folders of runs spell every setting
//! out, so one that is turned off is left out in silence; one that is in use is refused.

use toml::de::{DeTable, DeValue};

use super::{ConfigError, Override};

/// A removed setting or section, and what it brought.
type Removed = (&'static str, &'static str);

const NGRAMS: Removed = ("model.ngrams", "n-gram vectors");
const ANALOGIES: Removed = ("data.analogies", "training pairs by analogy");

/// Takes removed settings out of a recipe that is to be trained with; `origin` names it in errors.
///
/// # Errors
/// If one is in use.
pub(super) fn leave_out(recipe: &mut DeTable, origin: &str) -> Result<(), ConfigError> {
    if uses_analogies(recipe) {
        return Err(removed(ANALOGIES, origin));
    }
    leave_out_of_model(recipe, origin)
}

/// Takes removed settings out of the recipe of a trained model; `origin` names it in errors.
///
/// # Errors
/// If one is in use that the network needs.
pub(super) fn leave_out_of_model(recipe: &mut DeTable, origin: &str) -> Result<(), ConfigError> {
    uses_analogies(recipe);
    match entry(Some(recipe), "model").is_some_and(uses_ngrams) {
        true => Err(removed(NGRAMS, origin)),
        false => Ok(()),
    }
}

/// Refuses to set a removed setting.
pub(super) fn refuse(change: &Override) -> Result<(), ConfigError> {
    let path = change.path().join(".");
    for setting in [NGRAMS, ANALOGIES] {
        let rest = path.strip_prefix(setting.0);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return Err(removed(setting, &format!("`{change}`")));
        }
    }
    Ok(())
}

/// Takes the setting out; says whether it was in use.
fn uses_analogies(recipe: &mut DeTable) -> bool {
    let data = entry(Some(recipe), "data").and_then(table);
    let many = data.and_then(|data| data.remove("analogies"));
    many.is_some_and(|many| number(many.get_ref()) != Some(0.0))
}

/// Takes the section out of the settings of a network and of an ensemble's members; says whether any of
/// these networks has n-gram vectors.
fn uses_ngrams(model: &mut DeValue) -> bool {
    let own = table(model).and_then(|model| model.remove("ngrams"));
    let longest = own.as_ref().and_then(|own| own.get_ref().get("longest"));
    let mut in_use = longest.is_some_and(|longest| number(longest.get_ref()) != Some(1.0));
    let ensemble = entry(table(model), "ensemble").and_then(table);
    if let Some(DeValue::Array(members)) = entry(ensemble, "members") {
        for member in members.iter_mut() {
            in_use |= uses_ngrams(member.get_mut());
        }
    }
    in_use
}

fn number(value: &DeValue) -> Option<f64> {
    match value {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
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

fn removed((setting, feature): Removed, origin: &str) -> ConfigError {
    ConfigError::Removed {
        origin: origin.to_owned(),
        setting,
        feature,
    }
}
