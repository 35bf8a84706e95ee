//! Other work on the core that the generator may use, so that it is saturated on a fast machine as on a slow one.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Threads that never rest, on one core with whatever the thread that made them starts. They end when dropped.
pub(crate) struct Neighbours {
    threads: Vec<JoinHandle<()>>,
    ended: Arc<AtomicBool>,
    before: CpuSet,
}

impl Neighbours {
    pub(crate) fn on_one_core(count: usize) -> Self {
        let before = sched_getaffinity(None).expect("a thread knows its cores");
        let first = (0..CpuSet::MAX_CPU).find(|core| before.is_set(*core)).expect("a core to run on");
        let mut one = CpuSet::new();
        one.set(first);
        // Threads and processes begin on the cores of the thread that starts them.
        sched_setaffinity(None, &one).expect("a thread may choose among its cores");
        let ended = Arc::new(AtomicBool::new(false));
        let busy = || {
            let ended = Arc::clone(&ended);
            spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    spin_loop();
                }
            })
        };
        Self { threads: (0..count).map(|_| busy()).collect(), ended, before }
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let _ = sched_setaffinity(None, &self.before);
    }
}
