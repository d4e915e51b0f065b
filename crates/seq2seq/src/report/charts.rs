//! Charts as SVG within a page, in its colours.

use super::html::escape;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
/// Room for the axes: left, right, top, bottom.
const MARGINS: (f64, f64, f64, f64) = (56.0, 12.0, 44.0, 40.0);
const COLOURS: [&str; 2] = ["var(--one)", "var(--two)"];

type Range = (f64, f64);

/// Points of one kind.
pub struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
    bars: bool,
}

impl Series {
    /// Points joined by a line.
    pub fn line(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name,
            points,
            bars: false,
        }
    }

    /// A bar for each point.
    pub fn bars(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self {
            bars: true,
            ..Self::line(name, points)
        }
    }
}

/// A chart with axes.
pub struct Chart {
    title: &'static str,
    x: &'static str,
    y: &'static str,
    series: Vec<Series>,
    ranges: Option<(Range, Range)>,
}

impl Chart {
    /// An empty chart.
    pub fn new(title: &'static str, x: &'static str, y: &'static str) -> Self {
        Self {
            title,
            x,
            y,
            series: Vec::new(),
            ranges: None,
        }
    }

    /// Fixed ranges of the axes instead of those of the points.
    pub fn within(mut self, x: Range, y: Range) -> Self {
        self.ranges = Some((x, y));
        self
    }

    /// The same with more points; without any, they leave no trace.
    pub fn with(mut self, series: Series) -> Self {
        if !series.points.is_empty() {
            self.series.push(series);
        }
        self
    }

    /// The chart as an `svg` element; nothing if there are no points.
    pub fn svg(&self) -> String {
        if self.series.is_empty() {
            return String::new();
        }
        let (xs, ys) = self.ranges.unwrap_or_else(|| self.ranges_of_points());
        let scale = Scale { xs, ys };
        let series = self.series.iter().zip(COLOURS.iter().cycle());
        let drawn: String = series
            .enumerate()
            .map(|(place, (series, colour))| {
                scale.draw(series, colour) + &legend(place, series.name, colour)
            })
            .collect();
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\">\
             <text x=\"{:.0}\" y=\"14\">{}</text>{}{drawn}</svg>",
            MARGINS.0,
            escape(self.title),
            scale.axes(self.x, self.y)
        )
    }

    fn ranges_of_points(&self) -> (Range, Range) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let mut xs = span(&mut points().map(|point| point.0));
        if self.series.iter().any(|series| series.bars) {
            // The first and the last bar have room, too.
            xs = (xs.0 - 0.5, xs.1 + 0.5);
        }
        let (low, high) = span(&mut points().map(|point| point.1));
        (wide(xs), wide((low.min(0.0), high)))
    }
}

/// A range that can be divided by.
fn wide((low, high): Range) -> Range {
    if high > low {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

fn legend(place: usize, name: &str, colour: &str) -> String {
    let x = MARGINS.0 + 150.0 * place as f64;
    format!(
        "<rect x=\"{x:.0}\" y=\"24\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
         <text class=\"dim\" x=\"{:.0}\" y=\"33\">{}</text>",
        x + 15.0,
        escape(name)
    )
}

struct Scale {
    xs: Range,
    ys: Range,
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        let share = (value - self.xs.0) / (self.xs.1 - self.xs.0);
        MARGINS.0 + share * (WIDTH - MARGINS.0 - MARGINS.1)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.ys.0) / (self.ys.1 - self.ys.0);
        HEIGHT - MARGINS.3 - share * (HEIGHT - MARGINS.2 - MARGINS.3)
    }

    fn draw(&self, series: &Series, colour: &str) -> String {
        if series.bars {
            return self.bars(series, colour);
        }
        if let [(x, y)] = series.points[..] {
            // A line of a single point would not be seen.
            return format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"/>",
                self.x(x),
                self.y(y)
            );
        }
        let points: Vec<String> = series
            .points
            .iter()
            .map(|&(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y)))
            .collect();
        format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        )
    }

    fn bars(&self, series: &Series, colour: &str) -> String {
        let width = (0.7 * (self.x(1.0) - self.x(0.0))).clamp(1.0, 40.0);
        let bar = |&(x, y): &(f64, f64)| {
            // Bars at the ends stay within the axes.
            let left = (self.x(x) - width / 2.0).clamp(MARGINS.0, WIDTH - MARGINS.1 - width);
            format!(
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                self.y(y),
                self.y(0.0) - self.y(y)
            )
        };
        series.points.iter().map(bar).collect()
    }

    fn axes(&self, x: &str, y: &str) -> String {
        let (left, right) = (MARGINS.0, WIDTH - MARGINS.1);
        let bottom = HEIGHT - MARGINS.3;
        let across = ticks(self.ys).into_iter().map(|value| {
            format!(
                "<line x1=\"{left}\" x2=\"{right}\" y1=\"{0:.1}\" y2=\"{0:.1}\" stroke=\"var(--line)\"/>\
                 <text class=\"dim\" x=\"{1:.0}\" y=\"{2:.1}\" text-anchor=\"end\">{3}</text>",
                self.y(value),
                left - 6.0,
                self.y(value) + 4.0,
                label(value)
            )
        });
        let along = ticks(self.xs).into_iter().map(|value| {
            format!(
                "<text class=\"dim\" x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
                self.x(value),
                bottom + 16.0,
                label(value)
            )
        });
        let names = format!(
            "<text class=\"dim\" x=\"{right}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <text class=\"dim\" x=\"{right}\" y=\"14\" text-anchor=\"end\">{}</text>",
            HEIGHT - 6.0,
            escape(x),
            escape(y)
        );
        across.chain(along).collect::<String>() + &names
    }
}

/// About five round values within a range.
fn ticks((low, high): Range) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let unit = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * unit)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    (first..)
        .map(|count| count as f64 * step)
        .take_while(|value| *value <= high + step * 1e-9)
        .collect()
}

/// A number without needless digits.
fn label(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.to_owned()
    }
}
