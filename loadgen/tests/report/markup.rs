//! Enough of a reader of HTML to tell whether a page is well formed, and what is in it.

/// A page's elements in order.
#[derive(Debug, Default)]
pub(crate) struct Markup {
    /// Name and attributes of each opening tag.
    pub(crate) tags: Vec<(String, Vec<(String, String)>)>,
}

const VOID: [&str; 3] = ["meta", "br", "!doctype"];

impl Markup {
    /// Panics where tags do not nest, or a `<` or a quote is not where it belongs.
    pub(crate) fn read(html: &str) -> Self {
        let mut markup = Self::default();
        let mut open: Vec<String> = Vec::new();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            let end = tag_end(rest);
            let (inside, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if let Some(name) = inside.strip_prefix('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "closed in the wrong order, before {:.80}", rest);
                continue;
            }
            let alone = inside.ends_with('/');
            let (name, attributes) = tag(inside.trim_end_matches('/'));
            if name == "script" || name == "style" {
                let close = rest.find(&format!("</{name}>")).expect("raw text has an end");
                rest = &rest[close..];
            }
            if !alone && !VOID.contains(&name.as_str()) {
                open.push(name.clone());
            }
            markup.tags.push((name, attributes));
        }
        assert!(open.is_empty(), "never closed: {open:?}");
        markup
    }

    /// Values of an attribute, of all elements that have it.
    pub(crate) fn all<'a>(&'a self, attribute: &'a str) -> impl Iterator<Item = &'a str> {
        let attributes = self.tags.iter().flat_map(|(_, attributes)| attributes);
        attributes.filter(move |(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.tags.iter().filter(|(tag, _)| tag == name).count()
    }
}

/// The `>` that is not within quotes.
fn tag_end(rest: &str) -> usize {
    let mut quoted = false;
    rest.bytes()
        .position(|byte| {
            quoted ^= byte == b'"';
            byte == b'>' && !quoted
        })
        .expect("a tag has an end")
}

fn tag(inside: &str) -> (String, Vec<(String, String)>) {
    let (name, mut rest) = inside.split_once([' ', '\n']).unwrap_or((inside, ""));
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'!'), "<{name}");
    let mut attributes = Vec::new();
    while let Some((key, value)) = rest.split_once("=\"") {
        let (value, after) = value.split_once('"').expect("a closing quote");
        // Attributes without a value stand before it.
        let key = key.split_whitespace().last().expect("a name");
        attributes.push((key.to_owned(), value.to_owned()));
        rest = after;
    }
    (name.to_ascii_lowercase(), attributes)
}
