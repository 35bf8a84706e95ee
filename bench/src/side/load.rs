//! What is played against each server, and how the generator is called.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use loadgen::report::{self, ReportError};
use loadgen::scenario::LAST_CALL;
use loadgen::side::Load;
use loadgen::summary::Summary;

use super::cores::{pinned, pinned_idle};
use super::server::Started;
use super::{Plan, program};

/// Seconds of the storm: two of joins, then enough quiet ones to know what media cost.
const STORM: u32 = 7;

/// Steady media: nobody comes or goes while it is measured.
pub(super) fn media(load: &Load) -> Vec<String> {
    let mut arguments =
        words(&["--scenario", "meeting", "--set", "settle_seconds=3.0", "--set", "screen_share=0.0", "--set", "mid_kbps=500.0"]);
    arguments.extend(words(&["--set", "high_people=0", "--set", "mid_people=33", "--for", &format!("{}s", load.seconds)]));
    arguments.extend(rooms(load.meetings, load.people));
    arguments
}

/// Others who come and go beside the media, and nobody else; as long as those are measured.
fn passers(load: &Load) -> Vec<String> {
    let passers = format!("passers_per_second={}.0", load.passers_per_second());
    words(&["--scenario", "meeting", "--set", "settle_seconds=3.0", "--set", "meetings=0", "--set", &passers])
        .into_iter()
        // Nobody comes in the last seconds of a run: those are beyond the end of the media.
        .chain(words(&["--for", &format!("{}s", load.seconds + LAST_CALL.as_secs() as u32)]))
        .collect()
}

/// Everybody joins within two seconds. Only hosts have cameras, and small pictures: it is about joins.
pub(super) fn joins(load: &Load) -> Vec<String> {
    let mut arguments =
        words(&["--scenario", "join-storm", "--set", "high_people=0", "--set", "mid_people=0", "--set", "camera_share=0.0"]);
    arguments.extend(words(&["--for", &format!("{STORM}s")]));
    arguments.extend(rooms(load.storm_meetings(), load.people));
    arguments
}

fn rooms(meetings: u32, people: u32) -> Vec<String> {
    let (meetings, people) = (meetings.to_string(), people.to_string());
    let mut arguments = words(&["--meetings", &meetings, "--people", &people, "--set", "simulcast=false", "--set", "mutes_per_minute=0.0"]);
    arguments.extend(words(&["--set", "one_way_share=0.0", "--set", "waiting_share=0.0"]));
    arguments
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// Plays once against a server; what came of it, or why nothing did, in words.
pub(super) fn play(plan: &Plan, server: &Started, folder: &Path, arguments: &[String]) -> Result<Summary, String> {
    let mut command = pinned(plan.generator_core, program(plan, "loadgen"));
    // The figures are of the time in which the machine was calm, and say themselves whether the generator was late then.
    command.args(["run", "--poll", "--max-lateness", "1s", "--pid", &server.pid().to_string()]);
    finish(begin(command, server, folder, arguments)?, folder)
}

/// Plays media once more while others pass through: both runs. Those others have a generator of their own, for one that shakes hands for
/// a newcomer sends and reads nobody's media meanwhile: half a millisecond at P99, five times what is asked about. It works on the
/// server's core while the server leaves that alone: of two cores there is no third, and the generator of the media polls.
pub(super) fn play_beside_joins(plan: &Plan, server: &Started, [folder, beside]: [&Path; 2]) -> Result<[Summary; 2], String> {
    let mut command = pinned_idle(plan.server_core, program(plan, "loadgen"));
    // At idle priority it is late, and its own latencies are not asked for.
    command.args(["run", "--max-lateness", "1s"]);
    let others = begin(command, server, beside, &passers(&plan.load))?;
    let played = play(plan, server, folder, &media(&plan.load));
    // Also where the other one failed: nobody may be left who loads the next run.
    let others = finish(others, beside);
    Ok([played?, others?])
}

fn begin(mut command: Command, server: &Started, folder: &Path, arguments: &[String]) -> Result<Child, String> {
    command
        .args(["--threads", "1", "--out"])
        .arg(folder)
        .args(server.way_in())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("loadgen does not start: {error}"))
}

fn finish(generator: Child, folder: &Path) -> Result<Summary, String> {
    let output = generator.wait_with_output().map_err(|error| format!("loadgen was lost: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    report::read(folder).map_err(|error| match error {
        // It wrote nothing, and has said why.
        ReportError::File { .. } => last_line(&said),
        other => other.to_string(),
    })
}

/// The last thing that was said, or that nothing was.
fn last_line(said: &str) -> String {
    said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("the generator said nothing").to_owned()
}
