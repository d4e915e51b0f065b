//! What bf16 brings on this machine.

use std::time::{Duration, Instant};

use rnn_kernels::{Order, Precision, ProductShape, product_in, with_threads};

use crate::config::ModelSettings;

/// Time that measuring takes.
const TIME: Duration = Duration::from_millis(40);

/// How many times as fast as in single precision the products of a model are in bf16, measured on one thread
/// in a few hundredths of a second.
pub fn bf16_speed(model: &ModelSettings) -> f64 {
    let units = model.encoder_units.clamp(16, 512);
    let shape = ProductShape {
        rows: 64,
        inner: units,
        columns: 4 * units,
    };
    let left = vec![0.5; shape.rows * shape.inner];
    let right = vec![0.25; shape.inner * shape.columns];
    let time = |precision| {
        let begun = Instant::now();
        let rows = Order::Rows;
        with_threads(1, || {
            product_in(precision, shape, (&left, rows), (&right, rows))
        });
        begun.elapsed()
    };
    // What disturbs one of two in turn may miss the other: the shortest of many counts.
    let (begun, mut shortest) = (Instant::now(), [Duration::MAX; 2]);
    while begun.elapsed() < TIME || shortest[0] == Duration::MAX {
        for (shortest, precision) in shortest
            .iter_mut()
            .zip([Precision::Single, Precision::Bfloat16])
        {
            *shortest = time(precision).min(*shortest);
        }
    }
    let [single, bf16] = shortest.map(|time| time.as_secs_f64().max(1e-9));
    single / bf16
}
