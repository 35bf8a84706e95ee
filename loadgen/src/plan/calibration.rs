//! Costs from measured runs: least squares over blocks of seconds, with intervals from resampling whole blocks.
//!
//! cores = packet price * work + client price * people + join price * joins + idle, no price below zero.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use thiserror::Error;

use super::costs::{Costs, Interval, Note, Origin, Prices};
use super::profile::Profile;
use crate::dice;
use crate::summary::{SCHEMA, Server, Summary};

/// Seconds that make one block: neighbours resemble each other, and a process's own clock is coarse within one second.
const BLOCK_SECONDS: usize = 5;
/// Fewer blocks than this fit one price only: what a packet costs, the rest as guessed.
const LEAST_BLOCKS: usize = 8;
/// Resamplings.
const DRAWS: usize = 400;
/// A price is fitted apart when this share of its column is not explained by the ones before: the sine of their angle.
const LEAST_APART: f64 = 0.03;
/// Where there is nothing to resample, what a repetition may show elsewhere: 30 % to each side.
const UNKNOWN: f64 = 0.3;
/// Columns of the fit.
const COLUMNS: usize = 4;

/// Why runs cannot be fitted.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Uncalibrated {
    /// None was given.
    #[error("no run was given")]
    NoRuns,
    /// A summary in another format.
    #[error("a summary has schema {0}, not {SCHEMA}")]
    Schema(u32),
    /// The generator was the bottleneck.
    #[error("a run is invalid: {0}")]
    Invalid(String),
    /// Nobody watched the server.
    #[error("a run did not watch the server's processor; run it on the server's machine, or give its metrics")]
    NoServer,
    /// Nothing flowed.
    #[error("a run forwarded nothing")]
    Nothing,
}

/// One block: what was asked for and what it took.
#[derive(Clone, Copy, Debug)]
struct Block {
    columns: [f64; COLUMNS],
    cores: f64,
}

/// Costs fitted to one run or several.
///
/// # Errors
/// [`Uncalibrated`] when a run cannot be believed or did not watch the server.
pub fn calibrate(profile: &Profile, runs: &[Summary]) -> Result<Costs, Uncalibrated> {
    if runs.is_empty() {
        return Err(Uncalibrated::NoRuns);
    }
    let mut blocks = Vec::new();
    let mut memory = Vec::new();
    for run in runs {
        let server = usable(run)?;
        blocks.extend(blocks_of(profile, run, server));
        memory.push((run.clients.peak as f64, server.memory_peak.saturating_sub(server.memory_idle) as f64, server.memory_idle as f64));
    }
    if blocks.iter().all(|block| block.columns[0] <= 0.0) {
        return Err(Uncalibrated::Nothing);
    }
    let guess = Prices::of(profile);
    let mut notes = Vec::new();
    let apart = if blocks.len() >= LEAST_BLOCKS { columns_apart(&blocks, &mut notes) } else { few_blocks(&mut notes) };
    let prices = fit(&blocks, &apart, &guess);
    let missed = residual(&blocks, &prices);
    let mut random = ChaCha8Rng::seed_from_u64(blocks.len() as u64);
    let draws = if blocks.len() >= LEAST_BLOCKS {
        let mut again = || (0..blocks.len()).map(|_| blocks[dice::index(&mut random, blocks.len())]).collect::<Vec<_>>();
        (0..DRAWS).map(|_| widened(&prices, &fit(&again(), &apart, &guess), blocks.len() - apart.len())).collect()
    } else {
        [1.0 - UNKNOWN, 1.0 + UNKNOWN].map(|factor| Prices { packet: prices.packet * factor, ..prices }).to_vec()
    };
    Ok(Costs {
        prices,
        client_kib: client_memory(&memory, &mut notes).times(1.0 / 1024.0),
        idle_mib: spread(&memory.iter().map(|(_, _, idle)| *idle).collect::<Vec<_>>()).times(1.0 / 1024.0 / 1024.0),
        origin: Origin::Measured { runs: runs.len(), blocks: blocks.len(), residual: missed, notes },
        ingress_weight: profile.ingress_weight,
        draws,
    })
}

