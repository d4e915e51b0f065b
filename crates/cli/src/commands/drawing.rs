//! A model in a few lines: what the source and the target go through.

use seq2seq::Model;
use seq2seq::config::{Architecture, AttentionKind, CellKind, Embedding, ModelSettings, Protocol};
use seq2seq::text::Side;

/// The parts of a model, from the source to the next symbol, a line each.
pub fn drawing(model: &Model) -> String {
    let codec = model.codec();
    parts(&model.settings().model, &codec.source, &codec.target).join("\n")
}

fn parts(model: &ModelSettings, source: &Side, target: &Side) -> Vec<String> {
    let read = |name: &str, side: &Side| {
        let symbols = side.vocabulary.len();
        format!("{name:<10} {}, {symbols} symbols", side.tokenization)
    };
    let arrow = |what: String| format!("    ↓      {what}");
    let written = "next symbol  softmax".to_owned();
    let members = &model.ensemble.members;
    let (encoder, decoder) = match model.architecture {
        Architecture::Recurrent => (recurrent_encoder(model), recurrent_decoder(model)),
        Architecture::Monotonic => (monotonic_encoder(model), monotonic_decoder(model)),
        Architecture::Transformer => (transformer_encoder(model), transformer_decoder(model)),
        Architecture::Ngram => {
            let reads = match model.ngram.source_span {
                1 => "one source symbol",
                _ => "one or two source symbols",
            };
            return vec![
                read("source", source),
                arrow(format!("joint units: {reads}, none to two target symbols")),
                arrow(format!("n-grams of up to {} units", model.ngram.order)),
                read("target", target),
                "next symbol  sum over all ways to cut source and target into units".to_owned(),
            ];
        }
        Architecture::Ensemble => {
            let mean = format!("mean of {} models", members.len());
            let member = |(number, member): (usize, &ModelSettings)| {
                let lines = parts(member, source, target).join("\n    ");
                format!("member {}\n    {lines}", number + 1)
            };
            let members = members.iter().enumerate().map(member);
            return members.chain([mean]).collect();
        }
    };
    let mut lines = vec![read("source", source)];
    lines.extend(encoder.into_iter().map(arrow));
    lines.push(read("target", target));
    lines.extend(decoder.into_iter().map(arrow));
    lines.push(written);
    lines
}

fn embedding(model: &ModelSettings) -> String {
    match model.embedding {
        Embedding::Size(size) => format!("embedding of {size}"),
        Embedding::Named(_) => "one-hot".to_owned(),
    }
}

/// Layers of a recurrent network: kind, units, number, directions.
fn layers(model: &ModelSettings, units: usize, layers: usize, bidirectional: bool) -> String {
    let cell = match model.cell {
        CellKind::Lstm => "LSTM",
        CellKind::Gru => "GRU",
        CellKind::GruOriginal => "GRU (reset before the product)",
        CellKind::Rnn => "simple recurrence",
    };
    let directions = if bidirectional {
        " in each direction"
    } else {
        ""
    };
    let layers = match layers {
        1 => String::new(),
        layers => format!(", {layers} layers"),
    };
    format!("{cell} of {units}{directions}{layers}")
}

fn recurrent_encoder(model: &ModelSettings) -> Vec<String> {
    let (units, width) = (model.encoder_units, model.encoder_width());
    let bridge = match model.has_learned_bridge(width) {
        true => format!("dense layer to {}", model.decoder_units()),
        false => "as it is".to_owned(),
    };
    vec![
        embedding(model),
        layers(model, units, model.encoder_layers, model.bidirectional),
        format!("final state of {width}, {bridge}: the decoder's first state"),
    ]
}

fn recurrent_decoder(model: &ModelSettings) -> Vec<String> {
    let attention = match model.attention {
        AttentionKind::None => None,
        AttentionKind::Dot => Some("attention by products (dot)"),
        AttentionKind::General => Some("attention by products through a matrix (general)"),
        AttentionKind::Concat => Some("attention by a small network (concat)"),
        AttentionKind::Additive => Some("attention by a small network (additive)"),
        AttentionKind::MultiHead => Some("attention of several heads (multi-head)"),
    };
    let given = match model.protocol {
        Protocol::BeginOfSequence => "",
        Protocol::FirstSymbol => "; the first symbol is given",
    };
    let mut lines = vec![
        format!("{}{given}", embedding(model)),
        layers(model, model.decoder_units(), model.decoder_layers, false),
    ];
    lines.extend(attention.map(|attention| format!("{attention}, over the encoder's states")));
    lines.extend(model.copy.then(|| "or copied from the source".to_owned()));
    lines
}

fn monotonic_encoder(model: &ModelSettings) -> Vec<String> {
    let count = model.monotonic.encoder_layers;
    vec![
        embedding(model),
        layers(model, model.encoder_units, count, true),
    ]
}

fn monotonic_decoder(model: &ModelSettings) -> Vec<String> {
    let settings = &model.monotonic;
    let order = match settings.order {
        0 => "each position by itself".to_owned(),
        _ => format!(
            "each position after the one before, window {}",
            settings.window
        ),
    };
    let emission = settings.emission_units.unwrap_or(model.decoder_units());
    let mut lines = vec![
        embedding(model),
        layers(model, model.decoder_units(), settings.decoder_layers, false),
        format!("hard attention, summed over all alignments: {order}"),
        format!("emission of {emission}, at every source position"),
    ];
    lines.extend(model.copy.then(|| "or copied from the source".to_owned()));
    lines
}

fn transformer_encoder(model: &ModelSettings) -> Vec<String> {
    let settings = &model.transformer;
    let (size, heads) = (settings.model_size, settings.heads);
    vec![
        format!("embedding of {size}, {:?} positions", settings.positions).to_lowercase(),
        format!(
            "{} x (attention of {heads} heads, feed-forward of {})",
            settings.encoder_layers(),
            settings.feed_forward
        ),
    ]
}

fn transformer_decoder(model: &ModelSettings) -> Vec<String> {
    let settings = &model.transformer;
    let mut lines = vec![
        format!("embedding of {}", settings.model_size),
        format!(
            "{} x (attention to the target so far, attention to the source, feed-forward of {})",
            settings.decoder_layers(),
            settings.feed_forward
        ),
    ];
    lines.extend(model.copy.then(|| "or copied from the source".to_owned()));
    lines
}
