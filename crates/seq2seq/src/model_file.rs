//! A model as one file: safetensors, with settings, vocabularies and provenance as metadata.
//!
//! Any safetensors reader opens it and nothing in it can be executed. It is written to a temporary
//! file beside its place, synced and renamed, so a crash leaves the old file or the new one.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::TensorData;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::config::Recipe;
use crate::model::parameters::{ParameterError, Weights, weights_of};
use crate::text::Codec;
use crate::trained_model::{Model, Provenance};

/// Metadata key and value by which a file is known to be a model of ours.
const FORMAT: (&str, &str) = ("format", "seq2seq-model");
/// Version of the layout that is written.
const VERSION: &str = "1";
/// Name of the model within a run's folder.
pub const MODEL_NAME: &str = "model.safetensors";

/// Why a model file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// There is no such file.
    #[error("there is no model at {0}: give a model file, or the folder of a run that has one")]
    Missing(PathBuf),
    /// The system refused to read it.
    #[error("cannot read the model {path}: {source}")]
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
    /// The content is no safetensors file, or a damaged one.
    #[error("{path} is not a model file, or it is damaged or cut short ({reason})")]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A safetensors file of something else.
    #[error(
        "{0} is a safetensors file, but not a seq2seq model: its metadata lacks format = \"seq2seq-model\""
    )]
    Foreign(PathBuf),
    /// A file of a later version.
    #[error(
        "{path} has the model format {found}, but this version reads format {VERSION}: use a newer version of seq2seq"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The metadata is not what it should be.
    #[error("{path}: the model's {part} cannot be read ({reason}): the file is damaged")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// Which metadata.
        part: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The weights are not those of the settings.
    #[error("{path}: {source}: the file is damaged")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParameterError,
    },
}

impl Model {
    /// Writes the model to a file.
    ///
    /// # Errors
    /// If the system refuses; the file is then as it was.
    pub fn save(&self, path: &Path) -> Result<(), ModelFileError> {
        let metadata = HashMap::from([
            (FORMAT.0.to_owned(), FORMAT.1.to_owned()),
            ("version".to_owned(), VERSION.to_owned()),
            ("recipe".to_owned(), self.recipe.to_toml()),
            ("codec".to_owned(), json(&*self.codec)),
            ("provenance".to_owned(), json(&self.provenance)),
        ]);
        write_tensors(path, &weights_of(&self.network), metadata)
    }

    /// Reads a model from a file, or from the folder of a run.
    ///
    /// # Errors
    /// If there is none, or the file is not a whole and consistent model.
    pub fn load(path: &Path) -> Result<Self, ModelFileError> {
        let path = locate(path)?;
        let bytes = std::fs::read(&path).map_err(|source| ModelFileError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let metadata = read_metadata(&path, &bytes)?;
        if metadata.get(FORMAT.0).map(String::as_str) != Some(FORMAT.1) {
            return Err(ModelFileError::Foreign(path));
        }
        match metadata.get("version").map(String::as_str) {
            Some(VERSION) => {}
            found => {
                let found = found.unwrap_or("?").to_owned();
                return Err(ModelFileError::Version { path, found });
            }
        }
        let recipe = recipe_of(&path, &metadata)?;
        let codec: Codec = parsed(&path, &metadata, "codec")?;
        let provenance: Provenance = parsed(&path, &metadata, "provenance")?;
        check_symbols(&path, &codec, &provenance)?;
        let weights = read_weights(&path, &bytes)?;
        Self::from_weights(recipe, Arc::new(codec), provenance, weights)
            .map_err(|source| ModelFileError::Weights { path, source })
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

fn json(value: &impl serde::Serialize) -> String {
    // These are plain structs with string keys, which always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

fn recipe_of(path: &Path, metadata: &HashMap<String, String>) -> Result<Recipe, ModelFileError> {
    let invalid = |reason: String| ModelFileError::Metadata {
        path: path.to_owned(),
        part: "recipe",
        reason,
    };
    let text = metadata
        .get("recipe")
        .ok_or_else(|| invalid("it is missing".into()))?;
    let recipe = Recipe::parse(text, "recipe").map_err(|error| invalid(error.to_string()))?;
    recipe.check().map_err(|error| invalid(error.to_string()))?;
    Ok(recipe)
}

fn parsed<T: serde::de::DeserializeOwned>(
    path: &Path,
    metadata: &HashMap<String, String>,
    part: &'static str,
) -> Result<T, ModelFileError> {
    let invalid = |reason: String| ModelFileError::Metadata {
        path: path.to_owned(),
        part,
        reason,
    };
    let text = metadata
        .get(part)
        .ok_or_else(|| invalid("it is missing".into()))?;
    serde_json::from_str(text).map_err(|error| invalid(error.to_string()))
}

fn check_symbols(
    path: &Path,
    codec: &Codec,
    provenance: &Provenance,
) -> Result<(), ModelFileError> {
    let symbols = codec.target.vocabulary.len();
    match provenance
        .first_symbols
        .iter()
        .find(|&&id| id as usize >= symbols)
    {
        None => Ok(()),
        Some(id) => Err(ModelFileError::Metadata {
            path: path.to_owned(),
            part: "provenance",
            reason: format!("first symbol {id} is none of {symbols} symbols"),
        }),
    }
}

/// Writes tensors and metadata to a temporary file and renames it.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: &Weights,
    metadata: HashMap<String, String>,
) -> Result<(), ModelFileError> {
    let unwritable = |source| ModelFileError::Unwritable {
        path: path.to_owned(),
        source,
    };
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, data)| {
            let dtype = if data.dtype() == burn::tensor::DType::U8 {
                Dtype::U8
            } else {
                Dtype::F32
            };
            let view = TensorView::new(dtype, data.shape().to_vec(), data.as_bytes());
            view.map(|view| (name.as_str(), view))
                .map_err(std::io::Error::other)
        })
        .collect::<Result<_, _>>()
        .map_err(unwritable)?;
    let bytes = serialize(views, Some(metadata))
        .map_err(std::io::Error::other)
        .map_err(unwritable)?;
    write_atomically(path, &bytes)
}

/// Writes a file so that a crash leaves it as it was or complete: temporary file, sync, rename,
/// sync of the folder.
///
/// # Errors
/// If the system refuses.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ModelFileError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // Not every system can sync a folder; the rename itself has happened.
        let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    };
    write().map_err(|source| ModelFileError::Unwritable {
        path: path.to_owned(),
        source,
    })
}

pub(crate) fn read_metadata(
    path: &Path,
    bytes: &[u8],
) -> Result<HashMap<String, String>, ModelFileError> {
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| not_a_model(path, &error))?;
    Ok(header.metadata().clone().unwrap_or_default())
}

pub(crate) fn read_weights(path: &Path, bytes: &[u8]) -> Result<Weights, ModelFileError> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| not_a_model(path, &error))?;
    let data = |(name, view): (String, TensorView)| {
        let shape = view.shape().to_vec();
        let data = match view.dtype() {
            Dtype::F32 => TensorData::new(floats(view.data()), shape),
            Dtype::U8 => TensorData::new(view.data().to_vec(), shape),
            other => {
                return Err(not_a_model(
                    path,
                    &format!("`{name}` has the type {other:?}"),
                ));
            }
        };
        Ok((name, data))
    };
    tensors.tensors().into_iter().map(data).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn not_a_model(path: &Path, reason: &dyn std::fmt::Display) -> ModelFileError {
    ModelFileError::NotAModel {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
