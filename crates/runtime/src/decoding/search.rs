//! The search loop: greedy decoding, beam search and sampling.

use super::hypotheses::{Hypotheses, Rows};
use super::{Output, SearchOptions, StepModel};
use crate::text::SourceIds;

/// One input of a search.
#[derive(Clone, Copy, Debug)]
pub struct SearchInput<'a> {
    /// The source.
    pub source: &'a SourceIds,
    /// What the decoder reads first.
    pub first: u32,
    /// Whether that is a symbol of the output already, on which a constraint has its say.
    pub first_is_output: bool,
    /// Symbol that ends an output; without one every output has the full length.
    pub end: Option<u32>,
    /// The mark that only begins decoder inputs: it is never written.
    pub begin: Option<u32>,
    /// Another symbol that may not be written.
    pub forbidden: Option<u32>,
    /// Longest output in symbols, `first` and end mark not counted.
    pub max_length: usize,
    /// A number from which its random choices start, so that they do not depend on what else is in
    /// the batch.
    pub number: u64,
}

/// Decodes a batch: the wanted outputs of each input, best first.
///
/// An output ends with the end mark or is cut at its length limit; cut ones come after all finished
/// ones. Fewer outputs than wanted (or none) come back where no more are possible.
///
/// Beam search keeps the `size` best continuations of an input at each step. Those that end are set
/// aside, the others go on, and it stops when none that goes on could still come before the wanted
/// finished ones, whatever the length penalty. With a beam of one this is greedy decoding; with a
/// beam as large as the number of all hypotheses it is exact.
pub fn search<M: StepModel>(
    model: &M,
    inputs: &[SearchInput],
    options: &SearchOptions,
) -> Vec<Vec<Output>> {
    let mut batch: Vec<Hypotheses> = inputs.iter().map(|i| Hypotheses::new(i, options)).collect();
    // One row an input, then a row for each of its live hypotheses.
    let mut kept: Vec<usize> = (0..batch.len())
        .flat_map(|input| vec![input; batch[input].live()])
        .collect();
    if kept.is_empty() {
        return batch.into_iter().map(Hypotheses::into_ranked).collect();
    }
    let sources: Vec<&SourceIds> = inputs.iter().map(|input| input.source).collect();
    let mut state = model.start(&sources);
    let mut rows = batch.len();
    for step in 0.. {
        if kept.is_empty() {
            break;
        }
        if kept.len() != rows || kept.iter().enumerate().any(|(at, &row)| at != row) {
            model.select(&mut state, &kept);
        }
        rows = kept.len();
        let last: Vec<u32> = batch.iter().flat_map(Hypotheses::last_symbols).collect();
        let output = model.step(&mut state, &last);
        kept.clear();
        let mut first = 0;
        for hypotheses in &mut batch {
            let live = hypotheses.live();
            if live > 0 {
                let rows = Rows {
                    output: &output,
                    first,
                    step,
                };
                hypotheses.advance(&rows);
                kept.extend(hypotheses.rows());
                first += live;
            }
        }
    }
    batch.into_iter().map(Hypotheses::into_ranked).collect()
}
