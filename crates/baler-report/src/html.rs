//! One HTML file that needs nothing else: style, tables and pictures are inside, there are no scripts.

use crate::draw::svg::escape;
use crate::draw::{Scene, svg};

/// A part of the page.
pub struct Section {
    /// In the list of contents.
    pub title: String,
    /// Below the title; plain text.
    pub text: String,
    /// Below the text.
    pub tables: Vec<Table>,
    /// Below the tables.
    pub figures: Vec<Scene>,
}

impl Section {
    /// A section of figures.
    pub fn new(title: &str, text: &str, figures: Vec<Scene>) -> Section {
        Section { title: title.to_string(), text: text.to_string(), tables: Vec::new(), figures }
    }
}

/// A table with a header; the first column is text, all others numbers.
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

const STYLE: &str = "
body { font: 15px/1.45 Helvetica, Arial, 'Liberation Sans', sans-serif; color: #222; background: #fff; margin: 0 auto; max-width: 1080px; padding: 1.2em; }
h1 { font-size: 1.5em; margin: 0 0 .2em; overflow-wrap: anywhere; }
h2 { font-size: 1.15em; margin: 1.8em 0 .4em; border-bottom: 1px solid #ccc; padding-bottom: .2em; }
p { margin: .4em 0; max-width: 62em; }
nav a { margin-right: 1em; color: #0072b2; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 12.5px; margin: .6em 0; }
th, td { padding: .18em .65em; text-align: right; white-space: nowrap; border-bottom: 1px solid #e4e4e4; }
th { background: #f3f3f3; font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1em 0; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; }
footer { margin-top: 2.5em; color: #666; font-size: 12px; }
@media print { nav { display: none; } figure, tr { break-inside: avoid; } body { max-width: none; } }
";

/// The page.
pub fn page(title: &str, lead: &[String], sections: &[Section]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"data:,\"><title>{0}</title><style>{STYLE}</style></head>\n<body>\n<h1>{0}</h1>\n",
        escape(title)
    );
    lead.iter().for_each(|line| out += &format!("<p>{}</p>\n", escape(line)));
    let links =
        sections.iter().enumerate().map(|(idx, s)| format!("<a href=\"#s{idx}\">{}</a>", escape(&s.title)));
    out += &format!("<nav>{}</nav>\n", links.collect::<Vec<_>>().join("\n"));
    for (idx, section) in sections.iter().enumerate() {
        out += &format!("<section id=\"s{idx}\"><h2>{}</h2>\n", escape(&section.title));
        if !section.text.is_empty() {
            out += &format!("<p>{}</p>\n", escape(&section.text));
        }
        section.tables.iter().for_each(|table| write_table(&mut out, table));
        section
            .figures
            .iter()
            .for_each(|figure| out += &format!("<figure>{}</figure>\n", svg::write(figure)));
        out += "</section>\n";
    }
    out += &format!("<footer>baler {}</footer>\n</body></html>\n", env!("CARGO_PKG_VERSION"));
    out
}

fn write_table(out: &mut String, table: &Table) {
    let cells = |row: &[String], tag: &str| -> String {
        row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
    };
    *out += &format!(
        "<div class=\"scroll\"><table><thead><tr>{}</tr></thead><tbody>\n",
        cells(&table.header, "th")
    );
    table.rows.iter().for_each(|row| *out += &format!("<tr>{}</tr>\n", cells(row, "td")));
    *out += "</tbody></table></div>\n";
}
