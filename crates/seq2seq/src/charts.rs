//! Charts as SVG: within a page in its colours, or as a picture of its own.

/// Styles of the shapes, for whatever the charts stand in. Their colours are those of the classes
/// `dim`, `grid`, `one`, `two` and `three`.
pub const SHAPES: &str = "\
svg text{font:12px system-ui,sans-serif;fill:currentColor}svg .dot{fill:currentColor}\
svg .line{fill:none;stroke:currentColor;stroke-width:2}svg .grid{stroke:currentColor}";

/// Colours of a picture, on white.
const COLOURS: &str = "\
svg{color:#1f2328}.dim{color:#656d76}.grid{color:#d0d7de}\
.one{color:#0969da}.two{color:#cf222e}.three{color:#1a7f37}";

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
/// Room for the axes: left, right, top, bottom.
const MARGINS: (f64, f64, f64, f64) = (56.0, 12.0, 44.0, 40.0);
/// Room above the charts of a picture.
const PADDING: f64 = 10.0;
/// Width of a letter, about, where a legend is laid out.
const LETTER: f64 = 6.3;
/// Classes of the series, in turn.
const CLASSES: [&str; 3] = ["one", "two", "three"];

type Range = (f64, f64);

/// Points of one kind.
pub struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
    bars: bool,
}

impl Series {
    /// Points joined by a line; what is no number is left out.
    pub fn line(name: &'static str, mut points: Vec<(f64, f64)>) -> Self {
        points.retain(|(x, y)| x.is_finite() && y.is_finite());
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

/// A chart with axes. Its texts are fixed ones without characters that SVG takes for markup.
pub struct Chart {
    title: &'static str,
    x: &'static str,
    y: &'static str,
    series: Vec<Series>,
    xs: Option<Range>,
    ys: Option<Range>,
}

impl Chart {
    /// An empty chart.
    pub fn new(title: &'static str, x: &'static str, y: &'static str) -> Self {
        Self {
            title,
            x,
            y,
            series: Vec::new(),
            xs: None,
            ys: None,
        }
    }

    /// A fixed range of the horizontal axis instead of that of the points.
    pub fn within_x(self, range: Range) -> Self {
        Self {
            xs: Some(range),
            ..self
        }
    }

    /// A fixed range of the vertical axis instead of that of the points.
    pub fn within_y(self, range: Range) -> Self {
        Self {
            ys: Some(range),
            ..self
        }
    }

    /// The same with more points; without any, they leave no trace.
    pub fn with(mut self, series: Series) -> Self {
        if !series.points.is_empty() {
            self.series.push(series);
        }
        self
    }

    /// The chart as an `svg` element of a page; nothing if there are no points.
    pub fn svg(&self) -> String {
        if self.series.is_empty() {
            return String::new();
        }
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\">{}</svg>",
            self.content()
        )
    }

    fn content(&self) -> String {
        let (xs, ys) = self.ranges_of_points();
        let scale = Scale {
            xs: self.xs.unwrap_or(xs),
            ys: self.ys.unwrap_or(ys),
            whole_xs: self.xs.is_none() && self.points().all(|point| point.0.fract() == 0.0),
        };
        let mut drawn = format!(
            "<text x=\"{:.0}\" y=\"14\">{}</text>{}",
            MARGINS.0,
            self.title,
            scale.axes(self.x, self.y)
        );
        let mut place = MARGINS.0;
        for (series, class) in self.series.iter().zip(CLASSES.iter().cycle()) {
            drawn += &scale.draw(series, class);
            drawn += &legend(place, series.name, class);
            place += 30.0 + LETTER * series.name.len() as f64;
        }
        drawn
    }

    fn points(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.series.iter().flat_map(|series| &series.points)
    }

    fn ranges_of_points(&self) -> (Range, Range) {
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let mut xs = span(&mut self.points().map(|point| point.0));
        if self.series.iter().any(|series| series.bars) {
            // The first and the last bar have room, too.
            xs = (xs.0 - 0.5, xs.1 + 0.5);
        }
        let (low, high) = span(&mut self.points().map(|point| point.1));
        (wide(xs), wide((low.min(0.0), high)))
    }
}

/// Charts beside each other as a picture of its own: an SVG document.
pub fn picture(charts: &[Chart]) -> String {
    let (width, height) = (WIDTH * charts.len() as f64, HEIGHT + PADDING);
    let charts: String = (charts.iter().enumerate())
        .map(|(place, chart)| {
            let (x, content) = (WIDTH * place as f64, chart.content());
            format!("<g transform=\"translate({x} {PADDING})\">{content}</g>")
        })
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\"><style>{SHAPES}{COLOURS}</style>\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>{charts}</svg>\n"
    )
}

