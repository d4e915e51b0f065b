//! A model as one file: safetensors, with settings, vocabularies and provenance as metadata.
//!
//! Any safetensors reader opens it and nothing in it can be executed. docs/model-file.md is the
//! specification. Loading takes nothing on trust: layout, checksum, settings, vocabularies and
//! shapes are held against each other before a network is made.

#![warn(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)] // what strangers write is read here

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{Model, ModelParts, Provenance};
use crate::layers::WeightError;
use crate::settings::{
    CaseChoice, DecoderInput, FeatureUse, Protocol, Settings, SettingsError, TokenizationChoice,
};
use crate::storage::tensor_file::{self, Damage, Metadata, ReadFailure, TensorFile};
use crate::storage::{self, Precision};
use crate::text::{Codec, Side};

/// Metadata key and value by which a file is known to be a model of ours.
const FORMAT: (&str, &str) = ("format", "seq2seq-model");
/// Version of the layout that has single precision only.
const PLAIN: &str = "1";
/// Version of the layout that has matrices of fewer bits, too.
const NARROW: &str = "2";
/// Name of the model within a run's folder.
pub const MODEL_NAME: &str = "model.safetensors";

/// Why a model file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFileError {
    /// There is no such file.
    #[error("there is no model at {0}: give a model file, or the folder of a run that has one")]
    Missing(PathBuf),
    /// The system refused to read it.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refused to write it.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content is no safetensors file, is cut short, or has changed since it was written.
    #[error("{path} cannot be used: {damage}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// A safetensors file of something else.
    #[error(
        "{0} is a safetensors file, but not a seq2seq model: its metadata lacks format = \"seq2seq-model\""
    )]
    Foreign(PathBuf),
    /// A file of a later version.
    #[error(
        "{path} has the model format {found}, but this version reads formats {PLAIN} and {NARROW}: use a newer version of seq2seq"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// A model with n-gram vectors, which version 0.1 had.
    #[error(
        "{0} has n-gram vectors, which this version no longer has: train it again, or use version 0.1"
    )]
    NgramVectors(PathBuf),
    /// The metadata is not what it should be.
    #[error(
        "{path}: the model's {part} cannot be used: {reason}. If a newer version of seq2seq wrote \
         the file, use that; otherwise write the file anew"
    )]
    Metadata {
        /// The file.
        path: PathBuf,
        /// Which metadata.
        part: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The weights have fewer bits than what is asked for needs.
    #[error(
        "{path}: its weights are {precision}, and training goes on from weights of single precision: give the \
         model that it was made from"
    )]
    Quantized {
        /// The file.
        path: PathBuf,
        /// Precision of the weights.
        precision: Precision,
    },
    /// The weights are not those of the settings.
    #[error("{path}: {source}, so the file is no consistent model")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: WeightError,
    },
}

impl Model {
    /// Writes the model to a file. Equal models give equal bytes.
    ///
    /// # Errors
    /// If the system refuses; the file is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), ModelFileError> {
        tensor_file::write(path, self.weights(), &self.metadata())
            .map_err(|source| unwritable(path, source))
    }

    /// The bytes that [`save`](Self::save) writes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A header of names, sizes and texts always has a JSON form.
        tensor_file::to_bytes(self.weights(), &self.metadata()).unwrap_or_default()
    }

    fn metadata(&self) -> Metadata {
        let version = match self.precision() {
            Precision::F32 => PLAIN,
            Precision::Bf16 | Precision::Int8 => NARROW,
        };
        Metadata::from([
            (FORMAT.0.to_owned(), FORMAT.1.to_owned()),
            ("version".to_owned(), version.to_owned()),
            ("recipe".to_owned(), self.recipe().to_owned()),
            ("codec".to_owned(), json(&**self.codec())),
            ("provenance".to_owned(), toml(self.provenance())),
        ])
    }

    /// Reads a model from a file, or from the folder of a run.
    ///
    /// # Errors
    /// If there is none, or the file is not a whole and consistent model.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        let path = locate(path)?;
        let file = TensorFile::open(&path).map_err(|failure| unreadable(&path, failure))?;
        Self::from_file(&path, file)
    }

    /// Reads a model from the bytes of a model file; `name` stands for the file in errors.
    ///
    /// # Errors
    /// If they are not a whole and consistent model.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, ModelFileError> {
        let path = Path::new(name);
        let file = TensorFile::read(bytes, bytes.len() as u64)
            .map_err(|failure| unreadable(path, failure))?;
        Self::from_file(path, file)
    }

    fn from_file(path: &Path, file: TensorFile) -> Result<Self, ModelFileError> {
        check_format(path, &file)?;
        let of_ngrams = |name: &str| name.split('.').any(|part| part == "ngrams");
        if file.names().any(of_ngrams) {
            return Err(ModelFileError::NgramVectors(path.to_owned()));
        }
        let recipe = text_of(path, &file.metadata, "recipe")?.to_owned();
        let settings = Settings::of_recipe(&recipe).map_err(|error| match error {
            SettingsError::Removed => ModelFileError::NgramVectors(path.to_owned()),
            error => metadata_error(path, "recipe", error.to_string()),
        })?;
        check_symbol_count(path, &file)?;
        let codec: Codec = parsed(path, &file.metadata, "codec")?;
        let provenance: Provenance = ::toml::from_str(text_of(path, &file.metadata, "provenance")?)
            .map_err(|error| metadata_error(path, "provenance", error.to_string()))?;
        let agreed = agree(&settings, &codec, &provenance);
        agreed.map_err(|(part, reason)| metadata_error(path, part, reason))?;
        let weights = file.into_tensors();
        let codec = Arc::new(codec);
        let parts = ModelParts {
            settings,
            recipe,
            codec,
            provenance,
            weights,
        };
        Self::new(parts).map_err(|source| ModelFileError::Weights {
            path: path.to_owned(),
            source,
        })
    }
}

