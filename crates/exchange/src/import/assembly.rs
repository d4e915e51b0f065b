//! From weights and symbols to a model.

use std::sync::Arc;

use serde::Serialize;

use seq2seq_runtime::model::ModelParts;
use seq2seq_runtime::settings::{
    DecodingSettings, ModelSettings, Protocol, Settings, TextSettings, TokenizationChoice,
};
use seq2seq_runtime::text::{Codec, Normalization, Side, Tokenization, Vocabulary, quoted};
use seq2seq_runtime::{Model, Provenance};

use super::encoder_decoder::EncoderDecoder;
use super::{ImportError, ImportRequest, SymbolList};

/// Longest output of a model whose file does not say how long targets are.
pub const LONGEST_OUTPUT: usize = 500;

/// Marks where nothing else is said: those of the Keras tutorial.
const BEGIN: &str = "\t";
const END: &str = "\n";

/// The sections of a recipe that an imported model has.
#[derive(Serialize)]
struct Recipe<'a> {
    text: &'a TextSettings,
    model: &'a ModelSettings,
    decoding: &'a DecodingSettings,
}

/// Ids of the target's marks, and with which symbols targets begin.
struct TargetMarks {
    begin: Option<u32>,
    end: Option<u32>,
    first_symbols: Vec<u32>,
}

/// A model with these weights that reads and writes the symbols of the request.
///
/// # Errors
/// If symbols, marks, settings and weights do not go together.
pub fn assemble(network: EncoderDecoder, request: &ImportRequest) -> Result<Model, ImportError> {
    let (source, target) = (&request.source, &request.target);
    check_counts(network.symbols()?, source, target)?;
    let (lengths, fixed_length) = (network.lengths, network.fixed_length);
    let marks = target_marks(request, fixed_length.is_some())?;
    let (mut model, weights) = network.into_network()?;
    if !marks.first_symbols.is_empty() {
        model.protocol = Protocol::FirstSymbol;
    }
    let mut decoding = request.decoding.clone();
    let longest_target = match (fixed_length, lengths[1]) {
        (Some(length), _) => length,
        // The first symbol is read and not written.
        (None, Some(read)) => read.saturating_add(usize::from(!marks.first_symbols.is_empty())),
        (None, None) => {
            if decoding.max_length == 0 && decoding.max_length_ratio == 0.0 {
                decoding.max_length = LONGEST_OUTPUT;
            }
            0
        }
    };
    let (text, codec) = codec(request, &marks)?;
    let recipe = Recipe {
        text: &text,
        model: &model,
        decoding: &decoding,
    };
    // Sections of plain settings always have a TOML form.
    let recipe = toml::to_string(&recipe).unwrap_or_default();
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        longest_source: lengths[0].unwrap_or(0),
        longest_target,
        first_symbols: marks.first_symbols,
        ..Provenance::default()
    };
    let settings = Settings {
        text,
        model,
        decoding,
        ..Settings::default()
    };
    settings.check()?;
    Ok(Model::new(ModelParts {
        settings,
        recipe,
        codec: Arc::new(codec),
        provenance,
        weights,
    })?)
}

fn check_counts(
    found: [usize; 2],
    source: &SymbolList,
    target: &SymbolList,
) -> Result<(), ImportError> {
    let sides = [
        ("source", source, "the encoder", found[0]),
        ("target", target, "the output layer", found[1]),
    ];
    for (side, list, weights, found) in sides {
        let listed = list.0.len();
        if listed != found {
            return Err(ImportError::SymbolCount {
                side,
                listed,
                weights,
                found,
            });
        }
    }
    Ok(())
}

/// The codec, and the settings of text with everything decided.
fn codec(
    request: &ImportRequest,
    marks: &TargetMarks,
) -> Result<(TextSettings, Codec), ImportError> {
    let (source, target) = (&request.source, &request.target);
    let unknown = unknown(request)?;
    let source_end = match request.text.source_end_mark {
        true => mark(
            source,
            "source",
            "--source-end",
            &request.marks.source_end,
            END,
        )?,
        false => None,
    };
    let special = |ids: &[Option<u32>]| ids.iter().flatten().copied().collect::<Vec<u32>>();
    let source_cut = tokenization(
        request.text.source,
        source,
        &special(&[source_end, unknown[0]]),
    );
    let target_cut = tokenization(
        request.text.target,
        target,
        &special(&[marks.begin, marks.end, unknown[1]]),
    );
    let normalization = request.text.normalization.fixed();
    let text = TextSettings {
        source: source_cut.into(),
        target: target_cut.into(),
        normalization: normalization.unwrap_or(Normalization::None).into(),
        source_end_mark: source_end.is_some(),
        target_end_mark: marks.end.is_some(),
        ..request.text.clone()
    };
    let side = |side, list: &SymbolList, cut, begin, end, unknown| {
        let vocabulary = Vocabulary::from_parts(list.0.clone(), begin, end, unknown);
        let vocabulary = vocabulary.map_err(|source| ImportError::Vocabulary { side, source })?;
        Ok::<_, ImportError>(Side {
            tokenization: cut,
            vocabulary,
        })
    };
    let codec = Codec {
        source: side("source", source, source_cut, None, source_end, unknown[0])?,
        target: side(
            "target",
            target,
            target_cut,
            marks.begin,
            marks.end,
            unknown[1],
        )?,
        normalization: normalization.unwrap_or(Normalization::None),
        answer_form: None,
        lower_case: text.case == seq2seq_runtime::settings::CaseChoice::Lower,
        strip_stress: text.strip_stress,
        symbol_map: None,
        source_width: text.source_width,
        source_align: text.source_align,
        reverse_source: text.reverse_source,
        source_end_mark: text.source_end_mark,
        features: None,
        copy: false,
    };
    Ok((text, codec))
}

