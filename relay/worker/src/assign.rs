//! Who gets which slot: a pure function from a viewer's wishes and the present table to the next table.

use room::{ParticipantId, Source};

/// One source of one person.
pub(crate) type Wish = (ParticipantId, Source);

/// The next table of one kind's slots.
///
/// The first `table.len()` wishes are served. Whoever is served already keeps the slot, so that nothing on the screen jumps;
/// newcomers take the slot that `beside` names (where the sound or picture of the same person is) if it is free, else the first free one.
pub(crate) fn assign(table: &[Option<Wish>], wishes: &[Wish], beside: impl Fn(Wish) -> Option<usize>) -> Vec<Option<Wish>> {
    let served = &wishes[..wishes.len().min(table.len())];
    let (mut kept, mut walk) = (vec![false; served.len()], Walk::default());
    let keep = |slot: &Option<Wish>| {
        let wish = (*slot)?;
        kept[walk.find(served, |other| *other == wish)?] = true;
        Some(wish)
    };
    let mut next: Vec<Option<Wish>> = table.iter().map(keep).collect();
    let newcomers = served.iter().copied().zip(kept).filter(|(_, kept)| !kept).map(|(wish, _)| wish);
    // Two rounds: those with a partner choose first, or a stranger might sit in the one place that keeps lips in sync.
    let (mut paired, mut rest) = (Vec::new(), Vec::new());
    for wish in newcomers {
        match beside(wish).filter(|index| next.get(*index) == Some(&None)) {
            Some(index) => paired.push((index, wish)),
            None => rest.push(wish),
        }
    }
    for (index, wish) in paired {
        next[index] = Some(wish);
    }
    for (free, wish) in next.iter_mut().filter(|slot| slot.is_none()).zip(rest) {
        *free = Some(wish);
    }
    next
}

/// Looks things up in a list that stand there in nearly the order in which they are asked for: each search begins behind the last find.
#[derive(Default)]
pub(crate) struct Walk(usize);

impl Walk {
    /// The place of what `is` says yes to.
    pub(crate) fn find<T>(&mut self, list: &[T], is: impl Fn(&T) -> bool) -> Option<usize> {
        let (before, behind) = list.split_at(self.0.min(list.len()));
        let found = behind.iter().position(&is).map(|place| before.len() + place).or_else(|| before.iter().position(&is))?;
        self.0 = found + 1;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn cam(id: u64) -> Wish {
        (ParticipantId(id), Source::Camera)
    }

    const fn mic(id: u64) -> Wish {
        (ParticipantId(id), Source::Microphone)
    }

    #[test]
    fn rows() {
        let none = |_| None;
        /// What it shows, the table before, the wishes, the table after.
        type Row<'a> = (&'a str, &'a [Option<Wish>], &'a [Wish], &'a [Option<Wish>]);
        let rows: &[Row<'_>] = &[
            ("nobody to show", &[None, None], &[], &[None, None]),
            ("fills from the front", &[None, None], &[cam(1)], &[Some(cam(1)), None]),
            ("the served stay where they are", &[None, Some(cam(2))], &[cam(1), cam(2)], &[Some(cam(1)), Some(cam(2))]),
            ("who left frees the slot", &[Some(cam(1)), Some(cam(2))], &[cam(2)], &[None, Some(cam(2))]),
            ("the first wishes win", &[Some(cam(3))], &[cam(1), cam(3)], &[Some(cam(1))]),
            ("no slots, no trouble", &[], &[cam(1)], &[]),
            (
                "the served stay in whatever order they are wished for",
                &[Some(cam(3)), Some(cam(1)), None, Some(cam(2))],
                &[cam(2), cam(4), cam(3), cam(1)],
                &[Some(cam(3)), Some(cam(1)), Some(cam(4)), Some(cam(2))],
            ),
        ];
        for (name, table, wishes, expected) in rows {
            assert_eq!(assign(table, wishes, none), *expected, "{name}");
        }
    }

    #[test]
    fn sound_sits_beside_its_picture() {
        let pictures = [Some(cam(1)), Some(cam(2)), Some(cam(3))];
        let beside = |wish: Wish| pictures.iter().position(|slot| *slot == Some((wish.0, wish.1.partner())));
        let next = assign(&[None, None, None], &[mic(9), mic(3), mic(1)], beside);
        assert_eq!(next, [Some(mic(1)), Some(mic(9)), Some(mic(3))]);
    }
}
