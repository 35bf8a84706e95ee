//! The instruction gate: runs one stage under valgrind's callgrind and reads how many instructions its marked part took.
//!
//! Time on a shared machine moves by tens of percent; instructions do not. What they do not show: cache misses, and the kernel.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::meter::{COUNTED, Meter};
use crate::stage::Stage;

/// Rounds that warm, and rounds that count.
const WARMING: usize = 3;
const COUNTING: usize = 5;

/// How a stage stands to the count it is held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Not above its count by more than the tolerance.
    Held,
    /// Below by more than the tolerance: worth taking over, so that it is not lost again.
    Less,
    /// Above by more than the tolerance.
    More,
    /// There is no count to hold it to.
    New,
}

impl Standing {
    /// Compares instructions per element; `tolerance` in percent.
    #[must_use]
    pub fn of(held: Option<f64>, now: f64, tolerance: f64) -> Self {
        let Some(held) = held else { return Self::New };
        let share = tolerance / 100.0;
        if now > held * (1.0 + share) {
            Self::More
        } else if now < held * (1.0 - share) {
            Self::Less
        } else {
            Self::Held
        }
    }

    /// The gate does not let it pass.
    #[must_use]
    pub fn fails(self) -> bool {
        matches!(self, Self::More | Self::New)
    }

    /// For the table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Less => "less: keep it with --accept",
            Self::More => "MORE",
            Self::New => "NO COUNT: --accept",
        }
    }
}

/// The part that runs under valgrind.
pub fn work(stage: &Stage) {
    let mut round = (stage.make)();
    let mut warming = Meter::warming();
    (0..WARMING).for_each(|_| round(&mut warming));
    let mut meter = Meter::default();
    (0..COUNTING).for_each(|_| round(&mut meter));
}

/// Runs this program again under callgrind with `--stage NAME`; gives instructions per element. `folder` takes callgrind's files, which
/// `callgrind_annotate` reads to show where they went.
///
/// # Errors
/// When valgrind is not installed, fails, or writes no total; the text says what to do.
pub fn count(stage: &Stage, folder: &Path) -> io::Result<f64> {
    let name: String = stage.name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect();
    let file = folder.join(format!("callgrind.{name}"));
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--toggle-collect={COUNTED}")).arg(format!("--callgrind-out-file={}", file.display()));
    let output =
        valgrind.arg(std::env::current_exe()?).args(["--stage", stage.name]).stdin(Stdio::null()).output().map_err(|error| match error
            .kind()
        {
            io::ErrorKind::NotFound => io::Error::other("valgrind is not installed: install the package of that name"),
            _ => error,
        })?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{} under valgrind: {}", stage.name, String::from_utf8_lossy(&output.stderr))));
    }
    let total = total(&fs::read_to_string(&file)?).filter(|total| *total > 0);
    let total = total.ok_or_else(|| io::Error::other(format!("{}: callgrind counted nothing, see {}", stage.name, file.display())))?;
    Ok(total as f64 / (COUNTING as u64 * stage.elements) as f64)
}

/// The total of a callgrind file.
fn total(text: &str) -> Option<u64> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
    value("totals:").or_else(|| value("summary:"))
}

/// `config/budgets.toml` with these counts; comments and everything else stay.
///
/// # Errors
/// When the text is not the file it should be.
pub fn accept(text: &str, counts: &[(&str, f64)]) -> io::Result<String> {
    let mut document: toml_edit::DocumentMut = text.parse().map_err(io::Error::other)?;
    let table = document.get_mut("instructions").and_then(|table| table.get_mut("counts")).and_then(toml_edit::Item::as_table_mut);
    let table = table.ok_or_else(|| io::Error::other("config/budgets.toml has no [instructions.counts]"))?;
    table.retain(|stage, _| counts.iter().any(|(name, _)| *name == stage));
    for (stage, count) in counts {
        table[*stage] = toml_edit::value(count.round() as i64);
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_fails_and_less_does_not() {
        for (held, now, standing, fails) in [
            (Some(100.0), 103.0, Standing::Held, false),
            (Some(100.0), 103.1, Standing::More, true),
            (Some(100.0), 97.0, Standing::Held, false),
            (Some(100.0), 90.0, Standing::Less, false),
            (None, 90.0, Standing::New, true),
        ] {
            assert_eq!((Standing::of(held, now, 3.0), Standing::of(held, now, 3.0).fails()), (standing, fails), "{held:?} {now}");
        }
    }

    #[test]
    fn callgrinds_totals_are_read() {
        assert_eq!(total("# callgrind format\nevents: Ir\nsummary: 12345\n\nfn=(1)\ntotals: 12346\n"), Some(12346));
        assert_eq!(total("events: Ir\nsummary: 7 8\n"), Some(7));
        assert_eq!(total("nothing"), None);
    }

    #[test]
    fn accepting_keeps_comments_and_drops_what_is_gone() {
        let text = "# kept\n[instructions]\ntolerance_percent = 3 # kept too\n[instructions.counts]\n'a/b' = 1\n'gone' = 2\n";
        let accepted = accept(text, &[("a/b", 99.6), ("new/c d", 5.0)]).unwrap();
        assert!(accepted.contains("# kept\n") && accepted.contains("# kept too"), "{accepted}");
        assert!(accepted.contains("'a/b' = 100") && accepted.contains("\"new/c d\" = 5") && !accepted.contains("gone"), "{accepted}");
        assert!(accept("", &[]).is_err());
    }
}
