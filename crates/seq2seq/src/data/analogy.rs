//! More pairs by analogy: when a lexicon has `agenda`, `agenda's` and `canada`, it shows how
//! `canada's` is pronounced (on analogies between words: Lepage 1998, "Solving analogies on words"; on
//! training with made pairs: Anastasopoulos and Neubig 2019, "Pushing the limits of low-resource
//! morphological inflection").
//!
//! Two sources that differ in their last symbols, and how their targets differ, are an example of a
//! rule. A rule is trusted in a context, that is, after some symbols of source and target, if it
//! has enough examples there and they agree.

use std::collections::{BTreeMap, HashMap};

use super::Pair;
use crate::text::{Specials, Tokenization, Vocabulary};

/// Most symbols that a rule takes from the end of a source, or puts there.
const LONGEST_ENDING: usize = 3;

/// Fewest symbols of a source before its ending.
const SHORTEST_BASE: usize = 3;

/// Most symbols of a target in which the examples of a rule may differ.
const LONGEST_CHANGE: usize = 4;

/// Sources with one base, above which the base says nothing: it is as short as `con`.
const MOST_RELATIVES: usize = 40;

/// Fewest examples that show how a target changes in a context, and how many of them must agree.
const EXAMPLES: usize = 10;
const AGREEMENT: f64 = 0.9;

/// Of the sources with the old ending, fewest that must be there with the new one, too: other words that
/// a rule makes are hardly ever words.
const PRODUCTIVITY: f64 = 0.02;

/// Of the evidence for all targets of a made source, fewest that must speak for the chosen one.
const CONSENT: f64 = 0.7;

/// Length of a base from which a relative counts no more than others.
const LONG_BASE: usize = 8;

/// Symbols that a context may have of the source before the ending, and of the target: the closest first.
const CONTEXTS: [(usize, usize); 4] = [(3, 3), (2, 2), (1, 2), (1, 1)];

/// Symbols of a text, by their ids.
type Symbols<'a> = &'a [u32];

/// The targets of each source.
type Lexicon = BTreeMap<Vec<u32>, Vec<Vec<u32>>>;

/// The sources that begin alike: what comes after that, and the targets.
type Relatives<'a> = HashMap<Symbols<'a>, Vec<(Symbols<'a>, &'a [Vec<u32>])>>;

/// One ending in place of another, after certain symbols.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Context<'a> {
    ending: Symbols<'a>,
    new_ending: Symbols<'a>,
    before: Symbols<'a>,
    target: Symbols<'a>,
}

/// What becomes of a target: symbols that it loses at its end, and those that it gets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change<'a> {
    lost: usize,
    added: Symbols<'a>,
}

/// How the examples of a rule in a context change targets, none for those that change too much, and how
/// many do; sorted.
type Examples<'a> = Vec<(Option<Change<'a>>, usize)>;

/// Which endings take the place of an ending, and in which share of the sources that have it.
type Productive<'a> = HashMap<Symbols<'a>, BTreeMap<Symbols<'a>, f64>>;

/// How a file of pairs changes the ends of its sources and targets.
struct Rules<'a> {
    productive: Productive<'a>,
    /// What becomes of a target in each context with enough examples, and the share of them that say so;
    /// none if they disagree.
    changes: HashMap<Context<'a>, Option<(Change<'a>, f64)>>,
}

/// The target of a source that is not in the lexicon.
#[derive(Default)]
struct Made {
    /// Each candidate, and what speaks for it.
    targets: Vec<(Vec<u32>, f64)>,
    productivity: f64,
}

/// Pairs that the given ones make likely, with sources that these do not have: at most so many, by the
/// most productive rules. The same pairs make the same pairs, in the same order.
///
/// Features are left alone: pairs that have any make none.
pub fn analogies(
    pairs: &[Pair],
    source: Tokenization,
    target: Tokenization,
    most: usize,
) -> Vec<Pair> {
    let pairs = || pairs.iter().filter(|pair| pair.features.is_none());
    let symbols = pairs().flat_map(|pair| source.split(&pair.source));
    let letters = Vocabulary::build(symbols, Specials::default());
    let symbols = pairs().flat_map(|pair| target.split(&pair.target));
    let sounds = Vocabulary::build(symbols, Specials::default());
    let mut lexicon = Lexicon::new();
    for pair in pairs() {
        let targets = lexicon.entry(letters.encode(&source.split(&pair.source)).ids);
        let target = sounds.encode(&target.split(&pair.target)).ids;
        targets.or_default().push(target);
    }
    let relatives = relatives(&lexicon);
    let rules = Rules::learn(&relatives);
    let mut made: Vec<(Vec<u32>, Made)> = rules.apply(&lexicon, &relatives).into_iter().collect();
    // The sort is stable, so that equals stay in the order of their sources.
    made.sort_by(|(_, a), (_, b)| b.productivity.total_cmp(&a.productivity));
    let made = made.into_iter().filter_map(|(made_source, made)| {
        let chosen = made.chosen()?;
        let texts = (
            source.join(&letters.decode(&made_source)),
            target.join(&sounds.decode(&chosen)),
        );
        Some(texts.into())
    });
    made.take(most).collect()
}

