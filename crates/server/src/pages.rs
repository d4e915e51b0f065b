//! Files of the pages that train or show training.

/// Media type of a page.
pub const HTML: &str = "text/html; charset=utf-8";
/// Media type of a style sheet.
pub const CSS: &str = "text/css; charset=utf-8";
/// Media type of a script.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of a page.
#[derive(Clone, Copy, Debug)]
pub struct PageFile {
    /// Where it is, relative to the page.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Its media type.
    pub kind: &'static str,
}

macro_rules! file {
    ($path:literal, $kind:expr) => {
        PageFile {
            path: $path,
            text: include_str!(concat!("../pages/", $path)),
            kind: $kind,
        }
    };
}

/// The page of the lesson.
pub const LESSON: PageFile = file!("lesson.html", HTML);

/// What the page of the lesson loads, whether the program answers it or a recording does.
pub const LESSON_FILES: [PageFile; 12] = [
    STYLE,
    ELEMENTS,
    CHART,
    file!("lesson/base.js", SCRIPT),
    file!("lesson/start.js", SCRIPT),
    file!("lesson/replay.js", SCRIPT),
    file!("lesson/symbols.js", SCRIPT),
    file!("lesson/training.js", SCRIPT),
    file!("lesson/inside.js", SCRIPT),
    file!("lesson/why.js", SCRIPT),
    file!("lesson/attention.js", SCRIPT),
    file!("lesson/own.js", SCRIPT),
];

/// Where the page of the lesson finds what answers it: [`LIVE`] or [`RECORDED`].
pub const BACKEND: &str = "lesson/backend.js";
/// Where it finds the settings that it offers.
pub const SETUPS: &str = "lesson/setups.js";

/// Asks the program.
pub const LIVE: PageFile = file!("lesson/live.js", SCRIPT);
/// Asks a recording.
pub const RECORDED: PageFile = file!("lesson/recorded.js", SCRIPT);

/// The page of a training run that is watched.
pub const WATCH: PageFile = file!("watch.html", HTML);
/// What it loads.
pub const WATCH_FILES: [PageFile; 4] = [STYLE, ELEMENTS, CHART, file!("lesson/watch.js", SCRIPT)];

const STYLE: PageFile = file!("lesson.css", CSS);
const ELEMENTS: PageFile = file!("lesson/elements.js", SCRIPT);
const CHART: PageFile = file!("lesson/chart.js", SCRIPT);
