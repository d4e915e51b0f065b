//! What a trained model answers: texts in, texts out, with scores, confidence and alignment.

mod origin;
mod outputs;
mod warning;

use outputs::queries;

use crate::decoding::{
    Hypothesis, LengthLimit, Longest, Method, SearchError, SearchOptions, Step, choose,
};
use crate::side_by_side::in_shares;
use crate::text::{EncodedSource, UnknownSymbol};
use crate::trained_model::{Model, SourceText};

pub use origin::Alignment;
pub use warning::Warning;

/// Options of [`Model::predict`]; the default is greedy decoding, whatever the model's recipe says
/// (for that, see [`Model::predict_options`]).
#[derive(Clone, Debug, Default)]
pub struct PredictOptions {
    /// How outputs are searched for.
    pub search: SearchOptions,
    /// Longest output; the model's own limit if left out.
    pub limit: Option<LengthLimit>,
    /// Number of the first text, from which its random choices start.
    pub first_number: u64,
    /// Give a calibrated confidence with each output.
    pub confidence: bool,
    /// Give the source symbols that each target symbol came from; needs a model with attention.
    pub align: bool,
}

/// Batches for each thread that are searched together, so that none waits long for the last.
const BATCHES: usize = 4;

/// An answer, and what else was considered.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The output.
    pub text: String,
    /// The same as symbols.
    pub symbols: Vec<String>,
    /// Natural logarithm of its probability, end mark included.
    pub log_probability: f64,
    /// What outputs were ranked by: the log-probability after length and coverage penalty.
    pub score: f64,
    /// How likely it is to be right, if that was asked for: its probability at the softmax
    /// temperature that fits the validation set; zero if it was cut.
    pub confidence: Option<f64>,
    /// Whether the model ended it; otherwise the length limit did.
    pub finished: bool,
    /// The next best outputs, best first, if an n-best list was asked for.
    pub alternatives: Vec<Alternative>,
    /// Symbols of the input that the model does not know.
    pub unknown: Vec<UnknownSymbol>,
    /// What a user of the answer should know about it.
    pub warnings: Vec<Warning>,
    /// Where its symbols came from, if that was asked for.
    pub alignment: Option<Alignment>,
    /// Log-probability under each of the temperatures that were asked for.
    pub tempered: Vec<f64>,
    /// The steps, if anything of them is kept.
    pub steps: Vec<Step>,
}

/// Another output.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// The output.
    pub text: String,
    /// The same as symbols.
    pub symbols: Vec<String>,
    /// Natural logarithm of its probability.
    pub log_probability: f64,
    /// What outputs were ranked by.
    pub score: f64,
    /// How likely it is to be right, if that was asked for.
    pub confidence: Option<f64>,
    /// Whether the model ended it.
    pub finished: bool,
    /// Where its symbols came from, if that was asked for.
    pub alignment: Option<Alignment>,
}

/// A text on its way through the model.
struct Input {
    encoded: EncodedSource,
    limit: usize,
}

impl Model {
    /// As many inputs as are worth handing to [`predict`](Self::predict) together: a few batches for each
    /// thread.
    pub fn inputs_at_once(&self) -> usize {
        let threads = rayon::current_num_threads();
        (self.recipe.decoding.batch_size).saturating_mul(BATCHES * threads)
    }

    /// The options that the model's recipe asks for (`[decoding]`).
    pub fn predict_options(&self) -> PredictOptions {
        let decoding = &self.recipe.decoding;
        PredictOptions {
            search: SearchOptions {
                method: Method::Beam {
                    size: decoding.beam,
                },
                length_penalty: decoding.length_penalty,
                coverage_penalty: decoding.coverage_penalty,
                minimum_bayes_risk: decoding.minimum_bayes_risk,
                ..SearchOptions::default()
            },
            ..PredictOptions::default()
        }
    }

    /// Longest output for a source that is no longer than those in training, in symbols.
    pub fn max_length(&self) -> usize {
        let longest = self.longest();
        self.limit(&PredictOptions::default())
            .of(longest.source, longest)
    }

    fn longest(&self) -> Longest {
        Longest {
            source: self.provenance.longest_source,
            target: self.provenance.longest_target,
        }
    }

    /// Whether the model attends to single source symbols.
    pub fn has_attention(&self) -> bool {
        self.recipe.model.has_attention()
    }

    /// Refuses options that cannot work with this model.
    ///
    /// # Errors
    /// Names the option at fault and how to fix it.
    pub fn check_options(&self, options: &PredictOptions) -> Result<(), SearchError> {
        options.search.check()?;
        let needs_attention = [
            (options.align, "an alignment"),
            (options.search.coverage_penalty > 0.0, "a coverage penalty"),
        ];
        if let Some((_, what)) = needs_attention.iter().find(|(needed, _)| *needed)
            && !self.has_attention()
        {
            return Err(SearchError::NoAttention(what));
        }
        let (shortest, limit) = (shortest(&options.search), self.limit(options).most);
        if limit > 0 && shortest > limit {
            return Err(SearchError::ConstraintTooLong { shortest, limit });
        }
        Ok(())
    }