fn relatives(lexicon: &Lexicon) -> Relatives<'_> {
    let mut relatives = Relatives::new();
    for (symbols, targets) in lexicon {
        for (base, ending) in cuts(symbols) {
            relatives.entry(base).or_default().push((ending, targets));
        }
    }
    relatives
}

/// A source as base and ending, in every way.
fn cuts<'a>(symbols: Symbols<'a>) -> impl Iterator<Item = (Symbols<'a>, Symbols<'a>)> {
    let cut = |ending| symbols.split_at_checked(symbols.len().checked_sub(ending)?);
    let cuts = (0..=LONGEST_ENDING).filter_map(cut);
    cuts.filter(|(base, _)| base.len() >= SHORTEST_BASE)
}

/// Whether one ending can take the place of the other: what both begin with belongs to the base.
fn differ(ending: Symbols, other: Symbols) -> bool {
    ending.first() != other.first()
}

impl<'a> Rules<'a> {
    fn learn(relatives: &Relatives<'a>) -> Self {
        let productive = productive(relatives);
        let enough = |(_, examples): &(Context, Examples)| total(examples) >= EXAMPLES;
        let examples = examples(relatives, &productive).into_iter().filter(enough);
        let changes = examples.map(|(context, examples)| (context, verdict(&examples)));
        Self {
            changes: changes.collect(),
            productive,
        }
    }

    /// Every source that a rule makes of one in the lexicon, and that is not in there.
    fn apply(&self, lexicon: &'a Lexicon, relatives: &Relatives) -> BTreeMap<Vec<u32>, Made> {
        let mut made: BTreeMap<Vec<u32>, Made> = BTreeMap::new();
        for (symbols, targets) in lexicon {
            for (base, ending) in cuts(symbols) {
                let known = relatives.get(base).map_or(&[][..], |known| known);
                let rules = self.productive.get(ending).into_iter().flatten();
                for (&new_ending, &productivity) in rules {
                    // They are sorted, as the lexicon is.
                    if known.binary_search_by_key(&new_ending, |k| k.0).is_ok() {
                        continue;
                    }
                    for old in targets {
                        let Some((new, agreement)) = self.changed(base, ending, new_ending, old)
                        else {
                            continue;
                        };
                        let made = made.entry([base, new_ending].concat()).or_default();
                        let weight = base.len().min(LONG_BASE) as f64;
                        let evidence = agreement * weight * weight;
                        match made.targets.iter_mut().find(|(known, _)| *known == new) {
                            Some((_, sum)) => *sum += evidence,
                            None => made.targets.push((new, evidence)),
                        }
                        made.productivity = made.productivity.max(productivity);
                    }
                }
            }
        }
        made
    }

    /// What becomes of a target, and the share of the examples that say so: those of the closest context
    /// that has enough of them.
    fn changed(
        &self,
        base: Symbols<'a>,
        ending: Symbols<'a>,
        new_ending: Symbols<'a>,
        target: Symbols<'a>,
    ) -> Option<(Vec<u32>, f64)> {
        let (change, agreement) = Context::all(base, ending, new_ending, target)
            .find_map(|context| self.changes.get(&context).copied())??;
        Some((change.apply(target)?, agreement))
    }
}

fn productive<'a>(relatives: &Relatives<'a>) -> Productive<'a> {
    let mut with_ending: HashMap<Symbols, usize> = HashMap::new();
    let mut with_both: HashMap<(Symbols, Symbols), usize> = HashMap::new();
    for group in relatives.values() {
        for (ending, _) in group {
            count_one(with_ending.entry(ending).or_default());
        }
        for (ending, new_ending, _) in changes(group) {
            count_one(with_both.entry((ending, new_ending)).or_default());
        }
    }
    let mut productive = Productive::new();
    for ((ending, new_ending), both) in with_both {
        let all = with_ending.get(ending).copied().unwrap_or(both);
        let productivity = both as f64 / all as f64;
        if both >= EXAMPLES && productivity >= PRODUCTIVITY {
            let rules = productive.entry(ending).or_default();
            rules.insert(new_ending, productivity);
        }
    }
    productive
}

