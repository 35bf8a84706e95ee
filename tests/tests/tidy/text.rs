//! Files as they lie in the tree: the top level, READMEs, and names that belong to somebody's machine.

use std::collections::{BTreeMap, BTreeSet};

/// What is missing at the top level, and what should not be there.
pub(crate) fn top_level(tracked: &[String], expected: &[&str], dotfiles: &[&str]) -> Vec<String> {
    let found: BTreeSet<&str> = tracked.iter().filter_map(|path| path.split('/').next()).collect();
    let missing = expected.iter().filter(|name| !found.contains(*name)).map(|name| format!("{name} is missing"));
    let known = |name: &&&str| expected.contains(*name) || dotfiles.contains(*name);
    let strange = found.iter().filter(|name| !known(name)).map(|name| format!("{name} does not belong at the top"));
    missing.chain(strange).collect()
}

/// READMEs that are missing or too long.
pub(crate) fn readmes(readmes: &BTreeMap<String, Option<String>>, limit: usize, longer: &[(&str, usize)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in readmes {
        let limit = longer.iter().find(|(name, _)| name == path).map_or(limit, |(_, limit)| *limit);
        match text {
            None => problems.push(format!("{path} is missing")),
            Some(text) if text.lines().count() > limit => {
                problems.push(format!("{path} has {} lines, allowed are {limit}", text.lines().count()));
            }
            Some(text) if text.lines().count() < 3 => problems.push(format!("{path} says nothing")),
            Some(_) => {}
        }
    }
    problems
}

/// Lines that name a folder of somebody's machine. The names are put together here so that this file passes.
pub(crate) fn machine_paths(path: &str, text: &str) -> Vec<String> {
    const NAMES: &[&str] = &[
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("/tmp/", "brief"),
        concat!(".cargo/", "registry"),
    ];
    let mut problems = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let found = NAMES.iter().find(|name| line.match_indices(**name).any(|(at, _)| begins_a_path(line, at)));
        problems.extend(found.map(|name| format!("{path}:{number} names {name}")));
    }
    problems
}

/// Whether the match begins a path, instead of lying within a relative one or an address.
fn begins_a_path(line: &str, at: usize) -> bool {
    !line[..at].ends_with(|char: char| char.is_alphanumeric() || matches!(char, '.' | '_' | '-' | '}' | '~' | '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_level_is_exact() {
        let tracked = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        assert_eq!(top_level(&tracked(&["a/x.rs", "a/y.rs", "b", ".c/z"]), &["a", "b"], &[".c", ".d"]), [""; 0]);
        assert_eq!(top_level(&tracked(&["a/x.rs"]), &["a", "b"], &[]), ["b is missing"]);
        assert_eq!(top_level(&tracked(&["a", "notes/b"]), &["a"], &[]), ["notes does not belong at the top"]);
        assert_eq!(top_level(&tracked(&["a", ".idea/b"]), &["a"], &[".ci"]), [".idea does not belong at the top"]);
    }

    #[test]
    fn readmes_are_there_and_short() {
        let one = |text: Option<&str>| BTreeMap::from([("x/README.md".to_owned(), text.map(str::to_owned))]);
        assert_eq!(readmes(&one(Some("1\n2\n3\n")), 3, &[]), [""; 0]);
        assert_eq!(readmes(&one(Some("1\n2\n3\n4\n")), 3, &[("x/README.md", 4)]), [""; 0]);
        assert_eq!(readmes(&one(Some("1\n2\n3\n4\n")), 3, &[]), ["x/README.md has 4 lines, allowed are 3"]);
        assert_eq!(readmes(&one(None), 3, &[]), ["x/README.md is missing"]);
        assert_eq!(readmes(&one(Some("# x\n")), 3, &[]), ["x/README.md says nothing"]);
    }

    #[test]
    fn machine_paths_are_found() {
        for bad in
            [concat!("see /wo", "rk/main"), concat!("\"/ho", "me/ada/x\""), concat!("~/.cargo/", "registry/src"), concat!("(/ro", "ot/x)")]
        {
            assert_eq!(machine_paths("x", bad).len(), 1, "{bad}");
        }
        for good in [concat!("tests/wo", "rk/x"), concat!("https://example.com/ho", "me/"), "/worker/", "/usr/bin/chromium"] {
            assert_eq!(machine_paths("x", good).len(), 0, "{good}");
        }
    }
}