    /// Answers texts, in their order. What a text is answered does not depend on the others.
    ///
    /// A model of the first-symbol protocol tries every symbol with which a training target began
    /// and keeps the answers that it finds best. Where answers are sampled, each begins with one of
    /// these symbols, drawn with equal probability, as the model has none for them.
    pub fn predict<S: SourceText>(&self, texts: &[S], options: &PredictOptions) -> Vec<Prediction> {
        let inputs = self.inputs(texts, options);
        let outputs = match (self.needs_first_symbol(), options.search.method) {
            (false, _) => self.outputs(&queries(&inputs, None, options), options),
            (true, Method::Beam { .. }) => self.after_every_first_symbol(&inputs, options),
            (true, Method::Sample { seed, .. }) => {
                self.after_drawn_first_symbols(&inputs, seed, options)
            }
        };
        self.predictions(texts, inputs, outputs, options)
    }

    /// Answers texts whose first target symbols are given.
    pub fn predict_from<S: SourceText>(
        &self,
        texts: &[S],
        first: Option<&[u32]>,
        options: &PredictOptions,
    ) -> Vec<Prediction> {
        let inputs = self.inputs(texts, options);
        let outputs = self.outputs(&queries(&inputs, first, options), options);
        self.predictions(texts, inputs, outputs, options)
    }

    fn inputs<S: SourceText>(&self, texts: &[S], options: &PredictOptions) -> Vec<Input> {
        let limit = self.limit(options);
        let longest = self.longest();
        let shortest = shortest(&options.search);
        let input = |text: &S| {
            let encoded = self.codec.encode_source(text.source(), text.features());
            let limit = match self.fixed_length() {
                Some(length) => length,
                None => limit.of(encoded.ids.len(), longest).max(shortest),
            };
            Input { encoded, limit }
        };
        in_shares(texts.iter().collect(), input)
    }

    /// Length of every output of a model whose targets have no end mark.
    fn fixed_length(&self) -> Option<usize> {
        let given = usize::from(self.needs_first_symbol());
        let ends = self.codec.target.vocabulary.end().is_some();
        (!ends).then(|| self.provenance.longest_target.max(1 + given) - given)
    }

    fn limit(&self, options: &PredictOptions) -> LengthLimit {
        let decoding = &self.recipe.decoding;
        options.limit.unwrap_or(LengthLimit {
            most: decoding.max_length,
            ratio: decoding.max_length_ratio,
            extra: decoding.max_length_extra,
        })
    }

    fn predictions<S: SourceText>(
        &self,
        texts: &[S],
        inputs: Vec<Input>,
        outputs: Vec<Vec<Hypothesis>>,
        options: &PredictOptions,
    ) -> Vec<Prediction> {
        let answers = texts.iter().zip(inputs).zip(outputs).collect();
        in_shares(answers, |((text, input), outputs)| {
            let outputs = choose(outputs, &options.search);
            self.prediction(text, input, outputs, options)
        })
    }

    fn prediction<S: SourceText>(
        &self,
        text: &S,
        input: Input,
        outputs: Vec<Hypothesis>,
        options: &PredictOptions,
    ) -> Prediction {
        let mut outputs = outputs.into_iter();
        let best = outputs.next();
        let warnings = self.warnings(&input, best.as_ref());
        let mut best = best.unwrap_or(Hypothesis {
            log_probability: f64::NEG_INFINITY,
            score: f64::NEG_INFINITY,
            ..Hypothesis::default()
        });
        let answer = self.alternative(text, &input, &mut best, options);
        let alignment = options
            .align
            .then(|| self.alignment(text, &answer.symbols, &best));
        Prediction {
            text: answer.text,
            symbols: answer.symbols,
            log_probability: answer.log_probability,
            score: answer.score,
            confidence: answer.confidence,
            finished: answer.finished || self.fixed_length().is_some(),
            alternatives: outputs
                .map(|mut output| {
                    let mut other = self.alternative(text, &input, &mut output, options);
                    let align = || self.alignment(text, &other.symbols, &output);
                    other.alignment = options.align.then(align);
                    other
                })
                .collect(),
            unknown: input.encoded.unknown,
            warnings,
            alignment,
            tempered: best.tempered,
            steps: best.steps,
        }
    }

    /// The output as text. The temperature that was put in for the confidence is taken out again.
    fn alternative<S: SourceText>(
        &self,
        text: &S,
        input: &Input,
        output: &mut Hypothesis,
        options: &PredictOptions,
    ) -> Alternative {
        let finished = output.finished || self.fixed_length().is_some();
        let confidence = options.confidence.then(|| {
            let log_probability = output.tempered.pop();
            // What was cut is the beginning of many outputs, and none that the model gives.
            let log_probability = log_probability.filter(|_| finished);
            log_probability.map_or(0.0, f64::exp)
        });
        let symbols = self.spelled(text, input, output);
        Alternative {
            text: self.codec.answer(&symbols),
            symbols,
            log_probability: output.log_probability,
            score: output.score,
            confidence,
            finished,
            alignment: None,
        }
    }

    /// Softmax temperature at which probabilities say how likely outputs are to be right.
    fn confidence_temperature(&self) -> f64 {
        let calibration = self.provenance.calibration.as_ref();
        calibration.map_or(1.0, |calibration| calibration.temperature)
    }
}

/// Symbols of the shortest output that the constraint allows.
fn shortest(options: &SearchOptions) -> usize {
    let constraint = options.constraint.as_ref();
    constraint.map_or(0, |constraint| constraint.shortest())
}
