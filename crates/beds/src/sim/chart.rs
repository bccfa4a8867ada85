//! The table as a picture: <https://www.w3.org/TR/SVG11/>. Bars by load, a colour for each policy.

use std::fmt::Write as _;

use super::table::{Row, hundredths, tenths};

const COLOURS: [&str; 6] = ["#9aa0a6", "#d9822b", "#2b6cb0", "#2f855a", "#805ad5", "#c53030"];
const BAR_WIDTH: u64 = 26;
const PANEL_HEIGHT: u64 = 180;
const MARGIN: u64 = 40;
const LEGEND_LINE: u64 = 18;

/// A figure of a row that is drawn.
struct Panel {
    title: &'static str,
    value: fn(&Row) -> u64,
    label: fn(u64) -> String,
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "Expected serious events while waiting, per 1,000 patients",
        value: |row| row.measures.harm_per_100_000,
        label: hundredths,
    },
    Panel {
        title: "Mean wait of patients with 7 points and more, hours",
        value: |row| row.measures.immediate.mean_decihours,
        label: tenths,
    },
    Panel {
        title: "Longest wait of patients with 4 points and less, hours",
        value: |row| row.measures.low.max_decihours,
        label: tenths,
    },
];

/// The picture, as the text of an SVG file.
pub fn svg(rows: &[Row]) -> String {
    let loads = different(rows, |row| row.load_percent);
    let policies = different(rows, |row| row.policy.as_str());
    let group_width = BAR_WIDTH * (policies.len() as u64 + 1);
    let width = (group_width * loads.len() as u64 + 2 * MARGIN).max(480);
    let legend = LEGEND_LINE * policies.len() as u64;
    let height = legend + (PANEL_HEIGHT + 2 * MARGIN) * PANELS.len() as u64 + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for ((policy, colour), line) in policies.iter().zip(COLOURS.iter().cycle()).zip(1..) {
        let y = LEGEND_LINE * line;
        let _ = writeln!(
            svg,
            "<rect x=\"{MARGIN}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            y,
            MARGIN + 18,
            y + 11,
            escaped(policy)
        );
    }
    for (panel, n) in PANELS.iter().zip(0..) {
        let top = legend + MARGIN + n * (PANEL_HEIGHT + 2 * MARGIN);
        draw(&mut svg, panel, (rows, &loads, &policies), top);
    }
    svg.push_str("</svg>\n");
    svg
}

type Groups<'a> = (&'a [Row], &'a [u32], &'a [&'a str]);

fn draw(svg: &mut String, panel: &Panel, (rows, loads, policies): Groups<'_>, top: u64) {
    let greatest = rows.iter().map(panel.value).max().unwrap_or_default().max(1);
    let (base, title) = (top + MARGIN + PANEL_HEIGHT, panel.title);
    let _ = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"bold\">{title}</text>",
        top + 16
    );
    let group_width = BAR_WIDTH * (policies.len() as u64 + 1);
    for (load, group) in loads.iter().zip(0..) {
        let left = MARGIN + group * group_width;
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"{}\">load {}</text>",
            base + 16,
            hundredths((*load).into())
        );
        for ((policy, colour), place) in policies.iter().zip(COLOURS.iter().cycle()).zip(0..) {
            let of = |row: &&Row| row.load_percent == *load && row.policy == *policy;
            let Some(row) = rows.iter().find(of) else { continue };
            let value = (panel.value)(row);
            let bar = value * PANEL_HEIGHT / greatest;
            let (x, y) = (left + place * BAR_WIDTH, base - bar);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{bar}\" fill=\"{colour}\"/>\
                 <text x=\"{x}\" y=\"{}\" font-size=\"8\">{}</text>",
                BAR_WIDTH - 4,
                y - 3,
                (panel.label)(value)
            );
        }
    }
}

/// The different values, in the order in which they come.
fn different<'a, T: PartialEq>(rows: &'a [Row], value: impl Fn(&'a Row) -> T) -> Vec<T> {
    let mut found = Vec::new();
    for value in rows.iter().map(value) {
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Measures;

    #[test]
    fn a_bar_for_each_figure_and_names_are_escaped() {
        let row = |load_percent, policy: &str, harm_per_100_000| Row {
            load_percent,
            policy: policy.to_owned(),
            measures: Measures { harm_per_100_000, ..Measures::default() },
        };
        let picture = svg(&[row(85, "a < b", 200), row(85, "c", 100), row(100, "c", 50)]);
        // the ground, two in the legend, and three bars in each of three panels
        assert_eq!(picture.matches("<rect").count(), 1 + 2 + 9);
        assert!(picture.contains("a &lt; b") && !picture.contains("a < b"), "{picture}");
        assert!(
            picture.contains("height=\"180\" fill=\"#9aa0a6\""),
            "the greatest fills its panel"
        );
        assert!(picture.contains("height=\"90\" fill=\"#d9822b\""), "{picture}");
    }

    #[test]
    fn nothing_to_draw() {
        assert!(svg(&[]).ends_with("</svg>\n"));
    }
}