fn usable(run: &Summary) -> Result<&Server, Uncalibrated> {
    if run.schema != SCHEMA {
        return Err(Uncalibrated::Schema(run.schema));
    }
    if let Some(why) = &run.generator.invalid {
        return Err(Uncalibrated::Invalid(why.clone()));
    }
    let server = run.server.as_ref().ok_or(Uncalibrated::NoServer)?;
    if server.cpu_seconds <= 0.0 || run.seconds <= 0.0 { Err(Uncalibrated::NoServer) } else { Ok(server) }
}

/// The run in blocks; as one block where nobody watched it second by second.
fn blocks_of(profile: &Profile, run: &Summary, server: &Server) -> Vec<Block> {
    // Where whole cores were watched, softirq time outside the process belongs to it as well.
    let whole = server.core_seconds.map_or(1.0, |core| (core / server.cpu_seconds).max(1.0));
    let watched = run.series.iter().any(|second| second.server_cpu > 0.0);
    if !watched {
        let work = server.forwarded as f64 + profile.ingress_weight * run.generator.packets_sent as f64;
        let columns = [work / run.seconds, run.clients.joined as f64, run.clients.joined as f64 / run.seconds, 1.0];
        return vec![Block { columns, cores: server.cpu_seconds / run.seconds * whole }];
    }
    let block = |seconds: &[crate::summary::Second]| {
        let mean = |of: &dyn Fn(&crate::summary::Second) -> f64| seconds.iter().map(of).sum::<f64>() / seconds.len() as f64;
        let work = mean(&|second| second.received as f64 + profile.ingress_weight * second.sent as f64);
        let columns = [work, mean(&|second| second.clients as f64), mean(&|second| second.joins as f64), 1.0];
        Block { columns, cores: mean(&|second| second.server_cpu) * whole }
    };
    run.series.chunks_exact(BLOCK_SECONDS).map(block).collect()
}

/// Which prices the runs can tell from each other.
fn columns_apart(blocks: &[Block], notes: &mut Vec<Note>) -> Vec<usize> {
    const NOTES: [Note; COLUMNS] = [Note::NoPackets, Note::ThisMixOnly, Note::JoinsAssumed, Note::IdleInOthers];
    let mut kept = Vec::new();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    // The constant before joins: a busy first block must not pass for the price of joining.
    for column in [0, 1, 3, 2] {
        let mut rest: Vec<f64> = blocks.iter().map(|block| block.columns[column]).collect();
        let length = norm(&rest);
        for direction in &basis {
            let along: f64 = rest.iter().zip(direction).map(|(a, b)| a * b).sum();
            rest.iter_mut().zip(direction).for_each(|(a, b)| *a -= along * b);
        }
        let left = norm(&rest);
        if length > 0.0 && left / length > LEAST_APART {
            basis.push(rest.into_iter().map(|value| value / left).collect());
            kept.push(column);
        } else {
            notes.push(NOTES[column]);
        }
    }
    kept
}

fn few_blocks(notes: &mut Vec<Note>) -> Vec<usize> {
    notes.push(Note::FewSeconds);
    vec![0]
}

