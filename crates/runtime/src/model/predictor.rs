//! From texts to answers.

use std::sync::Arc;

use super::outputs::queries;
use super::{Answer, Hypothesis, Lexicon, Model, Origin, SourceText};
use crate::decoding::{LengthLimit, Longest, Method, Output, SearchError, SearchOptions, choose};
use crate::parallel;
use crate::text::{EncodedSource, NumbersOfTexts};

/// Batches for each thread that are searched together, so that none waits long for the last.
const BATCHES: usize = 4;

/// Beam that most outputs end in where greedy decoding runs on.
const BEAM_IF_CUT: usize = 4;

/// How a model is asked; the default is greedy decoding, whatever the model's settings say.
#[derive(Clone, Debug, Default)]
pub struct PredictOptions {
    /// How outputs are searched for.
    pub search: SearchOptions,
    /// Longest output; the model's own limit if left out.
    pub limit: Option<LengthLimit>,
    /// Beam for inputs whose greedy output reaches the limit without an end; 0 or 1 to leave them cut.
    pub beam_if_cut: usize,
    /// Number of the first text, from which its random choices start.
    pub first_number: u64,
    /// Give a calibrated confidence with each output.
    pub confidence: bool,
    /// Give the source symbols that each target symbol came from; needs a model with attention.
    pub align: bool,
    /// Words that are answered with their known pronunciations instead of the model's.
    pub lexicon: Option<Arc<Lexicon>>,
}

impl PredictOptions {
    /// The options that a model's own settings ask for (`[decoding]`).
    pub fn of(model: &Model) -> Self {
        let decoding = &model.settings().decoding;
        Self {
            search: SearchOptions {
                method: Method::Beam {
                    size: decoding.beam,
                },
                length_penalty: decoding.length_penalty,
                coverage_penalty: decoding.coverage_penalty,
                minimum_bayes_risk: decoding.minimum_bayes_risk,
                ..SearchOptions::default()
            },
            beam_if_cut: BEAM_IF_CUT,
            ..Self::default()
        }
    }
}

/// A model with options that are known to work with it.
#[derive(Clone, Debug)]
pub struct Predictor {
    model: Model,
    options: PredictOptions,
    /// The options of the search, with what confidence and alignment need.
    pub(super) search: SearchOptions,
}

/// A text on its way through the model.
pub(super) struct Input {
    /// The source, where it misses features.
    pub source: String,
    pub encoded: EncodedSource,
    /// Its numbers, if every source in training had some.
    pub numbers: Option<NumbersOfTexts>,
    pub limit: usize,
    /// What its random choices start from.
    pub number: u64,
}

impl Model {
    /// The model with options.
    ///
    /// # Errors
    /// If they cannot work, or not with this model: names the one at fault and how to fix it.
    pub fn predictor(&self, options: PredictOptions) -> Result<Predictor, SearchError> {
        options.search.check()?;
        self.limit(&options).check()?;
        let needs_attention = [
            (options.align, "an alignment"),
            (options.search.coverage_penalty > 0.0, "a coverage penalty"),
        ];
        if let Some((_, what)) = needs_attention.iter().find(|(needed, _)| *needed)
            && !self.has_attention()
        {
            return Err(SearchError::NoAttention(what));
        }
        let (shortest, limit) = (options.search.shortest(), self.limit(&options).most);
        if limit > 0 && shortest > limit {
            return Err(SearchError::ConstraintTooLong { shortest, limit });
        }
        let mut search = options.search.clone();
        if options.confidence {
            search.keep.temperatures.push(self.confidence_temperature());
        }
        // An unknown symbol can only be copied; what from is told by where the model looked.
        let copies = self.codec().copy && self.codec().target.vocabulary.unknown().is_some();
        search.keep.attention |= options.align || copies;
        Ok(Predictor {
            model: self.clone(),
            options,
            search,
        })
    }

    /// Longest output for a source that is no longer than those in training, in symbols.
    pub fn max_length(&self) -> usize {
        let longest = self.longest();
        let limit = self.limit(&PredictOptions::default());
        limit.of(longest.source, longest)
    }

    pub(super) fn longest(&self) -> Longest {
        let provenance = self.provenance();
        Longest {
            source: provenance.longest_source,
            target: provenance.longest_target,
            bound: provenance.length_bound,
        }
    }

