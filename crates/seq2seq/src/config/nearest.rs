//! What somebody may have meant who named a setting that does not exist.

use toml::Table;

use super::Recipe;
use super::load::flatten;

/// The one of the names that is most like `given`: one that begins or ends with it as a word
/// (`units`: `encoder_units`), has it as its initials (`lr`: `learning_rate`), or differs by few letters.
pub fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    let given = given.replace('-', "_");
    let words = |name: &str| {
        let mut words = name.split('_');
        words.clone().count() > 1 && words.any(|word| word == given)
    };
    let initials = |name: &str| {
        let initials = name.split('_').filter_map(|word| word.chars().next());
        given.len() > 1 && initials.eq(given.chars())
    };
    let alike = || {
        names
            .iter()
            .map(|name| (strsim::damerau_levenshtein(&given, name), name))
            .min()
            .filter(|(distance, name)| *distance <= name.len().max(given.len()) / 2)
            .map(|(_, name)| *name)
    };
    let mut all = names.iter().copied();
    let exact = all.clone().find(|name| *name == given);
    exact
        .or_else(|| all.find(|name| words(name) || initials(name)))
        .or_else(alike)
}

/// The setting, such as `training.epochs`, that somebody may mean who names its last part.
pub fn setting_named(name: &str) -> Option<String> {
    let table: Table = Recipe::default().to_toml().parse().ok()?;
    let mut settings = Vec::new();
    // Those of training before all others: they are what people look for flags for.
    for section in ["training", "model", "decoding", "text", "data"] {
        flatten(section, table.get(section)?, &mut settings);
    }
    let names = settings
        .iter()
        .map(|(setting, _)| setting.rsplit('.').next());
    let names: Vec<&str> = names.flatten().collect();
    let found = nearest(name, &names)?;
    let place = names.iter().position(|name| *name == found)?;
    settings.into_iter().nth(place).map(|(setting, _)| setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood() {
        for (given, meant) in [
            ("epochs", "training.epochs"),
            ("epoch", "training.epochs"),
            ("lr", "training.learning_rate"),
            ("batch-size", "training.batch_size"),
            ("units", "model.encoder_units"),
            ("embeding", "model.embedding"),
        ] {
            assert_eq!(setting_named(given).as_deref(), Some(meant), "{given}");
        }
        assert_eq!(setting_named("no such thing"), None);
    }
}
