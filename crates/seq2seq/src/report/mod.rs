//! An evaluation as one HTML page that needs nothing else: scores, history, errors with their
//! alignments, attention, length curve, calibration.

mod html;
mod wrong_answers;

use crate::charts::{Chart, Series};
use crate::evaluation::Examination;
use crate::metrics::Interval;
use crate::training::{EpochRecord, run::curves};

use html::{escape, page, section, table, with_blanks};

/// Confusions and symbols that are listed.
const LISTED: usize = 20;

/// What a report is about, for its heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Name of the model.
    pub model: String,
    /// Name of the file of pairs.
    pub file: String,
    /// How the answers were searched for.
    pub search: String,
}

/// The report as a page of HTML. `history` may be empty.
pub fn report(subject: &Subject, examination: &Examination, history: &[EpochRecord]) -> String {
    let sections = [
        scores(examination),
        training(history),
        wrong_answers::worst(examination),
        wrong_answers::attention(examination),
        lengths(examination),
        confusions(examination),
        features(examination),
        calibration(examination),
    ];
    let heading = format!(
        "<h1>{}</h1><p class=\"about\">answers to {} ({} pairs, {} questions), {}</p>",
        escape(&subject.model),
        escape(&subject.file),
        examination.evaluation.pairs,
        examination.questions.len(),
        escape(&subject.search),
    );
    let title = format!("{} on {}", subject.model, subject.file);
    page(&title, &(heading + &sections.concat()))
}

fn scores(examination: &Examination) -> String {
    let evaluation = &examination.evaluation;
    let (free, forced) = (&evaluation.free_running, &evaluation.teacher_forced);
    let percent = |value: f64| format!("{:.2} %", 100.0 * value);
    let between =
        |interval: Interval| format!("{} to {}", percent(interval.low), percent(interval.high));
    let row = |name: &str, value: String, more: String| vec![name.to_owned(), value, more];
    let mut rows = vec![
        row(
            "exact match",
            percent(free.exact_match),
            between(evaluation.intervals.exact_match),
        ),
        row(
            "word error rate",
            percent(1.0 - free.exact_match),
            format!(
                "{} of {} questions wrong",
                free.questions - free.correct,
                free.questions
            ),
        ),
        row(
            "symbol error rate",
            percent(free.symbol_error_rate),
            between(evaluation.intervals.symbol_error_rate),
        ),
        row(
            "chrF2",
            format!("{:.2}", evaluation.chrf.score),
            String::new(),
        ),
        row(
            "teacher-forced loss",
            format!("{:.4}", forced.loss),
            "nats a symbol".into(),
        ),
        row(
            "teacher-forced accuracy",
            percent(forced.accuracy),
            "of symbols, each predicted from the true ones before it".into(),
        ),
    ];
    if !evaluation.numbers {
        let bleu = format!("{:.2}", evaluation.bleu.score);
        rows.insert(3, row("BLEU", bleu, String::new()));
    }
    if let Some(nbest) = evaluation.nbest {
        let name = format!("right among the {} best", nbest.n);
        rows.push(row(&name, percent(nbest.exact_match), String::new()));
    }
    if evaluation.cut > 0 {
        let cut = evaluation.cut.to_string();
        rows.push(row("cut at the length limit", cut, "outputs".into()));
    }
    let own = match evaluation.first_symbol_given {
        true => "from the model's own symbols after the first, which is given",
        false => "from the model's own symbols, what its users get",
    };
    section(
        "Scores",
        &format!(
            "Free-running unless said otherwise: {own}. Ranges are 95 % bootstrap intervals over the \
             questions."
        ),
        &table(&["", "value", ""], &rows),
    )
}

fn training(history: &[EpochRecord]) -> String {
    if history.is_empty() {
        return String::new();
    }
    let charts = curves::history(history).map(|chart| chart.svg()).concat();
    section(
        "Training",
        "",
        &format!("<div class=\"charts\">{charts}</div>"),
    )
}

