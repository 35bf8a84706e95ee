//! Which worker a room lives on. Nothing of the map's locks leaves this file: every method returns values.

use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use worker::command::RoomId;

/// The rooms of this node. A room is here from the first `enter` until its worker has forgotten it, so two workers never hold it at once and
/// what a worker remembers of a meeting (who was removed, who was deputy) is found by whoever comes back.
pub(crate) struct Registry {
    rooms: DashMap<RoomId, Placement>,
    /// How many rooms; kept beside the map, whose own count would lock it while an entry is held.
    count: AtomicUsize,
    /// Sessions per worker.
    load: Vec<AtomicUsize>,
    max_rooms: usize,
}

struct Placement {
    worker: usize,
    sessions: usize,
    /// Joins sent to the worker that it has not accounted for by closing the room.
    joins: u64,
}

/// One room as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoomEntry {
    /// Its id.
    pub room: RoomId,
    /// The worker it lives on.
    pub worker: usize,
    /// Sessions in it, counted from the request to join.
    pub sessions: usize,
}

/// The room is not here and may not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPlace;

impl Registry {
    /// For `workers` (at least one) workers and at most `max_rooms` rooms.
    #[must_use]
    pub(crate) fn new(workers: usize, max_rooms: usize) -> Self {
        let load = (0..workers.max(1)).map(|_| AtomicUsize::new(0)).collect();
        Self { rooms: DashMap::new(), count: AtomicUsize::new(0), load, max_rooms }
    }

    /// Counts a session into a room and says which worker has it. A new room goes to the worker with the fewest sessions, and only
    /// when `open_new` and the limit allow it; a room that everybody left counts as new for `open_new`. Every success must be followed by
    /// exactly one [`Registry::leave`] or [`Registry::withdraw`].
    ///
    /// # Errors
    /// [`NoPlace`].
    pub(crate) fn enter(&self, room: &RoomId, open_new: bool) -> Result<usize, NoPlace> {
        let worker = match self.rooms.entry(room.clone()) {
            Entry::Occupied(mut entry) => {
                let placement = entry.get_mut();
                if !open_new && placement.sessions == 0 {
                    return Err(NoPlace);
                }
                placement.sessions += 1;
                placement.joins += 1;
                placement.worker
            }
            Entry::Vacant(entry) => {
                if !open_new || !self.count_room() {
                    return Err(NoPlace);
                }
                let worker = self.least_loaded();
                entry.insert(Placement { worker, sessions: 1, joins: 1 });
                worker
            }
        };
        self.load[worker].fetch_add(1, Ordering::Relaxed);
        Ok(worker)
    }

