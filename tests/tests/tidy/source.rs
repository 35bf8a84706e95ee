//! Rust source as text: comments and strings taken out, tests taken out, functions measured, words found. Not a parser: it counts braces.

use std::collections::BTreeMap;

/// The source with every comment, string and character literal blanked; lines stay where they are.
pub(crate) fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let length = skipped(&chars, at);
        for &char in &chars[at..at + length.max(1)] {
            out.push(if length == 0 || char == '\n' { char } else { ' ' });
        }
        at += length.max(1);
    }
    out
}

/// How many characters of comment or literal begin here; 0 for code.
fn skipped(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let within_word = at > 0 && is_word(chars[at - 1]);
    let until = |end: usize| end.min(rest.len());
    match rest {
        ['/', '/', ..] => rest.iter().position(|&char| char == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => until(block_comment(rest)),
        ['"', ..] => until(quoted(rest, 1)),
        ['r', '"' | '#', ..] if !within_word => raw(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !within_word => raw(rest, 2),
        ['\'', '\\', ..] => until(3 + rest.iter().skip(3).position(|&char| char == '\'').unwrap_or(rest.len()) + 1),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[char], mut at: usize) -> usize {
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// A raw string whose prefix letters end at `start`; 0 for a raw identifier.
fn raw(rest: &[char], start: usize) -> usize {
    let hashes = rest[start..].iter().take_while(|&&char| char == '#').count();
    if rest.get(start + hashes) != Some(&'"') {
        return 0;
    }
    let closes = |at: usize| rest[at] == '"' && rest.len() > at + hashes && rest[at + 1..=at + hashes].iter().all(|&char| char == '#');
    (start + hashes + 1..rest.len()).find(|&at| closes(at)).map_or(rest.len(), |at| at + hashes + 1)
}

/// The code with every item under `#[cfg(test)]` blanked.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for (start, end) in test_items(code) {
        let blank: String = code[start..end].chars().map(|char| if char == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Paths (of files, or of folders with a `/` at the end) that only tests compile: those of `#[cfg(test)] mod name;`.
pub(crate) fn test_files(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        let code = code(text);
        for (start, end) in test_items(&code) {
            let Some(name) = code[start..end].strip_suffix(';').and_then(|item| item.rsplit_once("mod ")).map(|(_, name)| name.trim())
            else {
                continue;
            };
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = match file {
                "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
                _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
            };
            found.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]);
        }
    }
    found
}

/// Byte ranges from `#[cfg(test)]` to the end of the item.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let starts = code.match_indices(ATTRIBUTE).map(|(start, _)| start);
    starts.map(|start| (start, item_end(code, start + ATTRIBUTE.len()).1)).collect()
}

/// From inside an item's head: where its body begins (if it has one) and where the item ends.
fn item_end(code: &str, from: usize) -> (Option<usize>, usize) {
    let (mut nested, mut braces, mut body) = (0_i32, 0_i32, None);
    for (at, char) in code[from..].char_indices().map(|(at, char)| (at + from, char)) {
        match char {
            '(' | '[' => nested += 1,
            ')' | ']' => nested -= 1,
            '{' => {
                body = body.or(Some(at));
                braces += 1;
            }
            '}' if braces == 1 => return (body, at + 1),
            '}' => braces -= 1,
            ';' if nested == 0 && braces == 0 => return (None, at + 1),
            _ => {}
        }
    }
    (body, code.len())
}

/// Name and length in lines, from `fn` to the closing brace, of every function with a body.
pub(crate) fn functions(code: &str) -> Vec<(String, usize)> {
    let heads = code.match_indices("fn ").filter(|&(at, _)| at == 0 || !code[..at].ends_with(is_word));
    let mut found = Vec::new();
    for (at, head) in heads {
        let name: String = code[at + head.len()..].chars().take_while(|&char| is_word(char)).collect();
        if let (false, (Some(_), end)) = (name.is_empty(), item_end(code, at)) {
            found.push((name, code[at..end].lines().count()));
        }
    }
    found
}

/// Lines (from 1) that contain one of the words, not as a part of a longer one.
pub(crate) fn words<'a>(code: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
    code.lines().zip(1..).flat_map(move |(line, number)| {
        let found = words.iter().filter(move |word| line.match_indices(**word).any(|(at, _)| whole(line, at, word)));
        found.map(move |word| (number, *word))
    })
}

