//! A hash index from packed units to their numbers.

use seq2seq_runtime::networks::ngram::{NONE, Unit};

/// Bits of a symbol in a packed unit; the largest value stands for no symbol.
const BITS: u32 = 16;
const NOTHING: u64 = (1 << BITS) - 1;
/// Symbols of each side, at most.
pub const MOST_SYMBOLS: usize = NOTHING as usize;

/// A unit in one number; the order of numbers is not that of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packed(u64);

impl Packed {
    /// A unit of one or two source symbols and none to two target symbols.
    pub fn new(source: &[u32], target: &[u32]) -> Self {
        let at = |symbols: &[u32], place: usize| {
            symbols
                .get(place)
                .map_or(NOTHING, |&symbol| u64::from(symbol))
        };
        let parts = [at(source, 0), at(source, 1), at(target, 0), at(target, 1)];
        Self(
            parts
                .into_iter()
                .fold(0, |packed, part| (packed << BITS) | part),
        )
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        let part = |place: u32| match (self.0 >> (BITS * place)) & NOTHING {
            NOTHING => NONE,
            symbol => symbol as u32,
        };
        Unit {
            source: [part(3), part(2)],
            target: [part(1), part(0)],
        }
    }

    fn hash(self) -> u64 {
        let mixed = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 32)
    }
}

/// Numbers of units, by linear probing.
#[derive(Debug, Default)]
pub struct Index {
    /// A unit and its number; a power of two of them, at most half of them in use.
    slots: Vec<Option<(Packed, u32)>>,
    count: usize,
}

impl Index {
    /// Numbers units in the order in which they are given, each once.
    pub fn of(units: &[Packed]) -> Self {
        let mut index = Self::default();
        for &unit in units {
            index.insert(unit);
        }
        index
    }

    /// How many units there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The number of a unit.
    pub fn get(&self, unit: Packed) -> Option<u32> {
        let slot = self.slots.get(self.place(unit))?;
        slot.map(|(_, number)| number)
    }

    /// Gives a unit the next number, unless it has one.
    pub fn insert(&mut self, unit: Packed) {
        if 2 * (self.count + 1) > self.slots.len() {
            self.grow();
        }
        let place = self.place(unit);
        if self.slots[place].is_none() {
            self.slots[place] = Some((unit, self.count as u32));
            self.count += 1;
        }
    }

    /// The units, in no certain order.
    pub fn units(&self) -> impl Iterator<Item = Packed> {
        self.slots.iter().flatten().map(|(unit, _)| *unit)
    }

    /// Where a unit is, or would be; 0 in an index without slots.
    fn place(&self, unit: Packed) -> usize {
        let mask = self.slots.len().saturating_sub(1);
        let mut place = unit.hash() as usize & mask;
        while let Some(Some((other, _))) = self.slots.get(place) {
            if *other == unit {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![None; (2 * self.slots.len()).max(64)];
        let before = std::mem::replace(&mut self.slots, larger);
        for slot in before.into_iter().flatten() {
            let place = self.place(slot.0);
            self.slots[place] = Some(slot);
        }
    }
}
