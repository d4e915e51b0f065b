//! Which outputs are allowed: a list of them, or a regular expression.
//!
//! Both become one automaton over symbols, of which only states are kept from which an output can
//! still be completed. So an output that begins as allowed can always be ended as allowed, and a
//! constraint that nothing satisfies is refused before any decoding.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};

use super::pattern::in_form;
use crate::text::{Normalization, Side, quoted};

/// States beyond which a constraint is refused.
const MOST_STATES: usize = 1_000_000;
/// Transitions beyond which a constraint is refused.
const MOST_TRANSITIONS: usize = 20_000_000;
/// Bytes that a regular expression may take as an automaton.
const MOST_BYTES: usize = 64 << 20;

/// Outputs that are allowed, as an automaton over symbols.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    states: Vec<State>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    /// Allowed symbols and where they lead.
    next: HashMap<u32, u32>,
    /// Whether an output may end here.
    accepting: bool,
    /// Symbols of the shortest way to an end.
    distance: usize,
}

/// Why a constraint cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConstraintError {
    /// A list without entries.
    #[error("the list of allowed outputs is empty: no output could satisfy it")]
    EmptyList,
    /// None of the entries can be written.
    #[error(
        "none of the {count} allowed outputs can be written with the symbols of the model: the first, \
         {}, has {}, which no training target had",
        quoted(first),
        quoted(symbol)
    )]
    NoneWritable {
        /// Entries.
        count: usize,
        /// The first of them.
        first: String,
        /// A symbol of it that the model lacks.
        symbol: String,
    },
    /// Not a regular expression.
    #[error(
        "{} is not a regular expression that can be used: {reason}",
        quoted(pattern)
    )]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// An expression that becomes too large an automaton.
    #[error(
        "{} becomes an automaton of more than {} MiB, which is the most: use smaller counts in \
         braces, fewer of them inside each other, or list the outputs with --allow",
        quoted(pattern), MOST_BYTES >> 20
    )]
    PatternTooLarge {
        /// The expression.
        pattern: String,
    },
    /// No sequence of symbols matches.
    #[error(
        "no output can match {}: the model writes {symbols}, and no sequence of those matches \
         as a whole",
        quoted(pattern)
    )]
    Unsatisfiable {
        /// The expression.
        pattern: String,
        /// Symbols that the model has, the first few of them.
        symbols: String,
    },
    /// Too many states or transitions.
    #[error(
        "the constraint becomes too large ({0} states): shorten the list or simplify the expression"
    )]
    TooLarge(usize),
}

impl Constraint {
    /// Only these outputs, brought into the form of the model's texts. Those that the model has not
    /// the symbols for are left out and returned.
    ///
    /// # Errors
    /// If no output is left.
    pub fn list<S: AsRef<str>>(
        outputs: &[S],
        side: &Side,
        form: Normalization,
    ) -> Result<(Self, Vec<String>), ConstraintError> {
        let mut states = vec![State::default()];
        let mut left_out = Vec::new();
        for output in outputs {
            let text = form.apply(output.as_ref());
            let symbols = side.tokenization.split(&text);
            let encoded: Option<Vec<u32>> = symbols
                .iter()
                .map(|symbol| side.vocabulary.id(symbol))
                .collect();
            match encoded {
                Some(ids) => insert(&mut states, &ids),
                None => left_out.push(text.into_owned()),
            }
            if states.len() > MOST_STATES {
                return Err(ConstraintError::TooLarge(states.len()));
            }
        }
        if left_out.len() == outputs.len() {
            return Err(none_writable(&left_out, side));
        }
        let constraint = trimmed(states).ok_or(ConstraintError::EmptyList)?;
        Ok((constraint, left_out))
    }

