//! Learning from a trained model (word-level knowledge distillation; Hinton et al. 2015, Kim and
//! Rush 2016): besides the true symbol, the pupil is shown how probable the teacher holds each one.

use std::path::PathBuf;

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor};

use super::batch::TrainingBatch;
use super::task::Task;
use crate::layers::parameters::Parameters;
use crate::networks::Network;
use crate::{Model, ModelFileError};
use seq2seq_runtime::layers::WeightError;
use seq2seq_runtime::model::difference;

/// Why a model cannot teach.
#[derive(Debug, thiserror::Error)]
pub enum TeacherError {
    /// It cannot be read.
    #[error("training.teacher: {0}")]
    File(#[from] ModelFileError),
    /// It reads or writes texts in another way.
    #[error(
        "the teacher {path} does not go with this model: {difference}; train on the teacher's data \
         with its [text] settings"
    )]
    Codec {
        /// The teacher.
        path: PathBuf,
        /// How they differ.
        difference: String,
    },
    /// It is no network.
    #[error(
        "the teacher {0} is an n-gram model, or has one among several other members: only networks teach"
    )]
    Ngram(PathBuf),
    /// Its weights do not fit its settings.
    #[error("training.teacher: {0}")]
    Weights(#[from] WeightError),
    /// Its decoder starts in another way.
    #[error(
        "the teacher {0} was trained with another model.protocol or model.decoder_input: use its own"
    )]
    Protocol(PathBuf),
}

/// A trained model, and how much it counts.
#[derive(Debug)]
pub struct Teacher {
    network: Network,
    weight: f64,
}

impl Teacher {
    /// The teacher that the task asks for, if any.
    ///
    /// # Errors
    /// If it cannot be read, or does not go with the pupil.
    pub fn of(task: &Task) -> Result<Option<Self>, TeacherError> {
        let settings = &task.recipe.training;
        let Some(path) = &settings.teacher else {
            return Ok(None);
        };
        let model = Model::load(path)?;
        // Of a mixture, the network teaches.
        let model = model.network_of_mixture().unwrap_or(model);
        let path = path.clone();
        if let Some(difference) = difference(model.codec(), &task.codec) {
            return Err(TeacherError::Codec { path, difference });
        }
        let (own, pupil) = (&model.settings().model, &task.recipe.model);
        if own.protocol != pupil.protocol || own.decoder_input != pupil.decoder_input {
            return Err(TeacherError::Protocol(path));
        }
        if own.counts() {
            return Err(TeacherError::Ngram(path));
        }
        let weight = settings.teacher_weight;
        let mut params = Parameters::stored(model.dequantized_weights(), &Device::flex());
        let network = Network::new(&model.settings().model, model.codec().sizes(), &mut params)?;
        Ok(Some(Self { network, weight }))
    }

    /// `loss` mixed with the cross-entropy between the teacher's distribution and that of the
    /// pupil's scores `[time * batch, symbols]`, averaged over all steps that are no padding.
    pub fn guide(&self, loss: Tensor<1>, scores: Tensor<2>, batch: &TrainingBatch) -> Tensor<1> {
        let scores_of_teacher = self
            .network
            .forward(&batch.source, &batch.decoder_input, None);
        let taught = softmax(scores_of_teacher, 1);
        let weights = batch.expected.weights(&taught);
        let target = Tensor::from_inner(taught * weights);
        let guidance = (log_softmax(scores, 1) * target).sum();
        loss * (1.0 - self.weight) + guidance * self.weight
    }
}
