//! The notebook "Learning seq2seq", in its order, with this library.
//!
//! The point of the notebook is to understand and build a simple sequence-to-sequence model: it
//! reads `12+345` character by character and writes `357`.
//!
//! ```sh
//! cargo run --release -p seq2seq --example learning_seq2seq            # small, under a minute
//! cargo run --release -p seq2seq --example learning_seq2seq -- --full  # the notebook's sizes
//! ```

use std::error::Error;

use seq2seq::config::{
    DataSettings, Embedding, ModelSettings, Protocol, TextSettings, TrainingSettings,
    VocabularyChoice,
};
use seq2seq::data::{Addition, Pair, SplitMethod};
use seq2seq::decoding::{Keep, Method, SearchOptions};
use seq2seq::evaluation::{Evaluation, evaluate};
use seq2seq::text::{Tokenization, Vocabulary, argmax, one_hot, one_hot_matrix};
use seq2seq::training::{EpochRecord, Observer, Task, Trainer};
use seq2seq::{Model, PredictOptions, Recipe};

/// How much work the experiments do.
struct Sizes {
    one_unit: Experiment,
    digits: usize,
    addition: Experiment,
    test_samples: usize,
}

/// One training run.
#[derive(Clone, Copy)]
struct Experiment {
    samples: usize,
    units: usize,
    batch_size: usize,
    epochs: usize,
    /// Runs, each from other weights.
    seeds: u64,
}

const NOTEBOOK: Sizes = Sizes {
    one_unit: Experiment {
        samples: 10_000,
        units: 1,
        batch_size: 10,
        epochs: 30,
        seeds: 1,
    },
    digits: 3,
    addition: Experiment {
        samples: 5_000,
        units: 128,
        batch_size: 128,
        epochs: 200,
        seeds: 1,
    },
    test_samples: 1_000,
};

/// A smaller model in smaller batches, for fewer epochs: the same effects in less time.
const SMALL: Sizes = Sizes {
    one_unit: Experiment {
        samples: 2_000,
        units: 1,
        batch_size: 10,
        epochs: 10,
        seeds: 1,
    },
    digits: 3,
    addition: Experiment {
        samples: 5_000,
        units: 64,
        batch_size: 32,
        epochs: 40,
        seeds: 2,
    },
    test_samples: 300,
};

fn main() -> Result<(), Box<dyn Error>> {
    let full = std::env::args().any(|argument| argument == "--full");
    let sizes = if full { NOTEBOOK } else { SMALL };

    data_generation()?;
    test_out_the_model()?;
    let one_unit = train_a_single_unit(sizes.one_unit)?;
    let written = train_on_addition(&sizes, false)?;
    let reversed = train_on_addition(&sizes, true)?;

    heading("What came out");
    let accuracy = one_unit.teacher_forced.accuracy;
    println!("one unit    accuracy {accuracy:.3}");
    for (name, runs) in [("as written", &written), ("reversed", &reversed)] {
        for run in runs {
            println!(
                "{name:<11} accuracy {:.3}, whole answers right {:.3}",
                run.teacher_forced.accuracy, run.free_running.exact_match
            );
        }
    }
    assert!(accuracy > 0.3, "one unit learned nothing");
    // The notebook's discovery: the worst run with reversed questions is well above the best one with
    // questions as they are written.
    let exact = |runs: &[Evaluation]| -> Vec<f64> {
        runs.iter()
            .map(|run| run.free_running.exact_match)
            .collect()
    };
    let best_written = exact(&written).into_iter().fold(0.0, f64::max);
    let worst_reversed = exact(&reversed).into_iter().fold(1.0, f64::min);
    assert!(
        worst_reversed > best_written + 0.15,
        "reversed {worst_reversed} is not well above as written {best_written}"
    );
    Ok(())
}

fn heading(text: &str) {
    println!("\n## {text}\n");
}

