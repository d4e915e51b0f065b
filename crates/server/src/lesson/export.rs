//! The lesson as files that any web host can serve: the pages, two recorded runs of each subject, and the library
//! as a WebAssembly module.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seq2seq::config::AttentionKind;
use seq2seq::{Model, ModelFileError, write_atomically};
use seq2seq_page::MODULE_MARK;
use serde_json::json;
use thiserror::Error;

use super::record::{Recording, record};
use super::setup::{Setup, setups};
use crate::pages::{BACKEND, LESSON, LESSON_FILES, RECORDED, SETUPS};

/// What to record, and where the files go.
#[derive(Clone, Debug)]
pub struct Export {
    /// The folder of the pages.
    pub folder: PathBuf,
    /// The WebAssembly module of `seq2seq-page`.
    pub module: PathBuf,
    /// Record the small experiment instead of the notebook's settings.
    pub quick: bool,
    /// Replace files that the folder holds.
    pub overwrite: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Bytes of pages, figures and module.
    pub pages: usize,
    /// Bytes of models, which a page loads one at a time.
    pub models: usize,
}

/// Why the lesson cannot be exported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The module cannot be read.
    #[error("cannot read the WebAssembly module {}: {source}; {BUILD}", path.display())]
    Module {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is another module, or none.
    #[error("{} is no WebAssembly module of {MODULE_MARK}; {BUILD}", _0.display())]
    OtherModule(PathBuf),
    /// The folder holds something.
    #[error(
        "{} holds files already: choose another folder, or give --overwrite to replace those of a lesson",
        _0.display()
    )]
    NotEmpty(PathBuf),
    /// The folder cannot be made or read.
    #[error("cannot use the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] ModelFileError),
    /// A run cannot be recorded.
    #[error("cannot record a training run: {0}")]
    Training(String),
}

/// How to come by the module.
const BUILD: &str = ".ci/wasm-module builds it and prints where it is";

impl From<String> for ExportError {
    fn from(error: String) -> Self {
        Self::Training(error)
    }
}

/// What a page from a web host may load: nothing from elsewhere, and WebAssembly.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

/// What the page says until its scripts run.
const LOADING: &str = "The page is being loaded. If this does not go away, its scripts cannot run: open it from a \
                       web host, such as <code>python3 -m http.server</code>, not as a file.";

impl Export {
    /// Records the runs and writes all files, that of the page last. `told` hears how far it is.
    ///
    /// # Errors
    /// If the module is another, the folder holds something, a file cannot be written, or training fails.
    pub fn run(&self, told: &mut dyn FnMut(&str)) -> Result<Exported, ExportError> {
        let usual = match self.quick {
            true => Setup::quick(),
            false => Setup::default(),
        };
        self.write(&usual, self.runs(&usual), told)
    }

    /// Records these runs and writes all files.
    fn write(
        &self,
        usual: &Setup,
        runs: [(&'static str, Setup); 4],
        told: &mut dyn FnMut(&str),
    ) -> Result<Exported, ExportError> {
        let module = self.module()?;
        self.prepare_folder()?;
        let mut writer = Writer {
            folder: &self.folder,
            exported: Exported::default(),
        };
        let mut recordings: Vec<Recording> = Vec::with_capacity(runs.len());
        for (name, setup) in runs {
            let epochs = setup.epochs;
            let mut keep = |epoch: usize, model: &Model| -> Result<String, ExportError> {
                let file = format!("{name}-{epoch}.safetensors");
                writer.model(&file, model)?;
                Ok(file)
            };
            let recording = record(setup, &mut keep, &mut |moment, figures| {
                let (epoch, right) = (moment.epoch, 100.0 * figures.exact_match);
                told(&format!(
                    "{name}: epoch {epoch} of {epochs}, {right:.1} % of answers right"
                ));
            })?;
            recordings.push(recording);
        }
        let recorded = json!({"version": env!("CARGO_PKG_VERSION"), "runs": recordings});
        writer.page("recorded/runs.json", recorded.to_string().as_bytes())?;
        writer.page("lesson.wasm", &module)?;
        for file in LESSON_FILES {
            writer.page(file.path, file.text.as_bytes())?;
        }
        writer.page(BACKEND, RECORDED.text.as_bytes())?;
        writer.page(SETUPS, setups(usual).as_bytes())?;
        writer.page("index.html", index().as_bytes())?;
        Ok(writer.exported)
    }

    /// The runs that the pages show side by side, each with a name for its files.
    fn runs(&self, usual: &Setup) -> [(&'static str, Setup); 4] {
        let sums = |reversed| Setup {
            reversed,
            ..usual.clone()
        };
        let dates = |attention| {
            let dates = Setup {
                attention,
                ..Setup::dates()
            };
            match self.quick {
                true => Setup {
                    pairs: 1000,
                    epochs: 4,
                    ..dates
                },
                false => dates,
            }
        };
        [
            ("sums-as-written", sums(false)),
            ("sums-reversed", sums(true)),
            ("dates-without-attention", dates(AttentionKind::None)),
            ("dates-with-attention", dates(AttentionKind::General)),
        ]
    }

    /// The module, which must be of this version.
    fn module(&self) -> Result<Vec<u8>, ExportError> {
        let path = &self.module;
        let module = fs::read(path).map_err(|source| ExportError::Module {
            path: path.clone(),
            source,
        })?;
        let mark = MODULE_MARK.as_bytes();
        let is_ours = module.windows(mark.len()).any(|part| part == mark);
        match module.starts_with(b"\0asm") && is_ours {
            true => Ok(module),
            false => Err(ExportError::OtherModule(path.clone())),
        }
    }

    fn prepare_folder(&self) -> Result<(), ExportError> {
        let folder_error = |source| ExportError::Folder {
            path: self.folder.clone(),
            source,
        };
        if self.folder.exists() && !self.overwrite {
            let mut entries = fs::read_dir(&self.folder).map_err(folder_error)?;
            if entries.next().is_some() {
                return Err(ExportError::NotEmpty(self.folder.clone()));
            }
        }
        for part in ["lesson", "recorded"] {
            fs::create_dir_all(self.folder.join(part)).map_err(folder_error)?;
        }
        Ok(())
    }
}

/// Writes files below a folder and counts their bytes.
struct Writer<'a> {
    folder: &'a Path,
    exported: Exported,
}

impl Writer<'_> {
    fn page(&mut self, path: &str, bytes: &[u8]) -> Result<(), ExportError> {
        write_atomically(&self.folder.join(path), bytes)?;
        self.exported.pages = self.exported.pages.saturating_add(bytes.len());
        Ok(())
    }

    fn model(&mut self, file: &str, model: &Model) -> Result<(), ExportError> {
        let bytes = model.to_bytes();
        write_atomically(&self.folder.join("recorded").join(file), &bytes)?;
        self.exported.models = self.exported.models.saturating_add(bytes.len());
        Ok(())
    }
}

/// The page of the lesson as a web host gives it.
fn index() -> String {
    let changes = [
        (
            "<meta charset=\"utf-8\">",
            format!(
                "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">"
            ),
        ),
        ("<body>", "<body class=\"recorded\">".to_owned()),
        (
            "<p id=\"problem\" role=\"alert\" hidden></p>",
            format!("<p id=\"problem\" role=\"alert\">{LOADING}</p>"),
        ),
    ];
    changes
        .iter()
        .fold(LESSON.text.to_owned(), |page, (from, to)| {
            debug_assert!(page.contains(from), "{from}");
            page.replacen(from, to, 1)
        })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)] // a test may fail by panicking
