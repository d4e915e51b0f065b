//! What `seq2seq train --from` says of new pairs and of old ones.

use anyhow::Result;
use seq2seq::Model;
use seq2seq::data::{Question, questions};
use seq2seq::encoding::PairCodec;
use seq2seq::evaluation::free_running;
use seq2seq::training::Task;

use crate::output::{count, table};

/// Says what is replayed, before any work starts, or that nothing is.
pub fn describe(task: &Task) {
    let Some(replay) = &task.replay else {
        if task.initial.is_some() {
            say!(
                "note: nothing is replayed, so the model may forget what it knows; give pairs that it was \
                 trained on with --replay FILE"
            );
        }
        return;
    };
    let times = match replay.times {
        1 => String::new(),
        times => format!(" {times} times"),
    };
    let left_out = match replay.replaced {
        0 => String::new(),
        replaced => format!(
            "; {} left out, whose sources the new pairs have",
            count(replaced, "old pair")
        ),
    };
    say!(
        "replay: an epoch has {}{times} and {} of {}{left_out}",
        count(replay.new_pairs, "new pair"),
        replay.replayed,
        count(replay.old_pairs, "old pair"),
    );
}

/// Questions about new and old pairs, for a run that replays old ones.
pub struct OldAndNew {
    before: Model,
    new: Vec<Question>,
    old: Vec<Question>,
}

impl OldAndNew {
    /// Those of a task that replays old pairs.
    pub fn of(task: &Task) -> Option<Self> {
        let (replay, initial) = task.replay.as_ref().zip(task.initial.as_ref())?;
        let asked = |pairs| questions(&task.codec.normalize(pairs));
        Some(Self {
            before: initial.model.clone(),
            new: asked(&replay.new),
            old: asked(&replay.old),
        })
    }

    /// Exact match on both, before the run and after it.
    pub fn table(&self, after: &Model) -> Result<String> {
        let heading = ["exact match", "before", "after"].map(str::to_owned);
        let mut rows = vec![heading.to_vec()];
        let both = [("new", &self.new), ("old", &self.old)];
        for (name, questions) in both.into_iter().filter(|(_, some)| !some.is_empty()) {
            let mut row = vec![format!(
                "{name} pairs ({})",
                count(questions.len(), "question")
            )];
            for model in [&self.before, after] {
                row.push(format!(
                    "{:.4}",
                    free_running(model, questions)?.exact_match
                ));
            }
            rows.push(row);
        }
        Ok(table(&rows))
    }
}
