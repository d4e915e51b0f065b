//! Dependencies point one way: the modules of a crate stand in an order, and each uses only those
//! before it.

#![allow(clippy::expect_used)] // a test may fail by panicking

use std::fs;
use std::path::{Path, PathBuf};

/// Crates, and their modules in order. A module is a file or a folder of `src`.
const ORDER: &[(&str, &[&str])] = &[
    (
        "runtime",
        &[
            "parallel", "text", "settings", "storage", "layers", "networks", "decoding", "model",
        ],
    ),
    (
        "seq2seq",
        &[
            "charts",
            "shell",
            "text",
            "data",
            "config",
            "encoding",
            "ops",
            "layers",
            "networks",
            "metrics",
            "evaluation",
            "training",
            "report",
            "tuning",
        ],
    ),
];

#[test]
fn modules_use_only_those_before_them() {
    let mut wrong = Vec::new();
    for (name, modules) in ORDER {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(name)
            .join("src");
        for (place, module) in modules.iter().enumerate() {
            for file in files_of(&source, module) {
                let text = fs::read_to_string(&file).expect("a source file");
                for used in used_modules(&text) {
                    let before = modules[..=place].contains(&used.as_str());
                    // What is no module is re-exported from another crate.
                    if !before && modules.contains(&used.as_str()) {
                        wrong.push(format!("{}: uses {used}", file.display()));
                    }
                }
            }
        }
        for file in top_level(&source) {
            let known = file == "lib" || modules.contains(&file.as_str());
            assert!(known, "{name}: the module {file} has no place in the order");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The file `module.rs`, or all files in the folder of that name.
fn files_of(source: &Path, module: &str) -> Vec<PathBuf> {
    let file = source.join(module).with_extension("rs");
    let mut found: Vec<PathBuf> = file.is_file().then_some(file).into_iter().collect();
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

fn top_level(source: &Path) -> Vec<String> {
    let entries = fs::read_dir(source).expect("the source");
    let names = entries.map(|entry| entry.expect("an entry").path());
    names
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

/// The modules that come right after `crate::`, in `use` lines and elsewhere; those in braces, too.
fn used_modules(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut used = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let group = group.split(';').next().unwrap_or(group);
                let mut depth = 0;
                let mut name = String::new();
                for character in group.chars() {
                    match character {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => used.push(std::mem::take(&mut name)),
                        _ if depth == 0 => name.push(character),
                        _ => {}
                    }
                }
                used.push(name);
            }
            None => used.push(rest.to_owned()),
        }
    }
    let first = |name: String| {
        let name = name.trim_start();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
        name[..end.unwrap_or(name.len())].to_owned()
    };
    used.into_iter().map(first).collect()
}

/// The reader of `use` lines sees what it should.
#[test]
fn uses_are_found() {
    let text = "use crate::{parallel, text::Codec, model::{self, Model}};\n// crate::training\nlet x = crate::data::Pair;";
    assert_eq!(used_modules(text), ["parallel", "text", "model", "data"]);
}

/// Paths in the guide start in `crates`, or are pages.
#[test]
fn the_guide_for_contributors_names_files_that_exist() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = crates.join("..");
    let guide = fs::read_to_string(root.join("CONTRIBUTING.md")).expect("the guide");
    let code = guide.split('`').skip(1).step_by(2);
    let paths = code.filter(|code| code.contains('/') && !code.contains(' '));
    let (there, missing): (Vec<&str>, Vec<&str>) =
        paths.partition(|path| root.join(path).exists() || crates.join(path).exists());
    assert_eq!(missing, [""; 0]);
    assert!(there.len() > 20, "{there:?}");
}