    /// Only outputs whose whole text matches a regular expression. Where symbols are joined by
    /// spaces, the text has those spaces: `(\w+ )*\w+`. What the expression spells out is brought
    /// into the form of the model's texts.
    ///
    /// # Errors
    /// If it is no regular expression, or no sequence of the model's symbols matches it.
    pub fn pattern(
        pattern: &str,
        side: &Side,
        form: Normalization,
    ) -> Result<Self, ConstraintError> {
        let invalid = |reason: String| ConstraintError::Pattern {
            pattern: pattern.to_owned(),
            reason,
        };
        let too_large = || ConstraintError::PatternTooLarge {
            pattern: pattern.to_owned(),
        };
        // Read by itself, the expression cannot reach out of what is built around it.
        let expression = syntax::parse(pattern).map_err(|error| invalid(root_cause(&error)))?;
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .nfa_size_limit(Some(MOST_BYTES))
                    .which_captures(WhichCaptures::None),
            )
            .build_from_hir(&in_form(&expression, form))
            .map_err(|error| match error.size_limit() {
                Some(_) => too_large(),
                None => invalid(root_cause(&error)),
            })?;
        // From an anchored start, with all matches kept, a text ends in a match if all of it is one.
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::All)
                    .dfa_size_limit(Some(MOST_BYTES))
                    .determinize_size_limit(Some(MOST_BYTES)),
            )
            .build_from_nfa(&nfa)
            .map_err(|error| match error.is_size_limit_exceeded() {
                true => too_large(),
                false => invalid(root_cause(&error)),
            })?;
        let start = automaton
            .start_state_forward(&Input::new("").anchored(Anchored::Yes))
            .map_err(|error| invalid(error.to_string()))?;
        trimmed(explored(&automaton, start, side)?).ok_or_else(|| ConstraintError::Unsatisfiable {
            pattern: pattern.to_owned(),
            symbols: some_symbols(side),
        })
    }

    /// The state of an empty output.
    pub fn start(&self) -> u32 {
        0
    }

    /// The state after one more symbol; none if it is not allowed.
    pub fn next(&self, state: u32, symbol: u32) -> Option<u32> {
        self.states.get(state as usize)?.next.get(&symbol).copied()
    }

    /// Symbols of the shortest allowed output.
    pub fn shortest(&self) -> usize {
        self.states.first().map_or(0, |state| state.distance)
    }

    /// Whether a whole output is allowed.
    pub fn allows(&self, ids: &[u32]) -> bool {
        let end = ids
            .iter()
            .try_fold(self.start(), |state, &symbol| self.next(state, symbol));
        end.is_some_and(|state| self.states[state as usize].accepting)
    }

    /// The log-probabilities with minus infinity for every symbol that is not allowed, or from
    /// which no allowed output could be completed with `left` symbols (this one included).
    pub fn mask(&self, state: u32, left: usize, end: Option<u32>, log_probs: &[f32]) -> Vec<f32> {
        let mut masked = vec![f32::NEG_INFINITY; log_probs.len()];
        let Some(state) = self.states.get(state as usize) else {
            return masked;
        };
        let mut allow = |symbol: u32| {
            if let Some(&value) = log_probs.get(symbol as usize) {
                masked[symbol as usize] = value;
            }
        };
        for (&symbol, &next) in &state.next {
            if self.states[next as usize].distance < left {
                allow(symbol);
            }
        }
        if state.accepting {
            end.into_iter().for_each(allow);
        }
        masked
    }
}

/// Adds a sequence to a tree of states.
fn insert(states: &mut Vec<State>, ids: &[u32]) {
    let mut at = 0;
    for &id in ids {
        let fresh = states.len() as u32;
        let next = *states[at].next.entry(id).or_insert(fresh);
        if next == fresh {
            states.push(State::default());
        }
        at = next as usize;
    }
    states[at].accepting = true;
}

/// A state of the expression's automaton, and whether no symbol has been written yet (so that the
/// next one has no separator before it).
type Place = (StateID, bool);

