//! The figures of the last bench runs: criterion's medians, and what the tables of `forward`, `engine` and `rooms` say beside them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Figures by name: ns for what is timed, plain numbers for ratios.
pub type Figures = BTreeMap<String, f64>;

/// A figure of ours, as it lies in a file.
#[derive(Serialize, Deserialize)]
struct Recorded {
    name: String,
    value: f64,
}

/// What is read of criterion's `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

/// What is read of criterion's `estimates.json`.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The build's `target` folder: programs lie in `target/PROFILE`, benches and tests in `target/PROFILE/deps`.
///
/// # Errors
/// When the program was moved out of it.
pub fn target() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let profile = program.parent().and_then(|folder| if folder.ends_with("deps") { folder.parent() } else { Some(folder) });
    let found = profile.filter(|profile| profile.join("deps").is_dir()).and_then(Path::parent);
    found.map(Path::to_owned).ok_or_else(|| io::Error::other("this program does not lie in cargo's target folder: run it with `cargo run`"))
}

/// Where the verdict keeps what it remembers.
///
/// # Errors
/// As [`target`].
pub fn memory() -> io::Result<PathBuf> {
    Ok(target()?.join("budgets"))
}

/// Keeps a figure that criterion does not know, for the verdict.
///
/// # Errors
/// When it cannot be written.
pub fn record(name: &str, value: f64) -> io::Result<()> {
    let folder = memory()?.join("recorded");
    fs::create_dir_all(&folder)?;
    let file: String = name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
    let text = serde_json::to_string(&Recorded { name: name.to_owned(), value }).map_err(io::Error::other)?;
    fs::write(folder.join(file).with_extension("json"), text)
}

/// Everything that was measured last, under `target`.
///
/// # Errors
/// When a file is there and cannot be read, or is not what criterion 0.8 writes. Folders that are not there are no figures.
pub fn read(target: &Path) -> io::Result<Figures> {
    let mut figures = Figures::new();
    criterion(&target.join("criterion"), &mut figures)?;
    for file in entries(&target.join("budgets/recorded"))? {
        let recorded: Recorded = json(&file)?;
        figures.insert(recorded.name, recorded.value);
    }
    Ok(figures)
}

/// Criterion nests folders by group, function and parameter; `new` below each holds the last run.
fn criterion(folder: &Path, figures: &mut Figures) -> io::Result<()> {
    let last = folder.join("new");
    if last.join("estimates.json").is_file() {
        let benchmark: Benchmark = json(&last.join("benchmark.json"))?;
        let estimates: Estimates = json(&last.join("estimates.json"))?;
        figures.insert(benchmark.full_id, estimates.median.point_estimate);
    }
    for entry in entries(folder)?.into_iter().filter(|entry| entry.is_dir()) {
        criterion(&entry, figures)?;
    }
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A file as a value; the error names the file.
pub(crate) fn json<T: for<'a> Deserialize<'a>>(file: &Path) -> io::Result<T> {
    let named = |error: String| io::Error::other(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| named(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criterions_medians_and_recorded_figures_are_found() {
        let target = std::env::temp_dir().join(format!("figures-{}", std::process::id()));
        for (path, text) in [
            ("criterion/srtp/seal x/new/benchmark.json", r#"{"full_id":"srtp/seal x","group_id":"srtp"}"#),
            ("criterion/srtp/seal x/new/estimates.json", r#"{"median":{"point_estimate":371.5},"mean":{"point_estimate":9}}"#),
            ("criterion/srtp/seal x/base/estimates.json", r#"{"median":{"point_estimate":1}}"#),
            ("budgets/recorded/a.json", r#"{"name":"call/ratio","value":1.35}"#),
        ] {
            fs::create_dir_all(target.join(path).parent().unwrap()).unwrap();
            fs::write(target.join(path), text).unwrap();
        }
        let figures = read(&target).unwrap();
        assert_eq!(figures, Figures::from([("srtp/seal x".to_owned(), 371.5), ("call/ratio".to_owned(), 1.35)]));
        fs::write(target.join("budgets/recorded/a.json"), "{").unwrap();
        assert!(read(&target).unwrap_err().to_string().contains("a.json"), "the error names the file");
        fs::remove_dir_all(&target).unwrap();
        assert_eq!(read(&target).unwrap(), Figures::new());
    }
}