/// Characters become numbers, numbers become one-hot vectors, and sums come from a generator.
fn data_generation() -> Result<(), Box<dyn Error>> {
    heading("Data generation");
    // `char_to_int` and `int_to_char`: ten digits, the space that pads, the plus sign, and the line
    // feed that ends a sequence. 13 symbols, each its place in this list.
    let vocabulary = Vocabulary::notebook();
    let question = Tokenization::Characters.split("12+345");
    let ids = vocabulary.encode(&question).ids;
    println!("{question:?} is {ids:?}");
    assert_eq!(vocabulary.decode(&ids), question);

    // One-hot vectors and their inverse. The library itself never makes them: multiplying a matrix
    // by a one-hot vector picks a row of the matrix, and picking the row is a thousand times
    // cheaper. They are here because the notebook has them.
    let vector = one_hot(3, vocabulary.len())?;
    println!("3 is {vector:?}");
    assert_eq!(argmax(&vector), Some(3));
    // The notebook squeezes its matrices without saying so, and a single sample loses its batch
    // axis. Here that is a step of its own.
    let one_sample = one_hot_matrix(&[ids], vocabulary.len())?;
    println!(
        "shape {:?}, squeezed {:?}",
        one_sample.shape,
        one_sample.clone().squeeze().shape
    );

    // Questions and answers are filled up with spaces to one width. The width of the answer, a todo
    // in the notebook, follows from terms and digits: 999 + 999 has four digits.
    for reverse in [false, true] {
        let pairs = Addition {
            digits: 3,
            count: 1,
            reverse,
            ..Addition::default()
        }
        .generate()?;
        println!(
            "reverse {reverse}: {:?} is {:?}",
            pairs[0].source, pairs[0].target
        );
    }
    Ok(())
}

/// The notebook's `my_model` and everything that it leaves to Keras, as settings.
///
/// The encoder reads the question and hands over nothing but its final state (h, c): a summary of
/// the question in `2 * units` numbers. The decoder starts from that state. While it is trained it
/// reads the answer shifted by one, so at each step it predicts the next character from the true
/// ones before it (teacher forcing). It returns its h at every step, because the dense softmax layer
/// needs one for each character that it predicts: that is what `return_sequences` is for.
fn recipe(experiment: Experiment, validation: f64, seed: u64) -> Recipe {
    Recipe {
        data: DataSettings {
            validation,
            validation_split: SplitMethod::Last, // as Keras's validation_split
            keep_sources_apart: false,
            ..DataSettings::default()
        },
        text: TextSettings {
            vocabulary: VocabularyChoice::Notebook,
            ..TextSettings::default()
        },
        model: ModelSettings {
            encoder_units: experiment.units,
            embedding: Embedding::ONE_HOT,
            // The first character of the answer is given: y[:-1] predicts y[1:].
            protocol: Protocol::FirstSymbol,
            ..ModelSettings::default()
        },
        training: TrainingSettings {
            epochs: experiment.epochs,
            batch_size: experiment.batch_size,
            seed,
            validate_every: experiment.epochs,
            keep_best: false,
            ..TrainingSettings::default()
        },
        ..Recipe::default()
    }
}

fn addition(
    digits: usize,
    count: usize,
    reverse: bool,
    seed: u64,
) -> Result<Vec<Pair>, Box<dyn Error>> {
    Ok(Addition {
        digits,
        count,
        reverse,
        seed,
        ..Addition::default()
    }
    .generate()?)
}

/// Looks at a model before it has learned anything.
fn test_out_the_model() -> Result<(), Box<dyn Error>> {
    heading("Test out the model");
    let pairs = addition(2, 10, false, 1)?;
    let untrained = Trainer::new(
        Task::from_pairs(recipe(SMALL.one_unit, 0.0, 1), pairs.clone())?,
        None,
    )?
    .model()?;
    for (name, shape) in untrained.parameters() {
        println!("{name:<26} {shape:?}");
    }
    // `predict_one`, made readable, drawing from the softmax as the notebook does.
    let options = PredictOptions {
        search: SearchOptions {
            method: Method::Sample {
                temperature: 1.0,
                top_k: None,
                top_p: 1.0,
                seed: 1,
            },
            ..with_distributions().search
        },
        ..PredictOptions::default()
    };
    predict_one(&untrained, &pairs[0], options)?;
    Ok(())
}

