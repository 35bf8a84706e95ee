//! Whether the model held: the largest piece of a plan that a machine carries, and a run of it against what was predicted.

use serde::Serialize;

use super::Plan;
use super::calibration::Uncalibrated;
use super::costs::Interval;
use super::media::Load;
use super::profile::Profile;
use crate::summary::{SCHEMA, Summary};

/// Packets a second, sent and received, that one core of a generator handles without being late: half of what it must reach.
const GENERATOR_PACKETS: f64 = 50_000.0;
/// A prediction holds within this share of it, or within its own interval if that is wider.
const TOLERANCE: f64 = 0.15;
/// Length of the measured part, seconds: enough blocks of the series to see noise, short enough to be run often.
const SECONDS: u32 = 60;
/// Fewer meetings are no mix.
const LEAST_MEETINGS: u32 = 2;
/// More meetings than this are not one machine's.
const MOST_MEETINGS: u32 = 100_000;
/// IPv4 and UDP headers, which a client's count of bytes does not see, bits.
const OUTER_BITS: f64 = 28.0 * 8.0;

/// So many meetings of one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct MeetingSize {
    /// People in each.
    pub people: u32,
    /// How many such meetings.
    pub meetings: u32,
}

/// A run that shows whether a plan holds: the `visits` scenario with these meetings open throughout.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct VerifyLoad {
    /// Meetings open at any time.
    pub meetings: u32,
    /// Their sizes, shared out exactly as the plan's mix has them.
    pub sizes: Vec<MeetingSize>,
    /// People at any time.
    pub people: u32,
    /// Meetings that end and are followed by a new one of the same size, each second.
    pub openings_per_second: f64,
    /// Measured part, seconds; people have all joined before it begins.
    pub seconds: u32,
    /// Share of the whole plan's meetings.
    pub scale: f64,
    /// Cores for the server; the generator gets the others.
    pub server_cores: f64,
    /// What each second should carry.
    pub load: Load,
    /// Cores that should take.
    pub cores: Interval,
    /// Memory that should take, bytes.
    pub memory: Interval,
    /// Rates of media, and everything else that was assumed.
    #[serde(skip)]
    pub profile: Profile,
}

/// The largest piece of a plan that a machine with so many cores carries, server and generator together: each gets half, the
/// server is loaded to what the plan allows, the generator to half of what it can.
#[must_use]
pub fn verify_load(plan: &Plan, cores: u32) -> VerifyLoad {
    let half = f64::from(cores.max(1)) / 2.0;
    let candidate = |meetings: u32| of_meetings(plan, meetings, half);
    let fits = |meetings: u32| {
        let load = candidate(meetings);
        load.cores.high <= half * plan.profile.core_load && load.load.packets_in + load.load.packets_out <= half * GENERATOR_PACKETS
    };
    let most = (plan.figures.concurrent.high.ceil() as u32).clamp(LEAST_MEETINGS, MOST_MEETINGS);
    let (mut least, mut above) = (LEAST_MEETINGS, most + 1);
    while above - least > 1 {
        let middle = least + (above - least) / 2;
        if fits(middle) {
            least = middle;
        } else {
            above = middle;
        }
    }
    candidate(least)
}

fn of_meetings(plan: &Plan, meetings: u32, server_cores: f64) -> VerifyLoad {
    let profile = &plan.profile;
    let sizes = share_out(plan, meetings);
    let load = sizes.iter().fold(Load::default(), |sum, size| sum + Load::of_meeting(profile, size.people) * f64::from(size.meetings));
    let openings = f64::from(meetings) / ((profile.minutes + profile.early_minutes) * 60.0);
    let joins = openings * load.people / f64::from(meetings);
    VerifyLoad {
        meetings,
        people: sizes.iter().map(|size| size.people * size.meetings).sum(),
        sizes,
        openings_per_second: openings,
        seconds: SECONDS,
        scale: f64::from(meetings) / plan.figures.concurrent.high.max(1.0),
        server_cores,
        load,
        cores: plan.costs.cores(|prices| prices.cores(&load, joins, plan.costs.ingress_weight)),
        memory: plan.costs.memory(load.people),
        profile: profile.clone(),
    }
}

