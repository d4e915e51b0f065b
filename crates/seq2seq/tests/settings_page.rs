//! `docs/settings.md` lists every setting as `config` documents it.
//!
//! The page is made from the doc comments of the settings and their defaults. After a change of
//! either, remake it with `UPDATE_DOCS=1 cargo test -p seq2seq --test settings_page`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use seq2seq::Recipe;
use seq2seq::config::AdditionSettings;

/// A setting as its doc comment has it.
struct Setting {
    key: String,
    meaning: String,
}

/// A struct of settings.
struct Section {
    name: String,
    about: String,
    settings: Vec<Setting>,
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The source files that have settings, in the order of the page.
fn sources() -> Vec<String> {
    let (own, runtime) = ("src/config", "../runtime/src/settings");
    [
        (own, "data"),
        (runtime, "text"),
        (runtime, "model"),
        (runtime, "architecture"),
        (own, "training"),
        (runtime, "decoding"),
    ]
    .map(|(folder, file)| {
        let path = crate_folder().join(folder).join(file).with_extension("rs");
        std::fs::read_to_string(path).unwrap()
    })
    .into()
}

/// Structs whose doc comment begins with a section's name in backticks and brackets.
fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for source in sources() {
        let mut comment = String::new();
        let mut open = false;
        for line in source.lines() {
            let line = line.trim();
            if let Some(text) = line.strip_prefix("///") {
                comment = format!("{comment} {}", text.trim()).trim().to_owned();
                continue;
            }
            if line.starts_with("pub struct ") {
                open = comment.starts_with("`[");
                if open {
                    let (name, about) =
                        comment.trim_start_matches("`[").split_once("]`: ").unwrap();
                    sections.push(Section {
                        name: name.to_owned(),
                        about: about.to_owned(),
                        settings: Vec::new(),
                    });
                }
            } else if line == "}" {
                open = false;
            } else if let (true, Some(field)) = (open, line.strip_prefix("pub ")) {
                let key = field.split_once(':').unwrap().0.to_owned();
                let meaning = comment.clone();
                sections
                    .last_mut()
                    .unwrap()
                    .settings
                    .push(Setting { key, meaning });
            }
            if !line.starts_with("#[") {
                comment.clear();
            }
        }
    }
    // An ensemble is made by a command, not by a recipe.
    sections.retain(|section| section.name != "model.ensemble");
    sections
}

/// All settings with their defaults. Settings that are off by default are not among them.
fn defaults() -> toml::Table {
    let mut recipe = Recipe::default();
    recipe.data.addition = Some(AdditionSettings::default());
    recipe.to_toml().parse().unwrap()
}

fn section_of<'a>(defaults: &'a toml::Table, name: &str) -> Option<&'a toml::Table> {
    name.split('.')
        .try_fold(defaults, |table, part| table.get(part)?.as_table())
}

fn page(sections: &[Section], defaults: &toml::Table) -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Every setting of a recipe with its default. In a recipe a setting stands in its section:\n\n\
         ```toml\n[training]\nepochs = 60\n```\n\n\
         On the command line it is `--set training.epochs=60`. A file of pairs without a recipe\n\
         starts from other values for some settings: see [defaults.md](defaults.md).\n\n\
         This page is made from the source by a test; do not edit it.\n",
    );
    for section in sections {
        let values = section_of(defaults, &section.name);
        write!(
            page,
            "\n## [{}]\n\n{}\n\n",
            section.name,
            sentence(&section.about)
        )
        .unwrap();
        page += "| setting | default | meaning |\n|---|---|---|\n";
        for setting in &section.settings {
            let value = values.and_then(|table| table.get(&setting.key));
            let shown = match value {
                Some(toml::Value::Table(_)) | None => "not set".to_owned(),
                Some(value) => format!("`{value}`"),
            };
            let meaning = setting.meaning.replace('|', "\\|");
            writeln!(page, "| `{}` | {shown} | {meaning} |", setting.key).unwrap();
        }
    }
    page
}

/// With a capital letter at the beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[test]
fn the_page_is_up_to_date() {
    let path = crate_folder().join("../../docs/settings.md");
    let page = page(&sections(), &defaults());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/settings.md does not match the settings in src/config: remake it with \
         UPDATE_DOCS=1 cargo test -p seq2seq --test settings_page"
    );
}

/// What can be set is on the page, and nothing else is.
#[test]
fn no_setting_is_missing() {
    let defaults = defaults();
    let sections = sections();
    let documented = |name: &str| -> BTreeSet<String> {
        let section = sections.iter().find(|section| section.name == name);
        let section = section.unwrap_or_else(|| panic!("[{name}] has no documented struct"));
        section
            .settings
            .iter()
            .map(|setting| setting.key.clone())
            .collect()
    };
    let mut left: Vec<(String, toml::Table)> = Vec::new();
    for (name, value) in &defaults {
        left.push((name.clone(), value.as_table().unwrap().clone()));
    }
    while let Some((name, table)) = left.pop() {
        let documented = documented(&name);
        for (key, value) in table {
            assert!(documented.contains(&key), "{name}.{key} is not on the page");
            if let toml::Value::Table(inner) = value {
                left.push((format!("{name}.{key}"), inner));
            }
        }
    }
    for section in &sections {
        assert!(
            section_of(&defaults, &section.name).is_some(),
            "[{}] cannot be set",
            section.name
        );
        for setting in &section.settings {
            assert!(
                !setting.meaning.is_empty(),
                "{}.{} has no meaning",
                section.name,
                setting.key
            );
        }
    }
}