fn locate(path: &Path) -> Result<PathBuf, ModelFileError> {
    let file = if path.is_dir() {
        path.join(MODEL_NAME)
    } else {
        path.to_owned()
    };
    if file.exists() {
        Ok(file)
    } else {
        Err(ModelFileError::Missing(file))
    }
}

/// JSON of a plain struct with string keys, which always has a JSON form.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// TOML of a plain struct, which always has one. Unlike JSON here, its numbers are read as exactly
/// those that were written.
fn toml(value: &impl serde::Serialize) -> String {
    ::toml::to_string(value).unwrap_or_default()
}

/// Refuses an output, before any work, whose path leads to something else than a regular file or nothing.
///
/// # Errors
/// Says what it is.
pub fn check_output(path: &Path) -> Result<(), ModelFileError> {
    match storage::atomic::destination(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(unwritable(path, source)),
    }
}

/// Writes a file so that a crash leaves it as it was or complete.
///
/// # Errors
/// If the system refuses.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelFileError> {
    storage::write_atomically(path, &[bytes]).map_err(|source| unwritable(path, source))
}

/// The error of a file that the system refused to write.
pub fn unwritable(path: &Path, source: std::io::Error) -> ModelFileError {
    ModelFileError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

/// The error of a file that could not be read.
pub fn unreadable(path: &Path, failure: ReadFailure) -> ModelFileError {
    let path = path.to_owned();
    match failure {
        ReadFailure::Damage(damage) => ModelFileError::Damaged { path, damage },
        ReadFailure::System(source) => ModelFileError::Unreadable { path, source },
    }
}

fn metadata_error(path: &Path, part: &'static str, reason: String) -> ModelFileError {
    ModelFileError::Metadata {
        path: path.to_owned(),
        part,
        reason,
    }
}

fn check_format(path: &Path, file: &TensorFile) -> Result<(), ModelFileError> {
    let value = |key| file.metadata.get(key).map(String::as_str);
    if value(FORMAT.0) != Some(FORMAT.1) {
        return Err(ModelFileError::Foreign(path.to_owned()));
    }
    let damaged = |reason: String| {
        let (path, damage) = (path.to_owned(), Damage::Corrupted(reason));
        Err(ModelFileError::Damaged { path, damage })
    };
    match (value("version"), file.first_narrow()) {
        (Some(PLAIN | NARROW), _) if !file.checked => damaged("it has no checksum".into()),
        (Some(PLAIN), Some((name, dtype))) => damaged(format!(
            "tensor {name:?} has the type {dtype:?}, which format {PLAIN} lacks"
        )),
        (Some(PLAIN | NARROW), _) => Ok(()),
        (found, _) => Err(ModelFileError::Version {
            path: path.to_owned(),
            found: found.unwrap_or("?").to_owned(),
        }),
    }
}

fn text_of<'a>(
    path: &Path,
    metadata: &'a Metadata,
    part: &'static str,
) -> Result<&'a str, ModelFileError> {
    metadata
        .get(part)
        .map(String::as_str)
        .ok_or_else(|| metadata_error(path, part, "it is missing".into()))
}

