//! `loadgen plan`: reads runs, plans, and writes table, JSON and page.

use std::path::Path;
use std::process::ExitCode;

use loadgen::plan::args::PlanArgs;
use loadgen::plan::{Costs, Plan, Verification, VerifyLoad, calibrate, page, table, verification_table, verify_load};
use loadgen::report;
use loadgen::summary::{Summary, Verdict};

use super::run::TargetArgs;
use super::{print, verify, write};

/// Plans. The exit code says whether a verified model held; without verification it is success.
pub(super) fn run(args: &PlanArgs, target: &TargetArgs) -> Result<ExitCode, String> {
    let plan = Plan::of(&args.assumptions.profile, &costs(args)?).map_err(|refused| refused.to_string())?;
    let load = args.verify.then(|| verify_load(&plan, args.machine_cores.unwrap_or_else(cores)));
    let verification = match (&load, &args.measured) {
        (Some(load), Some(path)) => Some(Verification::of(&plan, load, &summary(path)?).map_err(|error| error.to_string())?),
        (Some(load), None) if target.has_rooms() => {
            Some(Verification::of(&plan, load, &verify::play_load(load, target)?).map_err(|error| error.to_string())?)
        }
        _ => None,
    };
    let mut json = plan.json();
    if let Some(load) = &load {
        json["verify_load"] = serde_json::to_value(load).map_err(|error| error.to_string())?;
    }
    if let Some(verification) = &verification {
        json["verification"] = serde_json::to_value(verification).map_err(|error| error.to_string())?;
    }
    let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())? + "\n";
    let only_json = args.json.as_deref() == Some(Path::new("-"));
    if only_json {
        print(&json)?;
    } else {
        print(&text(&plan, load.as_ref(), verification.as_ref()))?;
        args.json.as_deref().map_or(Ok(()), |path| write(path, &json))?;
    }
    if let Some(path) = &args.html {
        write(path, &page(&plan, verification.as_ref()).map_err(|error| error.to_string())?)?;
    }
    let held = verification.is_none_or(|verification| verification.held);
    Ok(ExitCode::from(if held { Verdict::Pass } else { Verdict::Missed }.exit_code()))
}

/// Guesses, or what runs showed; a price that was given by flag is believed.
fn costs(args: &PlanArgs) -> Result<Costs, String> {
    let assumptions = &args.assumptions;
    let mut costs = if args.calibrate.is_empty() {
        Costs::guessed(&assumptions.profile)
    } else {
        let runs = args.calibrate.iter().map(|path| summary(path)).collect::<Result<Vec<_>, _>>()?;
        calibrate(&assumptions.profile, &runs).map_err(|error| error.to_string())?
    };
    assumptions.given.iter().for_each(|flag| costs.believe(&assumptions.profile, flag));
    Ok(costs)
}

fn text(plan: &Plan, load: Option<&VerifyLoad>, verification: Option<&Verification>) -> String {
    let mut text = table(plan);
    if let Some(load) = load {
        let sizes: Vec<String> = load.sizes.iter().map(|size| format!("{} of {}", size.meetings, size.people)).collect();
        text.push_str(&format!(
            "\nThis machine carries {} meetings at once ({:.0} % of the plan): {}; {} people, {:.0} packets/s in, {:.0} out, {:.2} cores ({:.2} to {:.2}).\n",
            load.meetings, load.scale * 100.0, sizes.join(", "), load.people, load.load.packets_in, load.load.packets_out,
            load.cores.value, load.cores.low, load.cores.high,
        ));
    }
    if let Some(verification) = verification {
        text.push('\n');
        text.push_str(&verification_table(verification));
    }
    text
}

fn summary(path: &Path) -> Result<Summary, String> {
    report::read(path).map_err(|error| error.to_string())
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}