fn whole(line: &str, at: usize, word: &str) -> bool {
    let before = word.starts_with(is_word) && line[..at].ends_with(is_word);
    let after = word.ends_with(is_word) && line[at + word.len()..].starts_with(is_word);
    !before && !after
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Files that do not begin by saying their job.
pub(crate) fn heads(files: &BTreeMap<String, String>) -> Vec<String> {
    let bad = files.iter().filter(|(_, text)| {
        text.lines().next().is_none_or(|line| line.trim_start_matches("//!").trim().len() < 10 || !line.starts_with("//!"))
    });
    bad.map(|(path, _)| format!("{path} does not begin with `//!` and its job")).collect()
}

/// Things above the limit that are not excepted, and exceptions that have become too generous.
pub(crate) fn ratchet(sizes: &BTreeMap<String, usize>, limit: usize, exceptions: &[(&str, usize)]) -> Vec<String> {
    let allowed = |name: &str| exceptions.iter().find(|(exception, _)| *exception == name).map_or(limit, |(_, size)| *size);
    let too_long = sizes.iter().filter(|(name, size)| **size > allowed(name));
    let mut problems: Vec<String> =
        too_long.map(|(name, size)| format!("{name} has {size} lines, allowed are {}", allowed(name))).collect();
    for (name, allowed) in exceptions {
        match sizes.get(*name) {
            Some(size) if *size > limit && size >= allowed => {}
            Some(size) if *size > limit => problems.push(format!("{name} shrank to {size}: lower its exception from {allowed}")),
            _ => problems.push(format!("{name} needs no exception any more: remove it")),
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<T: Clone>(entries: &[(&str, T)]) -> BTreeMap<String, T> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let source = "a /* x /* y */ z */ b // c\n\"d\\\"}\" e r#\"f\"}\"# g '}' '\\'' 'h b\"{\" br##\"}\"#\"## r#fn i '\\u{7d}' j";
        let code = code(source);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "e", "g", "'h", "b", "r#fn", "i", "j"]);
        assert_eq!(code.chars().count(), source.chars().count());
        assert_eq!(super::code("\"open"), "     ");
    }

    #[test]
    fn functions_are_measured() {
        let source = "fn a() {\n}\npub(crate) async fn b<T>(x: [u8; 4]) -> T\nwhere\n    T: Fn(u8),\n{\n    let s = \"}\";\n    fn c() {}\n}\n\
            trait D {\n    fn e();\n}\ntype F = fn (u8);\nconst fn_ : u8 = 0;\n";
        let found = functions(&code(source));
        assert_eq!(found, [("a".to_owned(), 2), ("b".to_owned(), 7), ("c".to_owned(), 1)]);
    }

    #[test]
    fn tests_are_left_out() {
        let source =
            "use x::Mutex;\n#[cfg(test)]\n#[path = \"a.rs\"]\nmod tests {\n    use y::Mutex;\n}\nunsafe {}\n#[cfg(test)]\nmod oracle;\n";
        let code = code(source);
        let found: Vec<_> = words(&without_tests(&code), &["Mutex", "unsafe"]).map(|(line, word)| format!("{line} {word}")).collect();
        assert_eq!(found, ["1 Mutex", "7 unsafe"]);
        let files = map(&[("relay/x/src/lib.rs", source.to_owned()), ("relay/x/src/y.rs", source.to_owned())]);
        assert_eq!(
            test_files(&files),
            ["relay/x/src/oracle.rs", "relay/x/src/oracle/", "relay/x/src/y/oracle.rs", "relay/x/src/y/oracle/"]
        );
    }

    #[test]
    fn words_are_whole() {
        let code = code("unsafe_code MutexGuard xMutex // Mutex\nstd::sync::Mutex::new(Instant::now(), \"unsafe\");x.await?");
        let found: Vec<_> = words(&code, &["Mutex", "unsafe", "Instant::now", ".await"]).collect();
        assert_eq!(found, [(2, "Mutex"), (2, "Instant::now"), (2, ".await")]);
    }

    #[test]
    fn files_without_a_head_are_found() {
        let files = map(&[
            ("good.rs", "//! Its one job.\n"),
            ("bare.rs", "use x;\n"),
            ("mute.rs", "//!\n"),
            ("empty.rs", ""),
            ("late.rs", "\n//! Its one job.\n"),
        ]);
        let files = files.into_iter().map(|(path, text)| (path, text.to_owned())).collect();
        assert_eq!(heads(&files).len(), 4);
    }

    #[test]
    fn the_ratchet_only_turns_one_way() {
        let sizes = map(&[("short", 10), ("long", 20), ("longer", 30)]);
        assert_eq!(ratchet(&sizes, 30, &[]), [""; 0]);
        assert_eq!(ratchet(&sizes, 20, &[("longer", 30)]), [""; 0]);
        assert_eq!(ratchet(&sizes, 20, &[]), ["longer has 30 lines, allowed are 20"]);
        assert_eq!(ratchet(&sizes, 20, &[("longer", 29)]), ["longer has 30 lines, allowed are 29"]);
        assert_eq!(ratchet(&sizes, 20, &[("longer", 31)]), ["longer shrank to 30: lower its exception from 31"]);
        assert_eq!(ratchet(&sizes, 30, &[("longer", 30)]), ["longer needs no exception any more: remove it"]);
        assert_eq!(ratchet(&sizes, 30, &[("gone", 40)]), ["gone needs no exception any more: remove it"]);
    }
}