fn parsed<T: serde::de::DeserializeOwned>(
    path: &Path,
    metadata: &Metadata,
    part: &'static str,
) -> Result<T, ModelFileError> {
    serde_json::from_str(text_of(path, metadata, part)?)
        .map_err(|error| metadata_error(path, part, error.to_string()))
}

/// Every symbol has weights of its own, so a file with more symbols than numbers is refused before
/// memory is given to its vocabularies.
fn check_symbol_count(path: &Path, file: &TensorFile) -> Result<(), ModelFileError> {
    #[derive(Deserialize)]
    struct Counted {
        source: CountedSide,
        target: CountedSide,
    }
    #[derive(Deserialize)]
    struct CountedSide {
        vocabulary: CountedSymbols,
    }
    #[derive(Deserialize)]
    struct CountedSymbols {
        symbols: Count,
    }
    let codec: Counted = parsed(path, &file.metadata, "codec")?;
    let most = codec
        .source
        .vocabulary
        .symbols
        .0
        .max(codec.target.vocabulary.symbols.0);
    if most <= file.numbers() {
        return Ok(());
    }
    let numbers = file.numbers();
    let reason = format!("{most} symbols cannot share {numbers} weights");
    Err(metadata_error(path, "codec", reason))
}

/// How many elements a list has; they are not kept.
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> serde::de::Visitor<'de> for Elements {
            type Value = Count;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut elements: A,
            ) -> Result<Count, A::Error> {
                let mut count = 0;
                while elements.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    count = usize::saturating_add(count, 1);
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

/// Holds settings, vocabularies and provenance against each other.
fn agree(
    recipe: &Settings,
    codec: &Codec,
    provenance: &Provenance,
) -> Result<(), (&'static str, String)> {
    provenance
        .check()
        .map_err(|reason| ("provenance", reason))?;
    let text = &recipe.text;
    let settings = [
        (
            "normalization",
            (text.normalization.fixed()).is_none_or(|fixed| fixed == codec.normalization),
        ),
        ("case", codec.lower_case == (text.case == CaseChoice::Lower)),
        ("strip_stress", codec.strip_stress == text.strip_stress),
        ("source_width", codec.source_width == text.source_width),
        ("source_align", codec.source_align == text.source_align),
        (
            "reverse_source",
            codec.reverse_source == text.reverse_source,
        ),
        (
            "source_end_mark",
            codec.source_end_mark == text.source_end_mark,
        ),
        ("source", agrees(&codec.source, text.source)),
        ("target", agrees(&codec.target, text.target)),
    ];
    if let Some((name, _)) = settings.iter().find(|(_, same)| !same) {
        return Err(("codec", format!("text.{name} of the recipe is another")));
    }
    let model = &recipe.model;
    if codec.copy != model.copy {
        return Err(("codec", "model.copy of the recipe is another".into()));
    }
    let features = codec.features.as_ref().map(|f| f.among_symbols);
    let expected = match recipe.feature_use() {
        FeatureUse::Auto | FeatureUse::None => None,
        FeatureUse::Symbols => Some(true),
        FeatureUse::Encoder => Some(false),
    };
    if features != expected {
        return Err(("codec", "the recipe makes another use of features".into()));
    }
    let target = &codec.target.vocabulary;
    if text.target_end_mark && target.end().is_none() {
        return Err(("codec", "the target has no end mark".into()));
    }
    let begins = model.protocol == Protocol::BeginOfSequence
        && model.decoder_input != DecoderInput::EncoderOutput;
    if begins && target.begin().is_none() {
        return Err(("codec", "the target has no begin mark".into()));
    }
    if model.protocol == Protocol::FirstSymbol && provenance.first_symbols.is_empty() {
        return Err(("provenance", "it names no first symbols".into()));
    }
    let symbols = target.len();
    match provenance
        .first_symbols
        .iter()
        .find(|&&id| id as usize >= symbols)
    {
        None => Ok(()),
        Some(id) => Err((
            "provenance",
            format!("first symbol {id} is none of {symbols} symbols"),
        )),
    }
}

/// Whether a side is cut as the recipe says, if that says so.
fn agrees(side: &Side, choice: TokenizationChoice) -> bool {
    choice
        .fixed()
        .is_none_or(|fixed| fixed == side.tokenization)
}