    /// Length of every output of a model whose targets have no end mark.
    pub(super) fn fixed_length(&self) -> Option<usize> {
        let given = usize::from(self.needs_first_symbol());
        let ends = self.codec().target.vocabulary.end().is_some();
        (!ends).then(|| self.provenance().longest_target.max(1 + given) - given)
    }

    pub(super) fn limit(&self, options: &PredictOptions) -> LengthLimit {
        let decoding = &self.settings().decoding;
        options.limit.unwrap_or(LengthLimit {
            most: decoding.max_length,
            ratio: decoding.max_length_ratio,
            extra: decoding.max_length_extra,
        })
    }

    /// Softmax temperature at which probabilities say how likely outputs are to be right.
    fn confidence_temperature(&self) -> f64 {
        let calibration = self.provenance().calibration.as_ref();
        calibration.map_or(1.0, |calibration| calibration.temperature)
    }
}

impl Predictor {
    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The options.
    pub fn options(&self) -> &PredictOptions {
        &self.options
    }

    /// As many inputs as are worth handing to [`predict`](Self::predict) together: a few batches for
    /// each thread.
    pub fn inputs_at_once(&self) -> usize {
        let batch = self.inputs_of_a_batch(&self.search);
        batch.saturating_mul(BATCHES * parallel::threads())
    }

    /// Answers texts, in their order. What a text is answered depends on that text alone.
    ///
    /// A model of the first-symbol protocol tries every symbol with which a training target began
    /// and keeps the answers that it finds best. Where answers are sampled, each begins with one of
    /// these symbols, drawn with equal probability, as the model has none for them.
    pub fn predict<S: SourceText>(&self, texts: &[S]) -> Vec<Answer> {
        self.predict_numbered(texts, self.options.first_number)
    }

    /// Answers texts one after the other as they come, in constant memory: a few batches are read
    /// ahead.
    pub fn predict_iter<S: SourceText>(
        &self,
        texts: impl IntoIterator<Item = S>,
    ) -> impl Iterator<Item = Answer> {
        let mut texts = texts.into_iter();
        let mut number = self.options.first_number;
        std::iter::from_fn(move || {
            let some: Vec<S> = texts.by_ref().take(self.inputs_at_once()).collect();
            let answers = self.predict_numbered(&some, number);
            number = number.wrapping_add(some.len() as u64);
            (!answers.is_empty()).then_some(answers)
        })
        .flatten()
    }

    /// Answers texts whose first target symbols are given.
    pub fn predict_from<S: SourceText>(&self, texts: &[S], first: &[u32]) -> Vec<Answer> {
        self.answer_all(texts, Some(first), self.options.first_number)
    }

    /// Answers texts that are part of a longer list, of which the first has this number: sampling draws for
    /// each number anew.
    pub fn predict_numbered<S: SourceText>(&self, texts: &[S], number: u64) -> Vec<Answer> {
        self.answer_all(texts, None, number)
    }

    /// Answers words that the lexicon has from there, and asks the model for the others.
    fn answer_all<S: SourceText>(
        &self,
        texts: &[S],
        first: Option<&[u32]>,
        number: u64,
    ) -> Vec<Answer> {
        let known: Vec<Option<Answer>> = texts.iter().map(|text| self.known(text)).collect();
        let asked: Vec<usize> = (0..texts.len())
            .filter(|&place| known[place].is_none())
            .collect();
        let inputs = self.inputs(texts, &asked, number);
        let first: Option<Vec<u32>> =
            first.map(|first| asked.iter().map(|&place| first[place]).collect());
        let given = first.is_some() || !self.model.needs_first_symbol();
        let outputs = match (given, self.search.method) {
            (true, _) => {
                let queries = queries(&inputs, first.as_deref());
                self.outputs(&queries, self.search.nbest)
            }
            (false, Method::Beam { .. }) => self.after_every_first_symbol(&inputs),
            (false, Method::Sample { seed, .. }) => self.after_drawn_first_symbols(&inputs, seed),
        };
        let mut answers = self.answers(inputs, outputs).into_iter();
        let answer = |known: Option<Answer>| known.or_else(|| answers.next());
        known.into_iter().filter_map(answer).collect()
    }