/// A range that can be divided by.
fn wide((low, high): Range) -> Range {
    if high > low {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    }
}

fn legend(x: f64, name: &str, class: &str) -> String {
    format!(
        "<rect class=\"dot {class}\" x=\"{x:.0}\" y=\"24\" width=\"10\" height=\"10\"/>\
         <text class=\"dim\" x=\"{:.0}\" y=\"33\">{name}</text>",
        x + 15.0
    )
}

struct Scale {
    xs: Range,
    ys: Range,
    /// The horizontal axis has whole numbers only.
    whole_xs: bool,
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

    fn draw(&self, series: &Series, class: &str) -> String {
        if series.bars {
            return self.bars(series, class);
        }
        if let [(x, y)] = series.points[..] {
            // A line of a single point would not be seen.
            return format!(
                "<circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>",
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
            "<polyline class=\"line {class}\" points=\"{}\"/>",
            points.join(" ")
        )
    }

    fn bars(&self, series: &Series, class: &str) -> String {
        let width = (0.7 * (self.x(1.0) - self.x(0.0))).clamp(1.0, 40.0);
        let bar = |&(x, y): &(f64, f64)| {
            // Bars at the ends stay within the axes.
            let left = (self.x(x) - width / 2.0).clamp(MARGINS.0, WIDTH - MARGINS.1 - width);
            format!(
                "<rect class=\"dot {class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                self.y(y),
                self.y(0.0) - self.y(y)
            )
        };
        series.points.iter().map(bar).collect()
    }

    fn axes(&self, x: &str, y: &str) -> String {
        let (left, right) = (MARGINS.0, WIDTH - MARGINS.1);
        let bottom = HEIGHT - MARGINS.3;
        let across = ticks(self.ys, 5.0, 0.0).into_iter().map(|value| {
            format!(
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/>\
                 <text class=\"dim\" x=\"{1:.0}\" y=\"{2:.1}\" text-anchor=\"end\">{3}</text>",
                self.y(value),
                left - 6.0,
                self.y(value) + 4.0,
                label(value)
            )
        });
        let least = if self.whole_xs { 1.0 } else { 0.0 };
        let along = ticks(self.xs, 8.0, least).into_iter().map(|value| {
            format!(
                "<line class=\"grid\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1}\" y2=\"{bottom}\"/>\
                 <text class=\"dim\" x=\"{0:.1}\" y=\"{2:.0}\" text-anchor=\"middle\">{3}</text>",
                self.x(value),
                MARGINS.2,
                bottom + 16.0,
                label(value)
            )
        });
        let names = format!(
            "<text class=\"dim\" x=\"{right}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <text class=\"dim\" x=\"{right}\" y=\"14\" text-anchor=\"end\">{}</text>",
            HEIGHT - 6.0,
            x,
            y
        );
        across.chain(along).collect::<String>() + &names
    }
}

/// About so many round values within a range, at least so far apart.
fn ticks((low, high): Range, count: f64, least: f64) -> Vec<f64> {
    // Nothing is drawn in a range of nothing.
    if !(low.is_finite() && high.is_finite()) {
        return Vec::new();
    }
    let rough = ((high - low) / count).max(least);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_marked_by_whole_numbers() {
        assert_eq!(ticks((1.0, 3.0), 8.0, 1.0), [1.0, 2.0, 3.0]);
        assert_eq!(ticks((0.5, 1.5), 8.0, 1.0), [1.0]);
        assert_eq!(ticks((1.0, 200.0), 5.0, 1.0), [50.0, 100.0, 150.0, 200.0]);
        assert_eq!(
            ticks((0.0, 0.4), 5.0, 0.0),
            [0.0, 0.1, 0.2, 0.30000000000000004, 0.4]
        );
    }

    #[test]
    fn values_that_are_no_numbers_are_not_drawn() {
        let points = vec![
            (1.0, f64::NAN),
            (2.0, 1.0),
            (3.0, f64::INFINITY),
            (4.0, 2.0),
        ];
        let chart = || Chart::new("loss", "epoch", "").with(Series::line("all", points.clone()));
        let picture = picture(&[chart(), chart()]);
        assert!(
            !picture.contains("NaN") && !picture.contains("inf"),
            "{picture}"
        );
        assert_eq!(picture.matches("<polyline class=\"line one\"").count(), 2);
        let empty = Chart::new("loss", "epoch", "").with(Series::line("all", points[..1].to_vec()));
        assert_eq!(empty.svg(), "");
    }
}
