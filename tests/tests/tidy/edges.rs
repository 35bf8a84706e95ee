//! Dependency edges: which crate imports which, and what the tables say about it.

use cargo_metadata::{DependencyKind, Metadata};

/// One dependency of a workspace member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Only for tests, benches and examples.
    pub(crate) dev: bool,
    /// The dependency is a workspace member, too.
    pub(crate) ours: bool,
}

/// What a workspace member may import of the others; `"*"` is everything.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) normal: &'static [&'static str],
    /// In addition, for tests.
    pub(crate) dev: &'static [&'static str],
}

/// Crates that some members must not import.
pub(crate) struct Ban {
    pub(crate) from: &'static [&'static str],
    /// Names; a trailing `*` stands for any ending.
    pub(crate) to: &'static [&'static str],
    /// Not for tests either.
    pub(crate) dev_too: bool,
    pub(crate) why: &'static str,
}

/// All edges of the workspace. Build dependencies count as normal ones: they run on the way to the product.
pub(crate) fn of(metadata: &Metadata) -> Vec<Edge> {
    let members = metadata.workspace_packages();
    let ours = |name: &str| members.iter().any(|member| member.name == name);
    let edges = members.iter().flat_map(|member| member.dependencies.iter().map(move |dependency| (member, dependency)));
    edges
        .map(|(member, dependency)| Edge {
            from: member.name.to_string(),
            to: dependency.name.clone(),
            dev: dependency.kind == DependencyKind::Development,
            ours: ours(&dependency.name),
        })
        .collect()
}

/// Edges between members that the layers do not allow, and members that no layer names.
pub(crate) fn layers(layers: &[Layer], edges: &[Edge]) -> Vec<String> {
    let mut problems = Vec::new();
    for edge in edges {
        let Some(layer) = layers.iter().find(|layer| layer.name == edge.from) else {
            problems.push(format!("{} has no layer", edge.from));
            continue;
        };
        let among = |allowed: &[&str]| allowed.iter().any(|&name| name == "*" || name == edge.to);
        if edge.ours && !(among(layer.normal) || edge.dev && among(layer.dev)) {
            problems.push(format!("{} must not import {}{}", edge.from, edge.to, if edge.dev { ", even in tests" } else { "" }));
        }
    }
    problems.dedup();
    problems
}

/// Edges that a ban forbids.
pub(crate) fn bans(bans: &[Ban], edges: &[Edge]) -> Vec<String> {
    let mut problems = Vec::new();
    for edge in edges {
        let hit = |ban: &&Ban| {
            ban.from.contains(&edge.from.as_str()) && (ban.dev_too || !edge.dev) && ban.to.iter().any(|name| matches(name, &edge.to))
        };
        problems.extend(bans.iter().filter(hit).map(|ban| format!("{} must not import {}: {}", edge.from, edge.to, ban.why)));
    }
    problems
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |stem| name.starts_with(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, dev: bool, ours: bool) -> Edge {
        Edge { from: from.to_owned(), to: to.to_owned(), dev, ours }
    }

    const TABLE: &[Layer] = &[
        Layer { name: "low", normal: &[], dev: &[] },
        Layer { name: "high", normal: &["low"], dev: &["side"] },
        Layer { name: "side", normal: &["*"], dev: &[] },
    ];

    #[test]
    fn forbidden_layers_are_found() {
        let good = [
            edge("high", "low", false, true),
            edge("high", "side", true, true),
            edge("side", "high", false, true),
            edge("low", "serde", false, false),
        ];
        assert_eq!(layers(TABLE, &good), [""; 0]);
        for (bad, problem) in [
            (edge("low", "high", false, true), "low must not import high"),
            (edge("low", "high", true, true), "low must not import high, even in tests"),
            (edge("high", "side", false, true), "high must not import side"),
            (edge("new", "serde", false, false), "new has no layer"),
        ] {
            assert_eq!(layers(TABLE, &[bad]), [problem]);
        }
    }

    #[test]
    fn forbidden_crates_are_found() {
        let table = [
            Ban { from: &["low"], to: &["tokio*"], dev_too: true, why: "no async" },
            Ban { from: &["low"], to: &["rand"], dev_too: false, why: "no dice" },
        ];
        let external = |to, dev| edge("low", to, dev, false);
        assert_eq!(bans(&table, &[external("rand", true), external("rand_core", false), edge("high", "tokio", false, false)]), [""; 0]);
        assert_eq!(bans(&table, &[external("rand", false)]), ["low must not import rand: no dice"]);
        assert_eq!(bans(&table, &[external("tokio-util", true)]), ["low must not import tokio-util: no async"]);
    }
}