/// The automaton over symbols that an automaton over bytes amounts to.
fn explored<A: Automaton>(
    automaton: &A,
    start: StateID,
    side: &Side,
) -> Result<Vec<State>, ConstraintError> {
    let separator = side.tokenization.join(&["", ""]);
    let symbols: Vec<(u32, &str)> = ordinary_symbols(side).collect();
    let mut places: Vec<Place> = vec![(start, true)];
    let mut numbers: HashMap<Place, u32> = HashMap::from([(places[0], 0)]);
    let mut states: Vec<State> = Vec::new();
    let mut transitions = 0;
    while let Some(&(place, first)) = places.get(states.len()) {
        let before = if first { "" } else { separator.as_str() };
        let after_separator = walk(automaton, place, before);
        let mut state = State {
            accepting: automaton.is_match_state(automaton.next_eoi_state(place)),
            ..State::default()
        };
        for &(id, symbol) in &symbols {
            let Some(next) = after_separator.and_then(|place| walk(automaton, place, symbol))
            else {
                continue;
            };
            let number = *numbers.entry((next, false)).or_insert_with(|| {
                places.push((next, false));
                places.len() as u32 - 1
            });
            state.next.insert(id, number);
        }
        transitions += state.next.len();
        states.push(state);
        if places.len() > MOST_STATES || transitions > MOST_TRANSITIONS {
            return Err(ConstraintError::TooLarge(places.len()));
        }
    }
    Ok(states)
}

/// Where a text leads to; none if nothing can match after it.
fn walk<A: Automaton>(automaton: &A, start: StateID, text: &str) -> Option<StateID> {
    let end = text
        .bytes()
        .fold(start, |state, byte| automaton.next_state(state, byte));
    let lost = automaton.is_dead_state(end) || automaton.is_quit_state(end);
    (!lost).then_some(end)
}

/// Symbols that stand for text, with their ids.
fn ordinary_symbols(side: &Side) -> impl Iterator<Item = (u32, &str)> {
    let vocabulary = &side.vocabulary;
    (0..)
        .zip(vocabulary.symbols())
        .filter(|(id, symbol)| vocabulary.id(symbol) == Some(*id))
        .map(|(id, symbol)| (id, symbol.as_str()))
}

/// The states from which an end can be reached, with the distance to it; none if the first cannot.
fn trimmed(mut states: Vec<State>) -> Option<Constraint> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); states.len()];
    for (from, state) in states.iter().enumerate() {
        for &to in state.next.values() {
            before[to as usize].push(from);
        }
    }
    let mut distances: Vec<Option<usize>> = states
        .iter()
        .map(|state| state.accepting.then_some(0))
        .collect();
    let mut reached: Vec<usize> = (0..states.len()).filter(|&s| states[s].accepting).collect();
    let mut distance = 0;
    while !reached.is_empty() {
        distance += 1;
        let mut next = Vec::new();
        for state in reached.iter().flat_map(|&state| &before[state]) {
            if distances[*state].is_none() {
                distances[*state] = Some(distance);
                next.push(*state);
            }
        }
        reached = next;
    }
    distances.first().copied().flatten()?;
    for (state, distance) in states.iter_mut().zip(&distances) {
        state.distance = distance.unwrap_or(usize::MAX);
        state.next.retain(|_, to| distances[*to as usize].is_some());
    }
    Some(Constraint { states })
}

fn none_writable(outputs: &[String], side: &Side) -> ConstraintError {
    let Some(first) = outputs.first() else {
        return ConstraintError::EmptyList;
    };
    let symbols = side.tokenization.split(first);
    let missing = symbols
        .into_iter()
        .find(|symbol| side.vocabulary.id(symbol).is_none());
    ConstraintError::NoneWritable {
        count: outputs.len(),
        first: first.clone(),
        symbol: missing.unwrap_or_default().to_owned(),
    }
}

/// Most symbols that a message names.
const NAMED: usize = 20;

fn some_symbols(side: &Side) -> String {
    let symbols: Vec<&str> = ordinary_symbols(side).map(|(_, symbol)| symbol).collect();
    let named = symbols.iter().take(NAMED);
    let named = named.map(|symbol| quoted(symbol).to_string());
    let named = named.collect::<Vec<_>>().join(", ");
    match symbols.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// What an error comes down to: the outer ones only say that building failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
