//! Regular expressions over texts in a Unicode form.

use std::collections::BTreeMap;

use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition,
};

use crate::text::Normalization;

/// Characters that no form changes begin here.
const UNCHANGED: u32 = 0x2_FA20;
/// Characters of a class that is too large to mean certain ones, such as `.` and `\w`.
const MOST_MEMBERS: u64 = 20_000;

/// The same expression for texts in a form: whatever is spelled out in it is brought into that form,
/// so that `é` and `[가-힣]` match where letters are taken apart. Classes as large as `.` and `\w`
/// match single characters of that form.
pub(super) fn in_form(expression: &Hir, form: Normalization) -> Hir {
    if form == Normalization::None {
        return expression.clone();
    }
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => expression.clone(),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Hir::literal(form.apply(text).into_owned().into_bytes()),
            Err(_) => expression.clone(),
        },
        HirKind::Class(Class::Unicode(class)) => class_in_form(class, form),
        HirKind::Class(Class::Bytes(_)) => expression.clone(),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(in_form(&repetition.sub, form)),
            ..repetition.clone()
        }),
        HirKind::Capture(capture) => Hir::capture(Capture {
            sub: Box::new(in_form(&capture.sub, form)),
            ..capture.clone()
        }),
        HirKind::Concat(parts) => Hir::concat(all_in_form(parts, form)),
        HirKind::Alternation(parts) => Hir::alternation(all_in_form(parts, form)),
    }
}

fn all_in_form(parts: &[Hir], form: Normalization) -> Vec<Hir> {
    parts.iter().map(|part| in_form(part, form)).collect()
}

/// The members of a class, of which some may be several characters in that form.
fn class_in_form(class: &ClassUnicode, form: Normalization) -> Hir {
    let members = class.iter().map(|range| range.len() as u64).sum::<u64>();
    if members > MOST_MEMBERS {
        return Hir::class(Class::Unicode(class.clone()));
    }
    let mut single = class.clone();
    // What follows each beginning.
    let mut ends: BTreeMap<String, Vec<char>> = BTreeMap::new();
    let members = class.iter().flat_map(|range| range.start()..=range.end());
    for member in members.take_while(|&member| u32::from(member) < UNCHANGED) {
        let text = member.to_string();
        let mut start = form.apply(&text).into_owned();
        match start.pop() {
            Some(last) if start.is_empty() => single.push(ClassUnicodeRange::new(last, last)),
            Some(last) => ends.entry(start).or_default().push(last),
            None => {}
        }
    }
    // Beginnings that the same characters follow stand together.
    let mut starts: BTreeMap<Vec<char>, Vec<Hir>> = BTreeMap::new();
    for (start, mut last) in ends {
        last.sort_unstable();
        let literal = Hir::literal(start.into_bytes());
        starts.entry(last).or_default().push(literal);
    }
    let sequences = starts.into_iter().map(|(last, starts)| {
        let ranges = last
            .into_iter()
            .map(|last| ClassUnicodeRange::new(last, last));
        let last = Hir::class(Class::Unicode(ClassUnicode::new(ranges)));
        Hir::concat(vec![Hir::alternation(starts), last])
    });
    let single = Hir::class(Class::Unicode(single));
    Hir::alternation(std::iter::once(single).chain(sequences).collect())
}
