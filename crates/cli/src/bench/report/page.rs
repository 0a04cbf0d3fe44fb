//! The page around the charts: style sheet, sections, tables. One file, no
//! request to anywhere, light or dark as the reader's system is.

use crate::bench::report::plot::escape;

const STYLE: &str = include_str!("style.css");

/// The whole document; `body` is markup, `raw` is JSON.
pub fn document(title: &str, body: &str, raw: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         <script type=\"application/json\" id=\"raw\">{raw}</script>\n</body>\n</html>\n"
    )
}

/// A heading and what stands under it.
pub fn section(title: &str, lead: &str, content: &str) -> String {
    let lead = if lead.is_empty() {
        String::new()
    } else {
        format!("<p class=\"lead\">{lead}</p>")
    };
    format!(
        "<section>\n<h2>{}</h2>\n{lead}{content}\n</section>\n",
        escape(title)
    )
}

/// A framed part of a section.
pub fn card(title: &str, content: &str) -> String {
    let title = if title.is_empty() {
        String::new()
    } else {
        format!("<h3>{}</h3>", escape(title))
    };
    format!("<div class=\"card\">{title}{content}</div>\n")
}

/// Cards next to each other where there is room: up to two, or up to three.
pub fn columns(most: Columns, cards: &str) -> String {
    let class = match most {
        Columns::Two => "columns",
        Columns::Three => "columns three",
    };
    format!("<div class=\"{class}\">{cards}</div>\n")
}

pub enum Columns {
    Two,
    Three,
}

/// Closed until the reader opens it.
pub fn folded(title: &str, content: &str) -> String {
    format!(
        "<details class=\"card\"><summary>{}</summary>{content}</details>\n",
        escape(title)
    )
}

/// A number to be read first.
pub struct Tile {
    pub name: String,
    pub value: String,
    pub unit: String,
    pub note: String,
}

pub fn tiles(tiles: &[Tile]) -> String {
    let one = |tile: &Tile| {
        format!(
            "<div class=\"tile\"><div class=\"name\">{}</div><div class=\"value\">{}<span>{}</span></div>\
             <div class=\"note\">{}</div></div>",
            escape(&tile.name),
            escape(&tile.value),
            escape(&tile.unit),
            escape(&tile.note)
        )
    };
    format!(
        "<div class=\"tiles\">{}</div>\n",
        tiles.iter().map(one).collect::<String>()
    )
}

/// A table whose first column is text and whose others are numbers.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: String = head
        .iter()
        .map(|cell| format!("<th>{}</th>", escape(cell)))
        .collect();
    let row = |cells: &Vec<String>| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{}</td>", escape(cell)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = rows.iter().map(row).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// Names and values.
pub fn facts(facts: &[(String, String)]) -> String {
    let one = |(name, value): &(String, String)| {
        format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value))
    };
    format!("<dl>{}</dl>\n", facts.iter().map(one).collect::<String>())
}