    /// Whether the lexicon answers a text, so that the model is not asked.
    pub fn is_known(&self, text: &impl SourceText) -> bool {
        self.known(text).is_some()
    }

    /// The pronunciations of a text that the lexicon has: as many as outputs are asked for. What has
    /// features is another form of a word, which no lexicon has.
    fn known(&self, text: &impl SourceText) -> Option<Answer> {
        let lexicon = self.options.lexicon.as_ref()?;
        if text.features().is_some() {
            return None;
        }
        let codec = self.model.codec();
        let word = codec.source_text(text.source());
        let hypothesis = |pronunciation: &str| Hypothesis {
            text: codec.in_answer_form(pronunciation),
            symbols: codec.split_target(pronunciation),
            confidence: self.options.confidence.then_some(1.0),
            finished: true,
            tempered: vec![0.0; self.options.search.keep.temperatures.len()],
            ..Hypothesis::default()
        };
        let pronunciations = lexicon.get(&word).take(self.search.nbest.max(1));
        let hypotheses: Vec<Hypothesis> = pronunciations.map(hypothesis).collect();
        (!hypotheses.is_empty()).then(|| Answer {
            hypotheses,
            origin: Origin::Lexicon,
            unknown: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// The texts at some places, encoded; those of the list are numbered from `number`.
    fn inputs<S: SourceText>(&self, texts: &[S], places: &[usize], number: u64) -> Vec<Input> {
        let limit = self.model.limit(&self.options);
        let longest = self.model.longest();
        let shortest = self.search.shortest();
        let input = |place: usize| {
            let (text, codec) = (&texts[place], self.model.codec());
            let encoded = codec.encode_source(text.source(), text.features());
            let limit = match self.model.fixed_length() {
                Some(length) => length,
                None => limit.of(encoded.ids.len(), longest).max(shortest),
            };
            let known = self.model.provenance().source_numbers;
            let numbers = || NumbersOfTexts::of(&codec.source_text(text.source()));
            // Few miss features, so few are copied.
            let source = match encoded.lacks_features {
                true => text.source().to_owned(),
                false => String::new(),
            };
            Input {
                source,
                encoded,
                numbers: known.and_then(|_| numbers()),
                limit,
                number: number.wrapping_add(place as u64),
            }
        };
        parallel::map_shares(places.to_vec(), input)
    }

    fn answers(&self, inputs: Vec<Input>, outputs: Vec<Vec<Output>>) -> Vec<Answer> {
        let answers = inputs.into_iter().zip(outputs).collect();
        parallel::map_shares(answers, |(input, outputs)| {
            let outputs = choose(outputs, &self.search);
            self.answer(input, outputs)
        })
    }

    fn answer(&self, input: Input, outputs: Vec<Output>) -> Answer {
        let warnings = self.model.warnings(&input, outputs.first());
        let mut hypotheses: Vec<Hypothesis> = outputs
            .into_iter()
            .map(|output| self.hypothesis(&input, output))
            .collect();
        if hypotheses.is_empty() {
            hypotheses.push(Hypothesis {
                log_probability: f64::NEG_INFINITY,
                score: f64::NEG_INFINITY,
                confidence: self.options.confidence.then_some(0.0),
                ..Hypothesis::default()
            });
        }
        Answer {
            hypotheses,
            origin: Origin::Model,
            unknown: input.encoded.unknown,
            warnings,
        }
    }

    /// The output as text. The temperature that was put in for the confidence is taken out again.
    fn hypothesis(&self, input: &Input, mut output: Output) -> Hypothesis {
        let finished = output.finished || self.model.fixed_length().is_some();
        let confidence = self.options.confidence.then(|| {
            let log_probability = output.tempered.pop();
            // What was cut is the beginning of many outputs, and none that the model gives.
            let log_probability = log_probability.filter(|_| finished);
            log_probability.map_or(0.0, f64::exp)
        });
        let symbols = self.model.spelled(input, &output);
        let align = || self.model.alignment(input, &symbols, &output);
        let alignment = self.options.align.then(align);
        Hypothesis {
            text: self.model.codec().answer(&symbols),
            symbols,
            log_probability: output.log_probability,
            score: output.score,
            confidence,
            finished,
            alignment,
            tempered: output.tempered,
            steps: output.steps,
        }
    }
}
