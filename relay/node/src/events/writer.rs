//! The one task that writes the log: whatever waits becomes one transaction, and is told when it is safe.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use worker::event::RoomEvent;

use super::hub::Shared;
use super::line::Draft;
use crate::clock::unix_millis;

/// Events in one transaction.
const GROUP: usize = 512;
/// Between two transactions. One costs as much as hundreds of events in it, and when many people come at once each brings a few; the first
/// event after a while is written at once.
const REST: Duration = Duration::from_millis(50);
/// How often old events go when no new ones push them out.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
/// How soon a transaction that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A failing disk is logged so often.
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// Writes until the queue is closed and empty.
pub(super) async fn run(shared: Arc<Shared>, mut queue: Receiver<RoomEvent>) {
    let mut tidy = interval(TIDY_EVERY);
    tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut group = Vec::with_capacity(GROUP);
    loop {
        let ended = tokio::select! {
            count = queue.recv_many(&mut group, GROUP) => count == 0,
            _ = tidy.tick() => {
                clean(&shared).await;
                false
            }
        };
        let more_wait = group.len() == GROUP;
        let mut drafts: Vec<Draft> = group.drain(..).map(|event| Draft::new(&event, &shared.names)).collect();
        drafts.extend(shared.take_lost(unix_millis()));
        let wrote = !drafts.is_empty();
        if wrote {
            write(&shared, drafts).await;
        }
        if ended {
            return;
        }
        if wrote && !more_wait {
            sleep(REST).await;
        }
    }
}

/// Tries until the disk takes it: what is not kept is not told either.
async fn write(shared: &Arc<Shared>, drafts: Vec<Draft>) {
    let drafts: Arc<[Draft]> = drafts.into();
    let mut complained: Option<Instant> = None;
    loop {
        let group = Arc::clone(&drafts);
        match shared.blocking(move |shared| shared.log.append(&group, unix_millis())).await {
            Ok(added) => {
                shared.counters.written.fetch_add(drafts.len() as u64, Ordering::Relaxed);
                shared.counters.transactions.fetch_add(1, Ordering::Relaxed);
                for (room, last) in &added.rooms {
                    shared.doors.wake(room, *last);
                }
                shared.grown.send_replace(added.position);
                return;
            }
            Err(error) => {
                shared.counters.failures.fetch_add(1, Ordering::Relaxed);
                if complained.is_none_or(|at| at.elapsed() > COMPLAIN_EVERY) {
                    complained = Some(Instant::now());
                    tracing::error!(%error, "events cannot be written; trying again");
                }
                sleep(AGAIN_AFTER).await;
                reopen(shared).await;
            }
        }
    }
}

async fn clean(shared: &Arc<Shared>) {
    let tidied = shared.blocking(|shared| {
        shared.log.append(&[], unix_millis())?;
        shared.log.forget_rooms(unix_millis())
    });
    if let Err(error) = tidied.await {
        tracing::warn!(%error, "old events could not be removed");
        reopen(shared).await;
    }
}

/// A database that failed takes nothing more until it is opened again. That fails as long as the disk does, which the next write says.
async fn reopen(shared: &Arc<Shared>) {
    let _ = shared.blocking(|shared| shared.log.reopen()).await;
}
