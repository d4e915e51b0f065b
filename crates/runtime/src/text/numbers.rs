//! Numbers in texts: runs of digits.

use serde::{Deserialize, Serialize};

/// Numbers of the texts of a task in which every text has some, such as sums or dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumbersOfTexts {
    /// Fewest numbers of a text.
    pub fewest: usize,
    /// Most numbers of a text.
    pub most: usize,
    /// Most digits of a number.
    pub digits: usize,
}

impl NumbersOfTexts {
    /// The numbers of one text; none if it has no digit.
    pub fn of(text: &str) -> Option<Self> {
        let numbers = || {
            text.split(|c: char| !c.is_numeric())
                .filter(|n| !n.is_empty())
        };
        let digits = numbers().map(|number| number.chars().count()).max()?;
        let count = numbers().count();
        Some(Self {
            fewest: count,
            most: count,
            digits,
        })
    }

    /// The numbers of all texts; none unless every text has some.
    pub fn of_all<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut texts = texts.into_iter().map(|text| Self::of(text.as_ref()));
        let first = texts.next()??;
        texts.try_fold(first, |all, one| Some(all.joined(one?)))
    }

    /// The numbers of both groups of texts.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            fewest: self.fewest.min(other.fewest),
            most: self.most.max(other.most),
            digits: self.digits.max(other.digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(fewest: usize, most: usize, digits: usize) -> Option<NumbersOfTexts> {
        Some(NumbersOfTexts {
            fewest,
            most,
            digits,
        })
    }

    #[test]
    fn numbers_are_runs_of_digits() {
        for (text, expected) in [
            ("", None),
            ("seashell", None),
            ("12+345", numbers(2, 2, 3)),
            ("  7", numbers(1, 1, 1)),
            ("9 February, 1974", numbers(2, 2, 4)),
            ("٣٤", numbers(1, 1, 2)),
        ] {
            assert_eq!(NumbersOfTexts::of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_without_a_number_makes_it_another_task() {
        assert_eq!(
            NumbersOfTexts::of_all(["1", "12 3", "4-5-678"]),
            numbers(1, 3, 3)
        );
        assert_eq!(NumbersOfTexts::of_all(["1", "one"]), None);
        assert_eq!(NumbersOfTexts::of_all([""; 0]), None);
    }
}