/// Whole meetings of each size: the largest remainders get what rounding down leaves.
fn share_out(plan: &Plan, meetings: u32) -> Vec<MeetingSize> {
    let mut parts: Vec<(MeetingSize, f64)> = plan
        .sizes
        .iter()
        .map(|(people, share)| {
            let exact = share * f64::from(meetings);
            (MeetingSize { people, meetings: exact as u32 }, exact.fract())
        })
        .collect();
    let given: u32 = parts.iter().map(|(size, _)| size.meetings).sum();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts.iter_mut().take(meetings.saturating_sub(given) as usize).for_each(|(size, _)| size.meetings += 1);
    let mut sizes: Vec<_> = parts.into_iter().map(|(size, _)| size).filter(|size| size.meetings > 0).collect();
    sizes.sort_by_key(|size| size.people);
    sizes
}

/// A run against its prediction.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verification {
    /// Share of the whole plan's meetings that was run.
    pub scale: f64,
    /// Each quantity.
    pub rows: Vec<Compared>,
    /// Whether all of them held.
    pub held: bool,
}

/// One quantity.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Compared {
    /// `people`, `packets_in`, `packets_out`, `bits_out`, `cores`, `cores_by_packets`, `memory`.
    pub what: &'static str,
    /// What the plan said.
    pub predicted: Interval,
    /// What was seen.
    pub measured: f64,
    /// Measured against predicted: 0.1 is 10 % more.
    pub error: f64,
    /// Within 15 %, or within the prediction's interval.
    pub held: bool,
}

impl Verification {
    /// Compares. Cores are asked twice: for the planned load, and for the packets that really flowed; if only the first is
    /// wrong, the mix of media is not the planned one, if both are, the prices are not.
    ///
    /// # Errors
    /// [`Uncalibrated`] when the run cannot be believed or did not watch the server.
    pub fn of(plan: &Plan, load: &VerifyLoad, run: &Summary) -> Result<Self, Uncalibrated> {
        if run.schema != SCHEMA {
            return Err(Uncalibrated::Schema(run.schema));
        }
        if let Some(why) = &run.generator.invalid {
            return Err(Uncalibrated::Invalid(why.clone()));
        }
        let server = run.server.as_ref().filter(|_| run.seconds > 0.0).ok_or(Uncalibrated::NoServer)?;
        let seconds = run.seconds;
        let packets_in = run.generator.packets_sent as f64 / seconds;
        let packets_out = run.generator.packets_received as f64 / seconds;
        let bits = run.series.iter().map(|second| second.bytes as f64 * 8.0).sum::<f64>() / run.series.len().max(1) as f64;
        let cores = server.core_seconds.unwrap_or(server.cpu_seconds) / seconds;
        let flowed = Load { people: run.clients.peak as f64, packets_in, packets_out, ..Load::default() };
        let joins = run.series.iter().map(|second| second.joins as f64).sum::<f64>() / seconds;
        let by_packets = plan.costs.cores(|prices| prices.cores(&flowed, joins, plan.costs.ingress_weight));
        let point = |value: f64| Interval { value, low: value, high: value };
        let rows = vec![
            compared("people", point(load.load.people), run.clients.peak as f64),
            compared("packets_in", point(load.load.packets_in), packets_in),
            compared("packets_out", point(load.load.packets_out), packets_out),
            compared("bits_out", point(load.load.bits_out - load.load.packets_out * OUTER_BITS), bits),
            compared("cores", load.cores, cores),
            compared("cores_by_packets", by_packets, cores),
            compared("memory", load.memory, server.memory_peak as f64),
        ];
        let held = rows.iter().all(|row| row.held);
        Ok(Self { scale: load.scale, rows, held })
    }
}

