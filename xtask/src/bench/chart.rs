//! Draws bars and lines as SVG that follows the theme of whoever looks.
//!
//! By hand: plotting crates fix their colours or bring hundreds of lines of their own styles, and two kinds of picture take fewer
//! lines than either would to be told.

use super::results::{Contest, Curve, Role, digits};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.faint{fill:#59636e}.axis{stroke:#d1d9e0}\
.own{fill:#0969da}.peer{fill:#8c959f}.floor{fill:none;stroke:#8c959f;stroke-dasharray:3 2}\
.line0{stroke:#0969da;fill:#0969da}.line1{stroke:#bc4c00;fill:#bc4c00}.line2{stroke:#1a7f37;fill:#1a7f37}\
.line3{stroke:#8250df;fill:#8250df}polyline{fill:none!important;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.faint{fill:#9198a1}.axis{stroke:#3d444d}\
.own{fill:#4493f8}.peer{fill:#656c76}.floor{stroke:#9198a1}.line0{stroke:#4493f8;fill:#4493f8}\
.line1{stroke:#f0883e;fill:#f0883e}.line2{stroke:#3fb950;fill:#3fb950}.line3{stroke:#ab7df8;fill:#ab7df8}}";

/// A bar for each contestant.
pub(crate) fn bars(contest: &Contest) -> String {
    const ROW: f64 = 26.0;
    const NAMES: f64 = 270.0;
    const VALUES: f64 = 90.0;
    let most = contest.measured.iter().map(|measured| measured.median()).fold(0.0, f64::max);
    let mut svg = begin(&contest.title, 34.0 + ROW * contest.measured.len() as f64);
    let better = if contest.unit.more_is_better() { "more is better" } else { "less is better" };
    let _ = write!(
        svg,
        "<text x=\"0\" y=\"16\" font-weight=\"600\">{} <tspan class=\"faint\" font-weight=\"400\">· {better}</tspan></text>",
        escaped(&contest.title)
    );
    for (row, measured) in contest.measured.iter().enumerate() {
        let (top, median) = (30.0 + ROW * row as f64, measured.median());
        let long = (median / most * (WIDTH - NAMES - VALUES)).max(1.0);
        let class = match measured.role {
            Role::Own => "own",
            Role::Peer => "peer",
            Role::Floor => "floor",
        };
        let (text, end) = (top + 13.0, NAMES + long + 8.0);
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{text:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{NAMES:.0}\" y=\"{top:.0}\" width=\"{long:.1}\" height=\"18\" rx=\"2\"/>\
             <text class=\"faint\" x=\"{end:.1}\" y=\"{text:.0}\">{}</text>",
            NAMES - 8.0,
            escaped(&measured.name),
            contest.unit.shown(median)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Seconds over size, both in logarithms.
pub(crate) fn lines(curve: &Curve) -> String {
    const HEIGHT: f64 = 320.0;
    const LEFT: f64 = 60.0;
    const RIGHT: f64 = 500.0;
    const TOP: f64 = 34.0;
    const BOTTOM: f64 = 276.0;
    let points = || curve.lines.iter().flat_map(|line| line.points.iter().copied());
    let across = decades(points().map(|(x, _)| x));
    let up = decades(points().map(|(_, y)| y));
    let place = |x: f64, y: f64| {
        let part = |value: f64, (low, high): (i32, i32)| {
            (value.log10() - f64::from(low)) / f64::from(high - low)
        };
        (LEFT + part(x, across) * (RIGHT - LEFT), BOTTOM - part(y, up) * (BOTTOM - TOP))
    };
    let mut svg = begin(&curve.title, HEIGHT);
    let _ = write!(
        svg,
        "<text x=\"0\" y=\"16\" font-weight=\"600\">{}</text>\
         <text class=\"faint\" x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        escaped(&curve.title),
        BOTTOM + 36.0,
        escaped(&curve.across)
    );
    for decade in across.0..=across.1 {
        let (x, _) = place(10f64.powi(decade), 10f64.powi(up.0));
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>\
             <text class=\"faint\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 18.0,
            power(decade)
        );
    }
    for decade in up.0..=up.1 {
        let (_, y) = place(10f64.powi(across.0), 10f64.powi(decade));
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\
             <text class=\"faint\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} s</text>",
            LEFT - 6.0,
            y + 4.0,
            power(decade)
        );
    }
    for (number, line) in curve.lines.iter().enumerate() {
        let class = format!("line{}", number % 4);
        let places: Vec<_> = line.points.iter().map(|&(x, y)| place(x, y)).collect();
        let list: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", list.join(" "));
        for (x, y) in places {
            let _ = write!(svg, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        let y = TOP + 14.0 + 22.0 * number as f64;
        let _ = write!(
            svg,
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"4\"/><text x=\"{}\" y=\"{y}\">{}: exponent {}</text>",
            RIGHT + 22.0,
            y - 4.0,
            RIGHT + 34.0,
            escaped(&line.name),
            digits(line.exponent())
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn begin(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{height:.0}\" role=\"img\"><title>{}</title><style>{STYLE}</style>",
        escaped(title)
    )
}

/// The powers of ten that hold all of them.
fn decades(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let logarithms: Vec<f64> = values.map(f64::log10).filter(|log| log.is_finite()).collect();
    let low = logarithms.iter().copied().fold(f64::MAX, f64::min).floor() as i32;
    let high = logarithms.iter().copied().fold(f64::MIN, f64::max).ceil() as i32;
    (low, high.max(low.saturating_add(1)))
}

fn power(decade: i32) -> String {
    match decade {
        9.. => format!("{} G", 10f64.powi(decade - 9)),
        6..9 => format!("{} M", 10f64.powi(decade - 6)),
        3..6 => format!("{} k", 10f64.powi(decade - 3)),
        _ => format!("{}", 10f64.powi(decade)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{Line, Measured, Unit};

    #[test]
    fn bars_are_as_long_as_what_they_stand_for() {
        let measured =
            |name: &str, role, value| Measured { name: name.to_owned(), role, values: vec![value] };
        let contest = Contest {
            title: "a < b".to_owned(),
            unit: Unit::Seconds,
            measured: vec![
                measured("Rangepack", Role::Own, 1.0),
                measured("tar", Role::Peer, 2.0),
                measured("floor", Role::Floor, 0.5),
            ],
        };
        let svg = bars(&contest);
        for bar in [
            "class=\"own\" x=\"270\" y=\"30\" width=\"180.0\"",
            "class=\"peer\" x=\"270\" y=\"56\" width=\"360.0\"",
            "class=\"floor\" x=\"270\" y=\"82\" width=\"90.0\"",
            "<title>a &lt; b</title>",
            "prefers-color-scheme:dark",
        ] {
            assert!(svg.contains(bar), "{bar}: {svg}");
        }
    }

    #[test]
    fn lines_run_from_corner_to_corner() {
        let line = Line { name: "pack".to_owned(), points: vec![(1e3, 0.1), (1e5, 10.0)] };
        let curve = Curve { title: "time".into(), across: "files".into(), lines: vec![line] };
        let svg = lines(&curve);
        assert!(svg.contains("points=\"60.0,276.0 500.0,34.0\""), "{svg}");
        assert!(svg.contains("pack: exponent 1"), "{svg}");
        assert!(svg.contains(">100 k<"), "{svg}");
    }
}