fn target_marks(request: &ImportRequest, fixed_length: bool) -> Result<TargetMarks, ImportError> {
    let (target, marks) = (&request.target, &request.marks);
    if fixed_length {
        let none = [
            (marks.begin.is_some(), "--begin"),
            (marks.end.is_some(), "--end"),
            (marks.first_symbols.is_some(), "--first-symbols"),
        ];
        return match none.iter().find(|(given, _)| *given) {
            Some((_, flag)) => Err(ImportError::Mark(format!(
                "this decoder reads no target symbols and writes targets of one length, so {flag} means \
                 nothing: leave it out"
            ))),
            None => Ok(TargetMarks {
                begin: None,
                end: None,
                first_symbols: Vec::new(),
            }),
        };
    }
    let end = mark(target, "target", "--end", &marks.end, END)?.ok_or_else(|| {
        ImportError::Mark(
            "no target symbol is known to end a target: name it with --end SYMBOL".to_owned(),
        )
    })?;
    if let Some(first) = &marks.first_symbols {
        if marks.begin.is_some() {
            return Err(ImportError::Mark(
                "--begin names a symbol that begins all targets, and --first-symbols those that targets \
                 can begin with where there is none: give one of the two"
                    .to_owned(),
            ));
        }
        let cut = tokenization(request.text.target, target, &[end]);
        let first = cut.split(first).into_iter();
        let first = first.map(|symbol| listed(target, "target", "--first-symbols", symbol));
        let first_symbols: Vec<u32> = first.collect::<Result<_, _>>()?;
        if first_symbols.is_empty() {
            return Err(ImportError::Mark(
                "--first-symbols names no symbol: list those that answers can begin with"
                    .to_owned(),
            ));
        }
        return Ok(TargetMarks {
            begin: None,
            end: Some(end),
            first_symbols,
        });
    }
    let begin = mark(target, "target", "--begin", &marks.begin, BEGIN)?.ok_or_else(|| {
        ImportError::Mark(
            "no target symbol is known to begin the decoder's input: name it with --begin SYMBOL, or, \
             where the decoder is given the first symbol of the answer, list those that answers can begin \
             with: --first-symbols SYMBOLS"
                .to_owned(),
        )
    })?;
    Ok(TargetMarks {
        begin: Some(begin),
        end: Some(end),
        first_symbols: Vec::new(),
    })
}

/// The id of the unknown symbol on either side.
fn unknown(request: &ImportRequest) -> Result<[Option<u32>; 2], ImportError> {
    let Some(symbol) = &request.marks.unknown else {
        return Ok([None; 2]);
    };
    let ids = [&request.source, &request.target].map(|list| list.id(symbol));
    match ids {
        [None, None] => Err(ImportError::Mark(format!(
            "--unknown: neither source nor target has the symbol {}",
            quoted(symbol)
        ))),
        ids => Ok(ids),
    }
}

/// The id of a mark that was named, or of what it is otherwise, if that is listed.
fn mark(
    list: &SymbolList,
    side: &str,
    flag: &str,
    named: &Option<String>,
    otherwise: &str,
) -> Result<Option<u32>, ImportError> {
    match named {
        Some(symbol) => listed(list, side, flag, symbol).map(Some),
        None => Ok(list.id(otherwise)),
    }
}

fn listed(list: &SymbolList, side: &str, flag: &str, symbol: &str) -> Result<u32, ImportError> {
    list.id(symbol).ok_or_else(|| {
        ImportError::Mark(format!(
            "{flag}: the {side} symbols have no {}",
            quoted(symbol)
        ))
    })
}

impl SymbolList {
    fn id(&self, symbol: &str) -> Option<u32> {
        let place = self.0.iter().position(|listed| listed == symbol)?;
        u32::try_from(place).ok()
    }
}

/// How texts are cut: as asked for, or into the shortest pieces of which all symbols are one, but the marks
/// and names in angle brackets, such as `<pad>`.
fn tokenization(choice: TokenizationChoice, list: &SymbolList, marks: &[u32]) -> Tokenization {
    if let Some(fixed) = choice.fixed() {
        return fixed;
    }
    let pieces = |cut: Tokenization| {
        let named =
            |symbol: &str| symbol.len() > 2 && symbol.starts_with('<') && symbol.ends_with('>');
        let is_piece = |symbol: &str| named(symbol) || cut.split(symbol).len() == 1;
        let mut symbols = (0_u32..).zip(&list.0);
        symbols.all(|(id, symbol)| marks.contains(&id) || is_piece(symbol))
    };
    let kinds = [Tokenization::Characters, Tokenization::Graphemes];
    let kind = kinds.into_iter().find(|&cut| pieces(cut));
    kind.unwrap_or(Tokenization::Spaces)
}
