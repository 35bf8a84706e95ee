//! Real processes: the relay's binary, headless Chromium driven by WebDriver, and a bad network between them.

pub mod browser;
pub mod keys;
pub mod lossy;
pub mod page;
pub mod ports;
pub mod relay;

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

/// Browsers and media need the machine for themselves: only one test at a time is on stage.
pub async fn stage() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::const_new(());
    STAGE.lock().await
}

/// Asks until the answer is yes; panics with `what` when that takes longer than `limit`.
pub async fn eventually<F>(what: &str, limit: Duration, mut is_so: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(limit, asking).await.is_ok(), "{what}: not within {limit:?}");
}
