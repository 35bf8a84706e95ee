//! The dependencies against `.deny.toml`, in the syntax of cargo-deny, of which the parts used here are read: allowed licences with
//! exceptions by crate, allowed registries, forbidden crates and version ranges. Works offline; advisories that are known stand as ranges.

use cargo_metadata::Metadata;
use cargo_metadata::semver::{Version, VersionReq};
use toml_edit::{DocumentMut, Item, TableLike};

/// What `.deny.toml` says.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    licences: Vec<String>,
    /// Crate and one more licence allowed for it alone.
    exceptions: Vec<(String, String)>,
    registries: Vec<String>,
    /// Crate, forbidden versions, reason.
    forbidden: Vec<(String, VersionReq, String)>,
}

/// A dependency from outside the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    name: String,
    version: Version,
    licence: Option<String>,
    source: String,
}

impl Rules {
    /// # Panics
    /// When the file is not what the checks expect: a rule that cannot be read must not pass for one that is kept.
    pub(crate) fn parse(text: &str) -> Self {
        let document: DocumentMut = text.parse().expect(".deny.toml is TOML");
        let list = |section: &str, key: &str| {
            let entry = document.get(section).and_then(|section| section.get(key));
            entry.and_then(Item::as_array).unwrap_or_else(|| panic!("[{section}] has no list `{key}`"))
        };
        let strings = |section, key| list(section, key).iter().map(|value| value.as_str().expect("a string").to_owned()).collect();
        let tables = |section, key| list(section, key).iter().map(|value| value.as_inline_table().expect("a table"));
        let mut rules =
            Self { licences: strings("licenses", "allow"), registries: strings("sources", "allow-registry"), ..Self::default() };
        for exception in tables("licenses", "exceptions") {
            let licences = exception.get("allow").and_then(|value| value.as_array()).expect("an exception has `allow`");
            rules
                .exceptions
                .extend(licences.iter().map(|licence| (string(exception, "crate"), licence.as_str().expect("a string").to_owned())));
        }
        for ban in tables("bans", "deny") {
            let spec = string(ban, "crate");
            let (name, range) = spec.split_once(':').unwrap_or((&spec, "*"));
            rules.forbidden.push((name.to_owned(), VersionReq::parse(range).expect("a version range"), string(ban, "reason")));
        }
        rules
    }
}

fn string(table: &impl TableLike, key: &str) -> String {
    table.get(key).and_then(Item::as_str).unwrap_or_else(|| panic!("an entry without `{key}`")).to_owned()
}

/// Everything that comes from outside, for whatever platform.
pub(crate) fn packages(metadata: &Metadata) -> Vec<Package> {
    let outside = metadata.packages.iter().filter_map(|package| Some((package, package.source.as_ref()?)));
    outside
        .map(|(package, source)| Package {
            name: package.name.to_string(),
            version: package.version.clone(),
            licence: package.license.clone(),
            source: source.repr.clone(),
        })
        .collect()
}

/// Dependencies whose licence expression cannot be met by allowed licences.
pub(crate) fn licences(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        let excepted = |licence: &str| rules.exceptions.iter().any(|(name, own)| *name == package.name && own == licence);
        let allowed = |licence: &str| rules.licences.iter().any(|own| own == licence) || excepted(licence);
        if !package.licence.as_deref().is_some_and(|expression| met(expression, &allowed)) {
            problems.push(format!("{} {}: licence {:?} is not allowed", package.name, package.version, package.licence));
        }
    }
    let used = |name: &str| packages.iter().any(|package| package.name == name);
    problems.extend(rules.exceptions.iter().filter(|(name, _)| !used(name)).map(|(name, _)| format!("{name} is excepted and not used")));
    problems
}

/// Dependencies that come from elsewhere than the allowed registries.
pub(crate) fn sources(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let known = |source: &str| rules.registries.iter().any(|registry| source.strip_prefix("registry+") == Some(registry));
    let unknown = packages.iter().filter(|package| !known(&package.source));
    unknown.map(|package| format!("{} comes from {}", package.name, package.source)).collect()
}

/// Dependencies in a forbidden version.
pub(crate) fn versions(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        let hit = rules.forbidden.iter().filter(|(name, range, _)| *name == package.name && range.matches(&package.version));
        problems.extend(hit.map(|(_, _, reason)| format!("{} {}: {reason}", package.name, package.version)));
    }
    problems
}

/// Whether an SPDX expression (`/` is the old way to write OR) is true when exactly the allowed licences are.
fn met(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(&words, &mut at, allowed) == Some(true) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut value = both(words, at, allowed)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        value |= both(words, at, allowed)?;
    }
    Some(value)
}

fn both(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut value = one(words, at, allowed)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        value &= one(words, at, allowed)?;
    }
    Some(value)
}

fn one(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word == "(" {
        let value = either(words, at, allowed)?;
        *at += 1;
        return (words.get(*at - 1) == Some(&")")).then_some(value);
    }
    match words.get(*at..*at + 2) {
        Some(["WITH", exception]) => {
            *at += 2;
            Some(allowed(&format!("{word} WITH {exception}")))
        }
        _ => Some(allowed(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "gecko", allow = ["MPL-2.0"] }]
        [bans]
        deny = [{ crate = "hole:<1.2.3", reason = "leaks" }, { crate = "never", reason = "no" }]
        [sources]
        allow-registry = ["https://good.example/index"]
    "#;

    fn package(name: &str, version: &str, licence: &str, source: &str) -> Package {
        let version = Version::parse(version).expect("a version");
        Package {
            name: name.to_owned(),
            version,
            licence: Some(licence.to_owned()).filter(|text| !text.is_empty()),
            source: source.to_owned(),
        }
    }

    fn licensed(name: &str, licence: &str) -> Vec<Package> {
        vec![package(name, "1.0.0", licence, ""), package("gecko", "1.0.0", "MPL-2.0", "")]
    }

    #[test]
    fn licence_expressions_are_understood() {
        let rules = Rules::parse(DENY);
        for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(MIT OR GPL-3.0) AND Apache-2.0", "Apache-2.0 WITH LLVM-exception OR GPL-2.0"]
        {
            assert_eq!(licences(&rules, &licensed("x", good)), [""; 0], "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "MPL-2.0", "Apache-2.0 WITH Classpath", "(MIT", "MIT MIT", "OR", "MIT OR"] {
            assert_eq!(licences(&rules, &licensed("x", bad)).len(), 1, "{bad}");
        }
        assert_eq!(licences(&rules, &[package("x", "1.0.0", "MIT", "")]), ["gecko is excepted and not used"]);
    }

    #[test]
    fn foreign_sources_are_found() {
        let rules = Rules::parse(DENY);
        let from = |source| sources(&rules, &[package("x", "1.0.0", "MIT", source)]).len();
        assert_eq!(from("registry+https://good.example/index"), 0);
        assert_eq!(from("registry+https://bad.example/index"), 1);
        assert_eq!(from("git+https://good.example/index"), 1);
    }

    #[test]
    fn forbidden_versions_are_found() {
        let rules = Rules::parse(DENY);
        let found = |name, version| versions(&rules, &[package(name, version, "MIT", "")]);
        assert_eq!(found("hole", "1.2.3"), [""; 0]);
        assert_eq!(found("hole", "1.2.2"), ["hole 1.2.2: leaks"]);
        assert_eq!(found("never", "9.0.0"), ["never 9.0.0: no"]);
    }

    #[test]
    #[should_panic(expected = "[licenses] has no list `allow`")]
    fn a_rule_file_without_rules_is_no_rule_file() {
        let _ = Rules::parse("[licenses]\nexceptions = []\n");
    }
}
