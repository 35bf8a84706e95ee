//! `loadgen report`: makes a run's files from its summary again, and prints its table.

use std::path::PathBuf;
use std::process::ExitCode;

use loadgen::report;

/// A run's folder.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The folder that a run wrote, or its summary.json
    run: PathBuf,
    /// Where the files go; by default where the summary is
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Success means that the files were made; what the run's verdict was, the table says.
pub(super) fn run(args: &ReportArgs) -> Result<ExitCode, String> {
    let summary = report::read(&args.run).map_err(|error| error.to_string())?;
    let beside = if args.run.is_dir() { Some(args.run.as_path()) } else { args.run.parent() };
    let folder = args.out.as_deref().or(beside).unwrap_or_else(|| std::path::Path::new("."));
    let paths = report::write(folder, &summary).map_err(|error| error.to_string())?;
    super::print(&format!("{}\n{}\n", report::table(&summary), paths.page.display()))?;
    Ok(ExitCode::SUCCESS)
}
