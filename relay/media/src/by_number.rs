//! What was sent to one viewer under which transport-wide number, until his feedback speaks of it.

/// The last `N` packets; `N` is a power of two. Nothing is allocated before the first, nor after it.
#[derive(Clone, Debug)]
pub(crate) struct ByNumber<T, const N: usize> {
    /// With their numbers, by number modulo length.
    ring: Vec<Option<(u16, T)>>,
}

impl<T, const N: usize> Default for ByNumber<T, N> {
    fn default() -> Self {
        Self { ring: Vec::new() }
    }
}

impl<T: Copy, const N: usize> ByNumber<T, N> {
    /// Whether nothing was ever sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// A packet goes out under this number.
    #[inline]
    pub(crate) fn insert(&mut self, number: u16, item: T) {
        if self.ring.is_empty() {
            self.ring.resize(N, None);
        }
        self.ring[usize::from(number) % N] = Some((number, item));
    }

    /// What went out under this number, unless it was taken.
    #[inline]
    pub(crate) fn get(&self, number: u16) -> Option<&T> {
        self.ring.get(usize::from(number) % N)?.as_ref().filter(|(known, _)| *known == number).map(|(_, item)| item)
    }

    /// What went out under this number, the first time that it is asked for.
    #[inline]
    pub(crate) fn take(&mut self, number: u16) -> Option<T> {
        let place = self.ring.get_mut(usize::from(number) % N)?;
        place.take_if(|(known, _)| *known == number).map(|(_, item)| item)
    }
}
