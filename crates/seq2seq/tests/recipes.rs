//! The recipes in `recipes/` are valid, and their data is there.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use seq2seq::Recipe;

fn recipes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect()
}

#[test]
fn every_recipe_is_valid() {
    let recipes = recipes();
    assert!(recipes.len() >= 10);
    for path in recipes {
        let recipe = Recipe::read(&path).unwrap();
        recipe
            .check()
            .and_then(|()| Ok(recipe.model.check_trainable()?))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for file in [&recipe.data.train, &recipe.data.dev, &recipe.data.test]
            .into_iter()
            .flatten()
        {
            assert!(
                file.exists(),
                "{}: {} is missing",
                path.display(),
                file.display()
            );
        }
    }
}

/// A reader should not have to look anything up: each setting has a comment, and the first lines
/// give the command.
#[test]
fn every_recipe_explains_itself() {
    for path in recipes() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(&format!("train recipes/{name}")),
            "{name} does not say how to run it"
        );
        let settings = text.lines().filter(|line| line.contains(" = "));
        let commented = settings.clone().filter(|line| line.contains('#')).count();
        assert!(
            2 * commented > settings.count(),
            "{name}: most settings lack a comment"
        );
    }
}
