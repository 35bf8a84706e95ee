//! `loadgen compare`: whether run B was better or worse than run A.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use loadgen::report::{self, CompareError, Judged};
use loadgen::summary::Verdict;

/// Two runs.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// The folder or summary.json of the first run, as before a change
    a: PathBuf,
    /// Of the second, as after it
    b: PathBuf,
    /// Writes the comparison as JSON to this file; `-` is standard output, without the table
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Exit codes: nothing is worse 0, something is 99, a run is invalid 98, not comparable 2.
pub(super) fn run(args: &CompareArgs) -> Result<ExitCode, String> {
    let read = |path: &Path| report::read(path).map_err(|error| error.to_string());
    let comparison = match report::compare(&read(&args.a)?, &read(&args.b)?) {
        Ok(comparison) => comparison,
        Err(invalid @ CompareError::Invalid { .. }) => {
            eprintln!("loadgen: {invalid}");
            return Ok(ExitCode::from(Verdict::Invalid.exit_code()));
        }
        Err(other) => return Err(other.to_string()),
    };
    let json = serde_json::to_string_pretty(&comparison).map_err(|error| error.to_string())? + "\n";
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => super::print(&json)?,
        path => {
            super::print(&report::comparison_table(&comparison))?;
            path.map_or(Ok(()), |path| super::write(path, &json))?;
        }
    }
    let verdict = if comparison.judged == Judged::Worse { Verdict::Missed } else { Verdict::Pass };
    Ok(ExitCode::from(verdict.exit_code()))
}
