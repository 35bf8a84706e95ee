//! What all pages share: one self-contained HTML file in two languages, its sections, tables, and figures with a table each.
//!
//! Without script a page is English; two buttons change the language. Nothing is fetched from elsewhere, and the policy in its head
//! lets only the script run whose hash it names: text from a run's files cannot become code.

mod language;
mod picture;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

pub(crate) use language::Language;
pub(crate) use picture::{Axis, Bar, Caption, FIRST, Failed, GROUND, Line, Look, SECOND, THIRD, lines, rows_of_bars};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!("\n", include_str!("page.js"));

/// A text in both languages.
#[derive(Clone, Copy)]
pub(crate) struct Both {
    pub(crate) english: &'static str,
    pub(crate) danish: &'static str,
}

/// A picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("a picture could not be drawn: {0}")]
pub struct Undrawn(String);

impl From<Failed> for Undrawn {
    fn from(failed: Failed) -> Self {
        Self(failed.to_string())
    }
}

/// The whole file: `body` gives what stands under the title, in each language.
pub(crate) fn page(title: Both, skip: Both, body: impl Fn(Language) -> Result<String, Undrawn>) -> Result<String, Undrawn> {
    let (english, danish) = (main(title, Language::English, &body)?, main(title, Language::Danish, &body)?);
    let hash = BASE64_STANDARD.encode(Sha256::digest(SCRIPT));
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main-en\" lang=\"en\">{}</a>\n\
         <a class=\"skip\" href=\"#main-da\" lang=\"da\" hidden>{}</a>\n\
         <header class=\"languages\">\n<div role=\"group\" aria-label=\"Language, sprog\">\n\
         <button type=\"button\" lang=\"en\" value=\"en\" aria-pressed=\"true\">English</button>\n\
         <button type=\"button\" lang=\"da\" value=\"da\" aria-pressed=\"false\">Dansk</button>\n</div>\n</header>\n\
         {english}{danish}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        title.english, skip.english, skip.danish
    ))
}

fn main(title: Both, language: Language, body: impl Fn(Language) -> Result<String, Undrawn>) -> Result<String, Undrawn> {
    let code = language.code();
    let hidden = if language == Language::English { "" } else { " hidden" };
    let title = language.pick(title.english, title.danish);
    let body = body(language)?;
    Ok(format!(
        "<main id=\"main-{code}\" lang=\"{code}\" data-title=\"{title}\" tabindex=\"-1\"{hidden}>\n<h1>{title}</h1>\n{body}</main>\n"
    ))
}

/// A part of the page under its heading.
pub(crate) fn section(language: Language, name: &str, title: &str, content: &str) -> String {
    let id = format!("{name}-{}", language.code());
    format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n{content}</section>\n")
}

/// Name and value in large type, side by side where there is room.
pub(crate) fn cards(cards: &[(&str, String)]) -> String {
    let mut html = String::from("<dl class=\"cards\">\n");
    for (name, value) in cards {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html + "</dl>\n"
}

/// A picture, its words, and the same as a table. The figure takes the focus, so that narrow windows scroll it by keyboard.
pub(crate) fn figure(language: Language, title: &str, words: &str, svg: &str, table: &str) -> String {
    let summary = language.pick("The same as a table", "Det samme som tabel");
    format!(
        "<figure tabindex=\"0\" aria-label=\"{title}\">\n{svg}\n<figcaption>{words}</figcaption>\n</figure>\n\
         <details><summary>{summary}</summary>\n{table}</details>\n"
    )
}

/// A table that scrolls by itself on narrow windows, by keyboard too. Cells are HTML.
pub(crate) fn table(caption: &str, header: &[&str], rows: &[(String, Vec<String>)]) -> String {
    let mut html = format!(
        "<div class=\"scroll\" role=\"group\" aria-label=\"{caption}\" tabindex=\"0\"><table>\n<caption>{caption}</caption>\n<thead><tr>"
    );
    header.iter().for_each(|name| html.push_str(&format!("<th scope=\"col\">{name}</th>")));
    html.push_str("</tr></thead>\n<tbody>\n");
    for (name, cells) in rows {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        let _ = writeln!(html, "<tr><th scope=\"row\">{name}</th>{cells}</tr>");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

/// Text from outside, as HTML shows it.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(escape("a<b & \"c\"='d'>"), "a&lt;b &amp; &quot;c&quot;=&#39;d&#39;&gt;");
    }
}