    /// A session is over. The room stays until its worker has [closed](Registry::closed) it.
    pub(crate) fn leave(&self, room: &RoomId) {
        self.change(room, |placement, load| {
            if placement.sessions > 0 {
                placement.sessions -= 1;
                load.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }

    /// Undoes an [`Registry::enter`] of which the worker never heard.
    pub(crate) fn withdraw(&self, room: &RoomId) {
        self.change(room, |placement, load| {
            placement.sessions = placement.sessions.saturating_sub(1);
            placement.joins = placement.joins.saturating_sub(1);
            load.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// The worker has closed the room after this many joins. If more were sent, it is about to open it again.
    pub(crate) fn closed(&self, room: &RoomId, joins: u64) {
        self.change(room, |placement, _| placement.joins = placement.joins.saturating_sub(joins));
    }

    /// Changes a placement, and forgets the room when neither sessions nor joins are left.
    fn change(&self, room: &RoomId, change: impl FnOnce(&mut Placement, &AtomicUsize)) {
        let Entry::Occupied(mut entry) = self.rooms.entry(room.clone()) else { return };
        let load = &self.load[entry.get().worker];
        change(entry.get_mut(), load);
        if entry.get().sessions == 0 && entry.get().joins == 0 {
            entry.remove();
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The worker that has the room.
    #[must_use]
    pub(crate) fn worker_of(&self, room: &RoomId) -> Option<usize> {
        self.rooms.get(room).map(|placement| placement.worker)
    }

    /// All rooms with anybody in them, by id.
    #[must_use]
    pub(crate) fn rooms(&self) -> Vec<RoomEntry> {
        let entry = |entry: dashmap::mapref::multiple::RefMulti<'_, RoomId, Placement>| RoomEntry {
            room: entry.key().clone(),
            worker: entry.value().worker,
            sessions: entry.value().sessions,
        };
        let mut rooms: Vec<RoomEntry> = self.rooms.iter().map(entry).filter(|entry| entry.sessions > 0).collect();
        rooms.sort_by(|a, b| a.room.cmp(&b.room));
        rooms
    }

    /// Rooms now, those included that everybody left a short while ago.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// True when nobody is here.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.load.iter().all(|load| load.load(Ordering::Relaxed) == 0)
    }

    /// Sessions of one worker.
    #[must_use]
    pub(crate) fn load(&self, worker: usize) -> usize {
        self.load.get(worker).map_or(0, |load| load.load(Ordering::Relaxed))
    }

    /// True when no further room fits.
    #[must_use]
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max_rooms
    }

    fn count_room(&self) -> bool {
        let one_more = |count: usize| (count < self.max_rooms).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn least_loaded(&self) -> usize {
        let loads = self.load.iter().map(|load| load.load(Ordering::Relaxed));
        loads.enumerate().min_by_key(|(_, load)| *load).map_or(0, |(worker, _)| worker)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn room(name: &str) -> RoomId {
        RoomId(name.into())
    }

    #[test]
    fn a_room_stays_on_its_worker_and_new_rooms_go_where_fewest_are() {
        let registry = Registry::new(2, 10);
        let first = registry.enter(&room("a"), true).unwrap();
        assert_eq!(registry.enter(&room("a"), true), Ok(first));
        let second = registry.enter(&room("b"), true).unwrap();
        assert_ne!(first, second);
        // Worker `second` has one session, `first` two.
        assert_eq!(registry.enter(&room("c"), true), Ok(second));
        assert_eq!(registry.enter(&room("a"), true), Ok(first));
        assert_eq!((registry.load(first), registry.load(second)), (3, 2));
    }

    #[test]
    fn a_room_stays_until_its_worker_has_closed_it() {
        let registry = Registry::new(1, 10);
        registry.enter(&room("a"), true).unwrap();
        registry.enter(&room("a"), true).unwrap();
        registry.leave(&room("a"));
        assert_eq!(registry.rooms(), [RoomEntry { room: room("a"), worker: 0, sessions: 1 }]);
        registry.leave(&room("a"));
        assert!(registry.is_empty());
        assert_eq!((registry.rooms(), registry.worker_of(&room("a")), registry.load(0)), (vec![], Some(0), 0));
        registry.enter(&room("a"), true).unwrap();
        registry.closed(&room("a"), 2);
        assert_eq!(registry.worker_of(&room("a")), Some(0), "another join is under way to the same worker");
        registry.leave(&room("a"));
        registry.closed(&room("a"), 1);
        assert_eq!((registry.worker_of(&room("a")), registry.len()), (None, 0));
        registry.leave(&room("a"));
        assert_eq!(registry.load(0), 0, "leaving a room that is not there counts nothing");
    }

    #[test]
    fn full_or_closed_nodes_open_no_room_but_let_people_into_the_open_ones() {
        let registry = Registry::new(1, 1);
        registry.enter(&room("a"), true).unwrap();
        assert!(registry.is_full());
        assert_eq!(registry.enter(&room("b"), true), Err(NoPlace));
        assert_eq!(registry.enter(&room("a"), false), Ok(0));
        registry.leave(&room("a"));
        registry.leave(&room("a"));
        assert_eq!(
            registry.enter(&room("a"), false),
            Err(NoPlace),
            "a meeting that everybody left does not begin anew on a node that stops"
        );
        registry.closed(&room("a"), 2);
        assert_eq!(registry.enter(&room("b"), false), Err(NoPlace));
        assert_eq!(registry.enter(&room("b"), true), Ok(0));
    }

    #[test]
    fn counts_survive_a_race_of_many_threads() {
        let registry = Registry::new(3, 4);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let registry = &registry;
                scope.spawn(move || {
                    for step in 0..2_000 {
                        let room = room(&format!("r{}", (step * 7 + thread) % 6));
                        if registry.enter(&room, true).is_ok() {
                            registry.leave(&room);
                            registry.closed(&room, 1);
                        }
                    }
                });
            }
        });
        assert!(registry.is_empty());
        assert_eq!(registry.len(), 0);
        assert_eq!((0..3).map(|worker| registry.load(worker)).sum::<usize>(), 0);
    }
}
