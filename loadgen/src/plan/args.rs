//! The flags of `plan` and `find-capacity`; each assumption is a flag, made from the table of assumptions.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::capacity::Search;
use super::profile::{ASSUMPTIONS, Profile};

/// `loadgen plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// What is assumed.
    #[command(flatten)]
    pub assumptions: Assumptions,
    /// Take costs from a measured run's summary.json instead of guessing; give it again for more runs.
    #[arg(long, value_name = "SUMMARY")]
    pub calibrate: Vec<PathBuf>,
    /// Say which piece of the plan this machine carries, run that, and say whether the model held.
    #[arg(long)]
    pub verify: bool,
    /// With --verify: compare with the summary.json of a run of that piece, instead of running it.
    #[arg(long, value_name = "SUMMARY", requires = "verify")]
    pub measured: Option<PathBuf>,
    /// With --verify: cores of the machine, server and generator together; without it those of this one.
    #[arg(long, value_name = "CORES", requires = "verify")]
    pub machine_cores: Option<u32>,
    /// Write the plan as JSON, to standard output for `-`.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with pictures, in English and Danish.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// The search's own flags of `loadgen find-capacity`; target, scenario and thresholds are those of a run.
#[derive(Clone, Debug, Args)]
pub struct FindCapacityArgs {
    /// First load.
    #[arg(long, value_name = "LOAD", default_value_t = Search::default().start, value_parser = clap::value_parser!(u64).range(1..))]
    pub start: u64,
    /// Greatest load to try.
    #[arg(long, value_name = "LOAD", default_value_t = Search::default().limit, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// How narrowly to bracket the knee: 0.05 is 5 %.
    #[arg(long, value_name = "SHARE", default_value_t = Search::default().precision, value_parser = precision)]
    pub precision: f64,
    /// Runs at the knee; most of them must hold.
    #[arg(long, value_name = "RUNS", default_value_t = Search::default().confirmations, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub confirmations: u32,
}

impl FindCapacityArgs {
    /// The search they ask for.
    #[must_use]
    pub fn search(&self) -> Search {
        Search { start: self.start, limit: self.limit, precision: self.precision, confirmations: self.confirmations }
    }
}

fn precision(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.005..=0.5).contains(&value) { Ok(value) } else { Err(format!("{value} is not within 0.005 to 0.5")) }
}

/// Every assumption as a flag.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Assumptions {
    /// Their values.
    pub profile: Profile,
    /// Flags that were given: those are believed more than measurements.
    pub given: Vec<&'static str>,
}

impl FromArgMatches for Assumptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut assumptions = Self::default();
        assumptions.update_from_arg_matches(matches)?;
        Ok(assumptions)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for row in ASSUMPTIONS {
            if let Some(value) = matches.get_one::<f64>(row.flag) {
                row.set(&mut self.profile, *value).map_err(|refused| clap::Error::raw(clap::error::ErrorKind::ValueValidation, refused))?;
                self.given.push(row.flag);
            }
        }
        Ok(())
    }
}

impl Args for Assumptions {
    fn augment_args(command: Command) -> Command {
        ASSUMPTIONS.iter().fold(command, |command, row| {
            let unit = if row.unit.is_empty() { "NUMBER" } else { row.unit };
            let (least, most) = row.allowed;
            let parse = move |text: &str| -> Result<f64, String> {
                let value = text.parse().map_err(|_| "not a number".to_owned())?;
                row.check(value).map(|()| value).map_err(|refused| refused.0)
            };
            let help = format!("{} [default: {}; {least} to {most}]", row.english, row.default);
            command.arg(Arg::new(row.flag).long(row.flag).value_name(unit).value_parser(parse).help(help).help_heading("Assumptions"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        plan: PlanArgs,
    }

    #[test]
    fn every_assumption_is_a_flag_and_a_wrong_one_a_usage_error() {
        for row in ASSUMPTIONS {
            let value = row.likely.1.to_string();
            let cli = Cli::try_parse_from(["plan", &format!("--{}", row.flag), &value]).expect("allowed");
            assert_eq!(row.of(&cli.plan.assumptions.profile), row.likely.1);
            assert_eq!(cli.plan.assumptions.given, [row.flag]);
            let beyond = (row.allowed.1 * 2.0).to_string();
            let error = Cli::try_parse_from(["plan", &format!("--{}", row.flag), &beyond]).expect_err("beyond");
            assert!(error.to_string().contains("is not within"), "{error}");
        }
        assert_eq!(Cli::try_parse_from(["plan"]).expect("all have defaults").plan.assumptions, Assumptions::default());
        assert!(Cli::try_parse_from(["plan", "--people", "many"]).is_err());
    }

    #[test]
    fn help_names_the_reason_and_the_range_of_each() {
        use clap::CommandFactory;
        let help = Cli::command().render_long_help().to_string();
        for row in ASSUMPTIONS {
            assert!(help.contains(&format!("--{} ", row.flag)) && help.contains(&format!("[default: {};", row.default)), "{}", row.flag);
        }
    }
}
