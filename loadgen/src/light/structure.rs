//! Which pictures of an encoding refer to which: the temporal layers that libwebrtc's encoders make. Drawn are those of VP8; of VP9's three
//! layers the second T2 refers to T1 alone.
//!
//! ```text
//!  three layers   T2 ┐     ┌ T2        two layers        one layer
//!                    │ ┌ T1 ┘  ...        ┌ T1 ...
//!                 ┌──┴─┘  (and T0)     ┌──┘
//!                 T0 ◄──────── T0      T0 ◄── T0        T0 ◄ T0 ◄ T0
//! ```

/// A picture's place in the structure.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    /// Temporal layer.
    pub(super) temporal: u8,
    /// It refers to the base layer only, so that its layer may begin here.
    pub(super) sync: bool,
    /// Nothing refers to it.
    pub(super) disposable: bool,
    /// So many pictures back are those it refers to; 0: none.
    pub(super) needs: [u8; 2],
    /// Its share of the rate, relative to an even one.
    pub(super) weight: f64,
}

const ONE: [Place; 1] = [place(0, false, false, [1, 0], 1.0)];
/// Rates add up to 60 and 100 %.
const TWO: [Place; 2] = [place(0, false, false, [2, 0], 1.2), place(1, true, true, [1, 0], 0.8)];
/// Rates add up to 40, 60 and 100 %.
const THREE: [Place; 4] = [
    place(0, false, false, [4, 0], 1.6),
    place(2, true, true, [1, 0], 0.8),
    place(1, true, false, [2, 0], 0.8),
    place(2, false, true, [1, 3], 0.8),
];

/// The same in VP9: each picture refers to one other.
const THREE_OF_VP9: [Place; 4] = [
    place(0, false, false, [4, 0], 1.6),
    place(2, true, true, [1, 0], 0.8),
    place(1, true, false, [2, 0], 0.8),
    place(2, true, true, [1, 0], 0.8),
];

const fn place(temporal: u8, sync: bool, disposable: bool, needs: [u8; 2], weight: f64) -> Place {
    Place { temporal, sync, disposable, needs, weight }
}

/// Walks through the pattern; a keyframe begins it anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Structure {
    pattern: &'static [Place],
    next: usize,
}

impl Structure {
    /// With 1 to 3 temporal layers.
    pub(super) fn new(temporal: u8) -> Self {
        let pattern: &[Place] = match temporal {
            0 | 1 => &ONE,
            2 => &TWO,
            _ => &THREE,
        };
        Self { pattern, next: 0 }
    }

    /// The same of VP9.
    pub(super) fn of_vp9(temporal: u8) -> Self {
        if temporal < 3 { Self::new(temporal) } else { Self { pattern: &THREE_OF_VP9, next: 0 } }
    }

    /// All places, as they follow a keyframe.
    pub(super) fn pattern(&self) -> &'static [Place] {
        self.pattern
    }

    /// Whether there is more than the base layer, so that packets say which they are of.
    pub(super) fn is_layered(&self) -> bool {
        self.pattern.len() > 1
    }

    pub(super) fn advance(&mut self, keyframe: bool) -> Place {
        if keyframe {
            self.next = 0;
        }
        let place = self.pattern[self.next];
        self.next = (self.next + 1) % self.pattern.len();
        if keyframe { Place { needs: [0; 2], ..place } } else { place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each picture needs lies in a lower layer or is the picture before in its own, and a disposable one is needed by nobody.
    #[test]
    fn references_stay_within_the_layers_below() {
        let structures = (1..=3_u8).flat_map(|layers| [(layers, Structure::new(layers)), (layers, Structure::of_vp9(layers))]);
        for (layers, mut structure) in structures {
            let places: Vec<Place> = (0..24).map(|number| structure.advance(number == 0 || number == 13)).collect();
            for (number, place) in places.iter().enumerate() {
                for back in place.needs.into_iter().filter(|back| *back > 0) {
                    let needed = &places[number - usize::from(back)];
                    assert!(!needed.disposable && (needed.temporal < place.temporal || (place.temporal, needed.temporal) == (0, 0)));
                    assert!(number < 13 || number - usize::from(back) >= 13, "nothing reaches behind a keyframe");
                }
                assert_eq!(place.needs == [0; 2], number == 0 || number == 13);
            }
            assert_eq!(places.iter().map(|place| place.temporal + 1).max(), Some(layers));
            let mean: f64 = places[..12].iter().map(|place| place.weight).sum::<f64>() / 12.0;
            assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        }
    }
}