/// The examples of productive rules, in each of their contexts.
fn examples<'a>(
    relatives: &Relatives<'a>,
    productive: &Productive<'a>,
) -> HashMap<Context<'a>, Examples<'a>> {
    let is_rule = |ending, new| {
        (productive.get(ending)).is_some_and(|new_endings| new_endings.contains_key(new))
    };
    let mut found: HashMap<Context, Examples> = HashMap::new();
    for (base, group) in relatives {
        let rules = changes(group).filter(|(ending, new_ending, _)| is_rule(*ending, *new_ending));
        for (ending, new_ending, (olds, news)) in rules {
            for old in olds {
                let change = Change::between(old, news);
                for context in Context::all(base, ending, new_ending, old) {
                    let examples = found.entry(context).or_default();
                    let place = examples.binary_search_by_key(&change, |(known, _)| *known);
                    let at = place.unwrap_or_else(|at| {
                        examples.insert(at, (change, 0));
                        at
                    });
                    if let Some((_, count)) = examples.get_mut(at) {
                        count_one(count);
                    }
                }
            }
        }
    }
    found
}

/// What most of the examples say, if it is enough of them, and their share.
fn verdict<'a>(examples: &Examples<'a>) -> Option<(Change<'a>, f64)> {
    let (change, count) = examples.iter().max_by_key(|(_, count)| *count)?;
    let agreement = *count as f64 / total(examples) as f64;
    let change = change.filter(|_| agreement >= AGREEMENT)?;
    Some((change, agreement))
}

fn count_one(count: &mut usize) {
    *count = count.saturating_add(1);
}

fn total(examples: &Examples) -> usize {
    examples.iter().map(|(_, count)| count).sum()
}

/// Targets of two related sources.
type Both<'a> = (&'a [Vec<u32>], &'a [Vec<u32>]);

/// All ways from one source of a group to another.
fn changes<'g, 'a>(
    group: &'g [(Symbols<'a>, &'a [Vec<u32>])],
) -> impl Iterator<Item = (Symbols<'a>, Symbols<'a>, Both<'a>)> + use<'g, 'a> {
    let few = group.len() <= MOST_RELATIVES;
    let pairs = group.iter().filter(move |_| few).flat_map(move |old| {
        let others = group.iter().filter(|new| differ(old.0, new.0));
        others.map(move |new| (old, new))
    });
    pairs.map(|(old, new)| (old.0, new.0, (old.1, new.1)))
}

impl<'a> Context<'a> {
    /// The contexts of a change, the closest first; those for which the target is too short are left out,
    /// so that none comes twice.
    fn all(
        base: Symbols<'a>,
        ending: Symbols<'a>,
        new_ending: Symbols<'a>,
        target: Symbols<'a>,
    ) -> impl Iterator<Item = Self> {
        let long_enough = move |&(_, of_target): &(usize, usize)| target.len() >= of_target;
        let contexts = CONTEXTS.into_iter().filter(long_enough);
        contexts.map(move |(of_source, of_target)| Self {
            ending,
            new_ending,
            before: last(base, of_source),
            target: last(target, of_target),
        })
    }
}

/// The last symbols, at most so many.
fn last<'a>(symbols: Symbols<'a>, count: usize) -> Symbols<'a> {
    let start = symbols.len().saturating_sub(count);
    symbols.get(start..).unwrap_or(symbols)
}

impl<'a> Change<'a> {
    /// From a target to the one of some others that has most in common with it; none if that is little.
    fn between(old: Symbols<'a>, others: &'a [Vec<u32>]) -> Option<Self> {
        let common = |new: &Vec<u32>| old.iter().zip(new).take_while(|(a, b)| a == b).count();
        // Of equals the first.
        let new = others.iter().rev().max_by_key(|new| common(new))?;
        let common = common(new);
        let (lost, added) = (old.len().checked_sub(common)?, new.get(common..)?);
        let small = common > 0 && lost <= LONGEST_CHANGE && added.len() <= LONGEST_CHANGE;
        small.then_some(Self { lost, added })
    }

    fn apply(self, target: Symbols<'a>) -> Option<Vec<u32>> {
        let kept = target.get(..target.len().checked_sub(self.lost)?)?;
        Some([kept, self.added].concat())
    }
}

impl Made {
    /// The target that most of the evidence is for, if it is clear enough.
    fn chosen(self) -> Option<Vec<u32>> {
        let all: f64 = self.targets.iter().map(|(_, evidence)| evidence).sum();
        let clear = |(_, evidence): &(_, f64)| *evidence >= CONSENT * all;
        self.targets
            .into_iter()
            .find(clear)
            .map(|(target, _)| target)
    }
}
