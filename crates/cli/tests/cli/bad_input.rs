//! What cannot work is refused with a message that says what, where, and what to do.

use std::fs;

use crate::support::{folder_with_words, run, trained};

/// Trains on a file with this content.
fn train_on(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pairs.tsv"), content).unwrap();
    run(
        folder.path(),
        "train pairs.tsv --quiet --set training.epochs=1",
    )
}

/// Trains with this recipe.
fn train_with(recipe: &str) -> String {
    let folder = folder_with_words();
    fs::write(folder.path().join("recipe.toml"), recipe).unwrap();
    run(
        folder.path(),
        "train recipe.toml --train words.tsv --quiet --set training.epochs=1",
    )
}

#[test]
fn files_of_pairs() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("pairs_missing", run(folder.path(), "train pairs.tsv"));
    insta::assert_snapshot!("pairs_empty", train_on(b""));
    insta::assert_snapshot!("pairs_not_utf8", train_on(b"a\tb\nna\xEFve\tx\n"));
    insta::assert_snapshot!("pairs_too_few_columns", train_on(b"a\tb\nhello world\n"));
    insta::assert_snapshot!("pairs_empty_source", train_on(b"a\tb\n\tx\n"));
    insta::assert_snapshot!("pairs_empty_target", train_on(b"a\tb\nx\t\n"));
    insta::assert_snapshot!("pairs_only_one", train_on(b"a\tb\n"));
    insta::assert_snapshot!("pairs_one_source", train_on(b"a\tb\na\tc\na\td\n"));
}

#[test]
fn recipes() {
    let recipe = |name: &str, text: &str| {
        insta::assert_snapshot!(format!("recipe_{name}"), train_with(text))
    };
    recipe("unknown_key", "[training]\nepoch = 5\n");
    recipe("unknown_section", "[trainning]\nepochs = 5\n");
    recipe("unknown_value", "[model]\ncell = \"lsmt\"\n");
    recipe("wrong_type", "[training]\nepochs = \"many\"\n");
    recipe("not_toml", "[training\nepochs = 5\n");
    recipe("impossible_value", "[training]\nlearning_rate = -0.1\n");
    recipe("no_units", "[model]\nencoder_units = 0\n");
    recipe(
        "contradiction",
        "[model]\nencoder_units = 64\ndecoder_units = 32\nbridge = \"copy\"\n",
    );
    recipe(
        "notebook_symbols",
        "[text]\nvocabulary = \"notebook\"\n[model]\nprotocol = \"first-symbol\"\n",
    );
    recipe(
        "no_end_mark",
        "[text]\ntarget_end_mark = false\nvocabulary = \"notebook\"\n",
    );
}

#[test]
fn overrides() {
    let folder = folder_with_words();
    let set = |change: &str| run(folder.path(), &format!("train words.tsv --set {change}"));
    insta::assert_snapshot!("set_unknown_key", set("training.epoch=5"));
    insta::assert_snapshot!("set_wrong_type", set("training.epochs=many"));
    insta::assert_snapshot!("set_no_value", set("training.epochs"));
    insta::assert_snapshot!("set_no_section", set("epochs=5"));
}

#[test]
fn nothing_to_train_on() {
    let folder = folder_with_words();
    fs::write(folder.path().join("open.toml"), "").unwrap();
    insta::assert_snapshot!("recipe_without_data", run(folder.path(), "train open.toml"));
    insta::assert_snapshot!(
        "pairs_twice",
        run(folder.path(), "train words.tsv --train words.tsv")
    );
}

#[test]
fn folders() {
    let folder = folder_with_words();
    fs::write(folder.path().join("file"), "").unwrap();
    insta::assert_snapshot!(
        "out_is_a_file",
        run(folder.path(), "train words.tsv --out file/run")
    );
    insta::assert_snapshot!(
        "resume_nothing",
        run(folder.path(), "train --resume nowhere")
    );
}

#[test]
fn model_files() {
    let folder = tempfile::tempdir().unwrap();
    let inspect = |name: &str| run(folder.path(), &format!("inspect {name}"));
    insta::assert_snapshot!("model_missing", inspect("nowhere"));
    fs::write(folder.path().join("text"), "not a model at all").unwrap();
    insta::assert_snapshot!("model_foreign", inspect("text"));
    let whole = fs::read(trained().join("model.safetensors")).unwrap();
    fs::write(folder.path().join("cut"), &whole[..whole.len() / 2]).unwrap();
    insta::assert_snapshot!("model_cut_short", inspect("cut"));
    fs::write(folder.path().join("empty"), "").unwrap();
    insta::assert_snapshot!("model_empty", inspect("empty"));
}
