//! The history of a run as a picture.

use std::error::Error;

use plotters::prelude::*;

use super::history::{EpochRecord, Validation};

const SIZE: (u32, u32) = (900, 360);

/// A curve: its name, its colour, its points.
type Curve = (&'static str, RGBColor, Vec<(f64, f64)>);

/// Loss on the left, accuracies on the right, over epochs; an SVG document.
///
/// # Errors
/// If the library refuses.
pub fn history(records: &[EpochRecord]) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(text)?;
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let losses = vec![
            ("training", BLUE, training(records, |r| r.loss)),
            ("validation", RED, validation(records, |v| v.loss)),
        ];
        chart(&left, "loss (teacher-forced)", &losses, None)?;
        let shares = vec![
            (
                "training, teacher-forced",
                BLUE,
                training(records, |r| r.accuracy),
            ),
            (
                "validation, teacher-forced",
                RED,
                validation(records, |v| v.accuracy),
            ),
            (
                "validation, exact match",
                BLACK,
                validation(records, |v| v.exact_match),
            ),
        ];
        chart(&right, "share right", &shares, Some(1.0))?;
        area.present().map_err(text)?;
    }
    Ok(svg)
}

fn training(records: &[EpochRecord], value: impl Fn(&EpochRecord) -> f64) -> Vec<(f64, f64)> {
    records
        .iter()
        .map(|record| (record.epoch as f64, value(record)))
        .collect()
}

fn validation(records: &[EpochRecord], value: impl Fn(&Validation) -> f64) -> Vec<(f64, f64)> {
    let points = records
        .iter()
        .filter_map(|r| r.validation.as_ref().map(|v| (r.epoch as f64, value(v))));
    points.collect()
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    curves: &[Curve],
    top: Option<f64>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let points = || curves.iter().flat_map(|(_, _, points)| points);
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let highest = top.unwrap_or_else(|| points().map(|point| point.1).fold(0.0, f64::max) * 1.05);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .margin_right(20)
        .x_label_area_size(30)
        .y_label_area_size(40)
        .build_cartesian_2d(0.0..last, 0.0..highest.max(f64::MIN_POSITIVE))
        .map_err(text)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_label_formatter(&|epoch| format!("{epoch}"))
        .light_line_style(WHITE)
        .draw()
        .map_err(text)?;
    for (name, colour, points) in curves.iter().filter(|(_, _, points)| !points.is_empty()) {
        let style = *colour;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))
            .map_err(text)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
        .map_err(text)
}

fn text(error: impl std::fmt::Display) -> Box<dyn Error + Send + Sync> {
    error.to_string().into()
}