/// A resampled fit, as far from the best one as few blocks deserve: resampling does not know that a fit follows its own data
/// (n against n minus prices) nor that few blocks have wide tails (Student against normal, to the first order at 90 %).
fn widened(best: &Prices, drawn: &Prices, freedom: usize) -> Prices {
    let freedom = freedom.max(1) as f64;
    let factor = ((freedom + COLUMNS as f64) / freedom).sqrt() * (1.0 + 0.93 / freedom);
    let wide = |best: f64, drawn: f64| (best + (drawn - best) * factor).max(0.0);
    Prices {
        packet: wide(best.packet, drawn.packet),
        client: wide(best.client, drawn.client),
        join: wide(best.join, drawn.join),
        idle: wide(best.idle, drawn.idle),
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Least squares with no price below zero: the best of all subsets of at most four columns.
fn fit(blocks: &[Block], apart: &[usize], guess: &Prices) -> Prices {
    let few = blocks.len() < LEAST_BLOCKS;
    // What is not fitted is taken as assumed (a join always, the others only where nothing else is known).
    let fixed = [0.0, if few { guess.client } else { 0.0 }, guess.join, if few { guess.idle } else { 0.0 }];
    let per_unit = [1e-6, 1e-6, 1e-6, 1.0];
    let mut base = [0.0; COLUMNS];
    (0..COLUMNS).filter(|column| !apart.contains(column)).for_each(|column| base[column] = fixed[column] * per_unit[column]);
    let missed = |prices: &[f64; COLUMNS]| blocks.iter().map(|block| (block.cores - predicted(block, prices)).powi(2)).sum::<f64>();
    let mut best = (f64::INFINITY, base);
    for subset in 1..1usize << apart.len() {
        let columns: Vec<usize> = (0..apart.len()).filter(|bit| subset & (1 << bit) != 0).map(|bit| apart[bit]).collect();
        let Some(solution) = solve(blocks, &columns, &base) else { continue };
        let error = missed(&solution);
        if solution.iter().all(|price| *price >= 0.0) && error < best.0 {
            best = (error, solution);
        }
    }
    let [packet, client, join, idle] = best.1;
    Prices { packet: packet * 1e6, client: client * 1e6, join: join * 1e6, idle }
}

fn predicted(block: &Block, prices: &[f64; COLUMNS]) -> f64 {
    block.columns.iter().zip(prices).map(|(value, price)| value * price).sum()
}

/// Normal equations over some columns, the others held at `base`; columns scaled to one length, by Gauss with pivots.
fn solve(blocks: &[Block], columns: &[usize], base: &[f64; COLUMNS]) -> Option<[f64; COLUMNS]> {
    let mut held = *base;
    columns.iter().for_each(|column| held[*column] = 0.0);
    let scale: Vec<f64> =
        columns.iter().map(|column| norm(&blocks.iter().map(|block| block.columns[*column]).collect::<Vec<_>>())).collect();
    if scale.iter().any(|scale| *scale <= 0.0) {
        return None;
    }
    let size = columns.len();
    let mut rows = vec![vec![0.0; size + 1]; size];
    for block in blocks {
        let rest = block.cores - predicted(block, &held);
        for (i, row) in rows.iter_mut().enumerate() {
            let left = block.columns[columns[i]] / scale[i];
            for j in 0..size {
                row[j] += left * block.columns[columns[j]] / scale[j];
            }
            row[size] += left * rest;
        }
    }
    for pivot in 0..size {
        let best = (pivot..size).max_by(|a, b| rows[*a][pivot].abs().total_cmp(&rows[*b][pivot].abs()))?;
        rows.swap(pivot, best);
        if rows[pivot][pivot].abs() < 1e-9 {
            return None;
        }
        for row in 0..size {
            if row != pivot {
                let factor = rows[row][pivot] / rows[pivot][pivot];
                let from = rows[pivot].clone();
                rows[row].iter_mut().zip(&from).for_each(|(value, other)| *value -= factor * other);
            }
        }
    }
    let mut solution = held;
    (0..size).for_each(|index| solution[columns[index]] = rows[index][size] / rows[index][index] / scale[index]);
    Some(solution)
}

/// Root mean square of what is missed, against the mean.
fn residual(blocks: &[Block], prices: &Prices) -> f64 {
    let prices = [prices.packet / 1e6, prices.client / 1e6, prices.join / 1e6, prices.idle];
    let square = blocks.iter().map(|block| (block.cores - predicted(block, &prices)).powi(2)).sum::<f64>() / blocks.len() as f64;
    let mean = blocks.iter().map(|block| block.cores).sum::<f64>() / blocks.len() as f64;
    if mean > 0.0 { square.sqrt() / mean } else { 0.0 }
}

/// Memory of a person, bytes, from each run's growth.
fn client_memory(runs: &[(f64, f64, f64)], notes: &mut Vec<Note>) -> Interval {
    if runs.len() == 1 {
        notes.push(Note::OneMemory);
    }
    spread(&runs.iter().map(|(clients, grown, _)| grown / clients.max(1.0)).collect::<Vec<_>>())
}

/// Mean and ends of a few values; of one, with the scatter that is assumed.
fn spread(values: &[f64]) -> Interval {
    let value = values.iter().sum::<f64>() / values.len().max(1) as f64;
    if values.len() < 2 {
        return Interval { value, low: value * (1.0 - UNKNOWN), high: value * (1.0 + UNKNOWN) };
    }
    Interval::around(value, values.to_vec())
}

#[cfg(test)]
#[path = "calibration_tests.rs"]
pub(super) mod tests;
