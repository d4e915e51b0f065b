//! Settings of earlier versions. Recipes in model files and in the folders of runs spell every setting
//! out, so one that is turned off is left out in silence; one that is in use is refused.

use seq2seq_runtime::settings::removed::{entry, number, table, take_out_ngrams};
use toml::de::DeTable;

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
    if take_out_analogies(recipe) {
        return Err(removed(ANALOGIES, origin));
    }
    leave_out_of_model(recipe, origin)
}

/// Takes removed settings out of the recipe of a trained model; `origin` names it in errors.
///
/// # Errors
/// If one is in use that the network needs.
pub(super) fn leave_out_of_model(recipe: &mut DeTable, origin: &str) -> Result<(), ConfigError> {
    take_out_analogies(recipe);
    match take_out_ngrams(recipe) {
        true => Err(removed(NGRAMS, origin)),
        false => Ok(()),
    }
}

/// Refuses to set a removed setting.
pub(super) fn refuse(change: &Override) -> Result<(), ConfigError> {
    let path = change.key();
    for setting in [NGRAMS, ANALOGIES] {
        let rest = path.strip_prefix(setting.0);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return Err(removed(setting, &format!("`{change}`")));
        }
    }
    Ok(())
}

/// Takes the setting out; says whether it was in use.
fn take_out_analogies(recipe: &mut DeTable) -> bool {
    let data = entry(Some(recipe), "data").and_then(table);
    let many = data.and_then(|data| data.remove("analogies"));
    many.is_some_and(|many| number(many.get_ref()) != Some(0.0))
}

fn removed((setting, feature): Removed, origin: &str) -> ConfigError {
    ConfigError::Removed {
        origin: origin.to_owned(),
        setting,
        feature,
    }
}