fn lengths(examination: &Examination) -> String {
    let groups = &examination.evaluation.breakdown.by_length;
    let rate = |over: usize, under: usize| over as f64 / under.max(1) as f64;
    let exact = groups
        .iter()
        .map(|group| (group.length as f64, rate(group.correct, group.questions)));
    let errors = groups.iter().map(|group| {
        (
            group.length as f64,
            rate(group.edits, group.questions * group.length),
        )
    });
    let count = groups
        .iter()
        .map(|group| (group.length as f64, group.questions as f64));
    let rates = Chart::new("by length of the reference", "symbols", "share")
        .with(Series::line("exact match", exact.collect()))
        .with(Series::line("symbol error rate", errors.collect()));
    let counts = Chart::new("questions of each length", "symbols", "questions")
        .with(Series::bars("questions", count.collect()));
    section(
        "Length",
        "",
        &format!(
            "<div class=\"charts\">{}{}</div>",
            rates.svg(),
            counts.svg()
        ),
    )
}

fn confusions(examination: &Examination) -> String {
    let breakdown = &examination.evaluation.breakdown;
    let shown = |symbol: &Option<String>| symbol.as_deref().map_or("–".into(), with_blanks);
    let pairs: Vec<Vec<String>> = breakdown
        .confusions
        .iter()
        .take(LISTED)
        .map(|c| vec![shown(&c.wanted), shown(&c.written), c.count.to_string()])
        .collect();
    let symbols: Vec<Vec<String>> = breakdown
        .by_symbol
        .iter()
        .filter(|symbol| symbol.correct < symbol.count || symbol.inserted > 0)
        .take(LISTED)
        .map(|symbol| {
            vec![
                with_blanks(&symbol.symbol),
                symbol.count.to_string(),
                (symbol.count - symbol.correct).to_string(),
                symbol.inserted.to_string(),
            ]
        })
        .collect();
    if pairs.is_empty() {
        return String::new();
    }
    section(
        "Symbols",
        "From the alignment with the fewest edits between each answer and its nearest reference; – \
         stands for nothing.",
        &format!(
            "<div class=\"charts\">{}{}</div>",
            table(&["wanted", "written", "times"], &pairs),
            table(&["symbol", "wanted", "missed", "written wrongly"], &symbols)
        ),
    )
}

fn features(examination: &Examination) -> String {
    let groups = &examination.evaluation.breakdown.by_feature;
    if groups.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = groups
        .iter()
        .take(LISTED)
        .map(|group| {
            let share = 100.0 * group.correct as f64 / group.questions as f64;
            vec![
                group.feature.clone(),
                group.questions.to_string(),
                (group.questions - group.correct).to_string(),
                format!("{share:.2} %"),
                group.edits.to_string(),
            ]
        })
        .collect();
    section(
        "Features",
        "Those with the most wrong answers first. A question counts for each of its features.",
        &table(
            &["feature", "questions", "wrong", "exact match", "edits"],
            &rows,
        ),
    )
}

fn calibration(examination: &Examination) -> String {
    let confidence = &examination.evaluation.confidence;
    let bins = confidence.reliability.iter();
    let reliability = Chart::new("reliability", "confidence", "share right")
        .within_x((0.0, 1.0))
        .within_y((0.0, 1.0))
        .with(Series::line("perfect", vec![(0.0, 0.0), (1.0, 1.0)]))
        .with(Series::line(
            "model",
            bins.map(|b| (b.confidence, b.accuracy)).collect(),
        ));
    let steps = confidence.answered.iter();
    let answered = Chart::new(
        "when only the most confident are answered",
        "share answered",
        "share right",
    )
    .with(Series::line(
        "accuracy",
        steps.map(|a| (a.share, a.accuracy)).collect(),
    ));
    let temperature = match confidence.temperature {
        Some(temperature) => format!(
            "Softmax temperature {temperature:.2}, fitted on the validation set. Expected calibration \
             error: {:.4} before, {:.4} after.",
            confidence.error_before, confidence.error_after
        ),
        None => format!(
            "The model was trained without validation pairs, so its own probabilities are taken as \
             they are. Expected calibration error: {:.4}.",
            confidence.error_before
        ),
    };
    section(
        "Confidence",
        &temperature,
        &format!(
            "<div class=\"charts\">{}{}</div>",
            reliability.svg(),
            answered.svg()
        ),
    )
}
