//! Hiding symbols while training, so that a model that copies learns to hand on symbols that it has
//! never seen.

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::encoding::Example;
use crate::text::Codec;

/// What stands for unseen symbols on either side.
#[derive(Clone, Copy, Debug)]
pub struct Unknown {
    source: u32,
    target: u32,
}

impl Unknown {
    /// Those of a model that copies; none if it does not, or was made when there were none.
    pub fn of(codec: &Codec) -> Option<Self> {
        let [source, target] = [&codec.source, &codec.target].map(|side| side.vocabulary.unknown());
        let (source, target) = source.filter(|_| codec.copy).zip(target)?;
        Some(Self { source, target })
    }

    /// For a share of the examples, the same with one symbol that both sides have turned into an
    /// unseen one, wherever it stands.
    pub fn hide(
        self,
        examples: &[&Example],
        share: f64,
        rng: &mut ChaCha8Rng,
    ) -> Vec<Option<Example>> {
        let mut hide = |example: &&Example| {
            let chosen = rng.random::<f64>() < share;
            chosen.then(|| self.hide_one(example, rng)).flatten()
        };
        examples.iter().map(&mut hide).collect()
    }

    fn hide_one(self, example: &Example, rng: &mut ChaCha8Rng) -> Option<Example> {
        let copy_ids = example.source.copy_ids.as_ref()?;
        let written = |id: &&i32| example.target.iter().any(|&symbol| symbol as i32 == **id);
        let candidates: Vec<&i32> = copy_ids.iter().filter(written).collect();
        let hidden = **candidates.choose(rng)?;
        let mut example = example.clone();
        let source = &mut example.source;
        for (id, symbol) in (source.copy_ids.iter_mut().flatten()).zip(&mut source.symbols) {
            if *id == hidden {
                (*id, *symbol) = (self.target as i32, self.source);
            }
        }
        let target = example.target.iter_mut();
        target
            .filter(|symbol| **symbol as i32 == hidden)
            .for_each(|symbol| *symbol = self.target);
        Some(example)
    }
}