fn compared(what: &'static str, predicted: Interval, measured: f64) -> Compared {
    let error = if predicted.value > 0.0 { measured / predicted.value - 1.0 } else { 0.0 };
    let held = error.abs() <= TOLERANCE || (predicted.low..=predicted.high).contains(&measured);
    Compared { what, predicted, measured, error, held }
}

#[cfg(test)]
mod tests {
    use super::super::calibration::tests::run;
    use super::super::{Costs, Profile};
    use super::*;

    fn plan() -> Plan {
        let known = Profile { packet_us: 2.0, client_us: 300.0, join_us: 400.0, idle_cores: 0.01, ..Profile::default() };
        Plan::of(&known, &Costs::guessed(&known)).expect("it can be planned")
    }

    #[test]
    fn the_piece_fits_the_machine_and_grows_with_it_up_to_the_whole() {
        let plan = plan();
        let two = verify_load(&plan, 2);
        let eight = verify_load(&plan, 8);
        for load in [&two, &eight] {
            assert!(load.cores.high <= load.server_cores * 0.5);
            assert!(load.load.packets_in + load.load.packets_out <= load.server_cores * GENERATOR_PACKETS);
            assert_eq!(load.sizes.iter().map(|size| size.meetings).sum::<u32>(), load.meetings);
            assert!((f64::from(load.people) / f64::from(load.meetings) - 2.5).abs() < 0.15, "{load:?}");
        }
        assert!(two.meetings > 15 && eight.meetings > 3 * two.meetings);
        let whole = verify_load(&plan, 512);
        assert!((whole.scale - 1.0).abs() < 0.01, "never more than the plan: {}", whole.scale);
    }

    /// The run that the prediction describes, each figure off by a factor.
    fn measured(load: &VerifyLoad, packets: f64, price: f64) -> Summary {
        let work = 2.0 * (load.load.packets_out + 0.5 * load.load.packets_in) * packets;
        let cores = (work + 300.0 * load.load.people) / 1e6 * price + 0.01;
        let mut run = run(&[(load.load.packets_out * packets, load.load.packets_in * packets, load.load.people, 0.0, cores); 60]);
        run.clients.peak = u64::from(load.people);
        let bytes = (load.load.bits_out / 8.0 - load.load.packets_out * 28.0) * packets;
        run.series.iter_mut().for_each(|second| second.bytes = bytes as u64);
        run.server.as_mut().expect("watched").memory_peak = load.memory.value as u64;
        run
    }

    #[test]
    fn a_run_as_predicted_holds_and_each_kind_of_error_is_told_apart() {
        let plan = plan();
        let load = verify_load(&plan, 2);
        let verify = |packets, price| Verification::of(&plan, &load, &measured(&load, packets, price)).expect("believable");
        let failed = |found: &Verification| found.rows.iter().filter(|row| !row.held).map(|row| row.what).collect::<Vec<_>>();
        let exact = verify(1.0, 1.0);
        assert!(exact.held && exact.rows.iter().all(|row| row.error.abs() < 0.02), "{exact:?}");
        assert_eq!(failed(&verify(1.4, 1.0)), ["packets_in", "packets_out", "bits_out", "cores"], "another mix, the same prices");
        assert_eq!(failed(&verify(1.0, 1.4)), ["cores", "cores_by_packets"], "the planned mix, other prices");
    }

    #[test]
    fn a_run_that_cannot_be_believed_verifies_nothing() {
        let plan = plan();
        let load = verify_load(&plan, 2);
        let mut late = measured(&load, 1.0, 1.0);
        late.generator.invalid = Some("late".to_owned());
        assert_eq!(Verification::of(&plan, &load, &late), Err(Uncalibrated::Invalid("late".to_owned())));
        let mut unwatched = measured(&load, 1.0, 1.0);
        unwatched.server = None;
        assert_eq!(Verification::of(&plan, &load, &unwatched), Err(Uncalibrated::NoServer));
    }
}