/// Greedy decoding that keeps the distribution of every step.
fn with_distributions() -> PredictOptions {
    PredictOptions {
        search: SearchOptions {
            keep: Keep {
                distributions: true,
                ..Keep::default()
            },
            ..SearchOptions::default()
        },
        ..PredictOptions::default()
    }
}

/// Shows a question, the right answer, the model's, and how sure it was of each character.
fn predict_one(model: &Model, pair: &Pair, options: PredictOptions) -> Result<(), Box<dyn Error>> {
    let vocabulary = &model.codec().target.vocabulary;
    for answer in model.predictor(options)?.predict(&[&pair.source]) {
        let best = answer.best();
        println!(
            "X = {:?}, y = {:?}, prediction = {:?}",
            pair.source, pair.target, best.text
        );
        for step in best.steps.iter().take(4) {
            let symbol = vocabulary.symbol(step.chosen).unwrap_or("?");
            let probability = step.log_probs[step.chosen as usize].exp();
            println!("  {symbol:?} with probability {probability:.3}");
        }
    }
    Ok(())
}

/// Prints a few epochs of a run.
struct Report {
    epochs: usize,
}

impl Observer for Report {
    fn epoch_done(&mut self, record: &EpochRecord) {
        if record.epoch == 1 || record.epoch.is_multiple_of(self.epochs.div_ceil(5)) {
            println!(
                "epoch {:>3}/{}: loss {:.4}, accuracy {:.4}",
                record.epoch, self.epochs, record.loss, record.accuracy
            );
        }
    }
}

fn fit(recipe: Recipe, pairs: Vec<Pair>) -> Result<(Model, Vec<Pair>), Box<dyn Error>> {
    let epochs = recipe.training.epochs;
    let task = Task::from_pairs(recipe, pairs)?;
    let validation = task.dev.clone();
    let outcome = Trainer::new(task, None)?.run(&mut Report { epochs })?;
    Ok((outcome.model, validation))
}

/// A single unit has two numbers to remember a question by, and still beats guessing (1 in 13).
fn train_a_single_unit(experiment: Experiment) -> Result<Evaluation, Box<dyn Error>> {
    heading("Train the model: one unit, two digits");
    let pairs = addition(2, experiment.samples, false, 1)?;
    let (model, validation) = fit(recipe(experiment, 0.3, 1), pairs)?;
    Ok(evaluate(&model, &validation)?)
}

/// The two experiments that end the notebook, on fresh test questions.
///
/// As written, a question begins with its padding and ends with the last digit of the second number.
/// Reversed, it begins with the last digits. The model is the same, and so are the sums; but the
/// digits that decide the first digit of the answer are now the last that the encoder reads.
fn train_on_addition(sizes: &Sizes, reverse: bool) -> Result<Vec<Evaluation>, Box<dyn Error>> {
    let way = if reverse { "reversed" } else { "as written" };
    let experiment = sizes.addition;
    let mut evaluations = Vec::new();
    for seed in 1..=experiment.seeds {
        heading(&format!("{} digits, {way}, seed {seed}", sizes.digits));
        let pairs = addition(sizes.digits, experiment.samples, false, 1)?;
        let mut recipe = recipe(experiment, 0.0, seed);
        // The model reads a question backwards, or not; people write it as they always do.
        recipe.text.reverse_source = reverse;
        let (model, _) = fit(recipe, pairs)?;
        let test = addition(sizes.digits, sizes.test_samples, false, 2)?;
        predict_one(&model, &test[0], with_distributions())?;
        evaluations.push(evaluate(&model, &test)?);
    }
    Ok(evaluations)
}