mod tests {
    use seq2seq::PredictOptions;
    use serde_json::Value;

    use super::*;

    /// A file that is taken for the module; the browser test has the real one.
    fn module(folder: &Path) -> PathBuf {
        let path = folder.join("module.wasm");
        fs::write(&path, [b"\0asm", MODULE_MARK.as_bytes()].concat()).unwrap();
        path
    }

    /// Runs of a moment each.
    fn small(export: &Export, usual: &Setup) -> [(&'static str, Setup); 4] {
        export.runs(usual).map(|(name, setup)| {
            let setup = Setup {
                units: 8,
                pairs: 100,
                epochs: 2,
                ..setup
            };
            (name, setup)
        })
    }

    #[test]
    fn pages_find_all_that_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        let export = Export {
            folder: site.clone(),
            module: module(folder.path()),
            quick: true,
            overwrite: false,
        };
        let usual = Setup::quick();
        let mut told = Vec::new();
        let runs = small(&export, &usual);
        let exported = export.write(&usual, runs, &mut |text| told.push(text.to_owned()));
        assert!(exported.unwrap().pages < 500_000);
        assert!(
            told[2].starts_with("sums-as-written: epoch 2 of 2, "),
            "{told:?}"
        );
        let read = |path: &str| fs::read_to_string(site.join(path)).unwrap();
        let index = read("index.html");
        for part in [
            "wasm-unsafe-eval",
            "<body class=\"recorded\">",
            "being loaded",
            "lesson.css",
        ] {
            assert!(index.contains(part), "{part}");
        }
        let mut scripts = vec!["lesson/start.js".to_owned()];
        let mut seen = 0;
        while let Some(script) = scripts.get(seen).cloned() {
            let text = read(&script);
            let imported = text.split(" \"./").skip(1);
            for name in imported.filter_map(|rest| rest.split_once("\";").map(|it| it.0)) {
                let path = format!("lesson/{name}");
                if !scripts.contains(&path) {
                    scripts.push(path);
                }
            }
            seen += 1;
        }
        assert!(scripts.len() >= 13, "{scripts:?}");
        let setups = read("lesson/setups.js");
        let first = setups
            .lines()
            .find(|line| line.starts_with("export const USUAL = {"));
        assert!(first.unwrap().contains("\"digits\":2,"), "{setups}");
        // What is there is not replaced unasked.
        let again = export.run(&mut |_| {}).unwrap_err().to_string();
        assert!(again.contains("--overwrite"), "{again}");
    }

    #[test]
    fn models_give_the_answers_that_were_recorded_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let export = Export {
            folder: folder.path().join("site"),
            module: module(folder.path()),
            quick: true,
            overwrite: false,
        };
        let usual = Setup::quick();
        export
            .write(&usual, small(&export, &usual), &mut |_| {})
            .unwrap();
        let recorded = export.folder.join("recorded");
        let runs = fs::read_to_string(recorded.join("runs.json")).unwrap();
        let runs: Value = serde_json::from_str(&runs).unwrap();
        for run in runs["runs"].as_array().unwrap() {
            assert_eq!(run["points"].as_array().unwrap().len(), 3);
            for moment in run["moments"].as_array().unwrap() {
                let model = Model::load(&recorded.join(moment["model"].as_str().unwrap())).unwrap();
                let predictor = model.predictor(PredictOptions::default()).unwrap();
                let answered = moment["answered"].as_array().unwrap();
                assert_eq!(answered.len(), 10);
                for pair in answered {
                    let text = |key: &str| pair[key].as_str().unwrap();
                    let first = model.codec().encode_target(text("target")).ids[0];
                    let answers = match model.needs_first_symbol() {
                        true => predictor.predict_from(&[text("source")], &[first]),
                        false => predictor.predict(&[text("source")]),
                    };
                    assert_eq!(answers[0].best().text, text("answer"));
                }
            }
        }
    }
}
