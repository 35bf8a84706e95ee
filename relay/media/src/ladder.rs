//! What a publication offers: its rungs with heights and rates, as announced, measured, remembered or, at worst, guessed.

use wire::codec::allocation::{LayerAllocation, VideoLayersAllocation};

use crate::layer::{Flow, Layer};
use crate::quality::{Ladder, LayerId, MAX_SPATIAL, MAX_TEMPORAL, Rung};

/// Lines of the best layer where nobody said: what cameras are asked for.
const TOP_HEIGHT: u16 = 720;

/// What a picture is guessed to cost, bit/s for 100 lines times lines: 150 kbit/s at 180 lines, 600 at 360, 2,400 at 720.
const GUESS: u64 = 463;

/// What is measured counts only as far as it is above what was announced by more than a part of that, as a divisor: headers are measured and
/// not announced, and encoders do not hit what they aim at.
const OVER: u64 = 4;

/// So many times what comes at most does an announcement count for that is not met.
const UNMET: u64 = 8;

/// What the publisher said last of all his streams.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    allocation: Option<VideoLayersAllocation>,
    /// His streams are numbered against the order of the layers in the offer, lowest first; `None` before a stream told.
    descending: Option<bool>,
}

impl Announced {
    /// Takes over what came with a packet of the layer at `place` of `count` in the offer.
    pub(crate) fn update(&mut self, place: usize, count: usize, value: &[u8]) {
        let Some(allocation) = VideoLayersAllocation::parse(value) else { return };
        let own = usize::from(allocation.stream);
        // The stream that it came with tells how the publisher counts; that in the middle does not.
        if own != count - 1 - place {
            self.descending = Some(false);
        } else if own != place {
            self.descending = Some(true);
        }
        self.allocation = Some(allocation);
    }

    /// Lines of the largest picture that was announced of the layer at `place`; 0 where nothing was said, or it is not known of which layer.
    pub(crate) fn lines(&self, count: usize, place: usize) -> u16 {
        let entries = self.entries(count, place).filter(|_| self.descending.is_some());
        entries.filter_map(|entry| entry.picture).map(|picture| picture.width.min(picture.height)).max().unwrap_or(0)
    }

    /// What was said of the layer at `place` of `count`.
    fn entries(&self, count: usize, place: usize) -> impl Iterator<Item = &LayerAllocation> {
        let stream = if self.descending == Some(true) { count - 1 - place } else { place };
        self.allocation.iter().flat_map(VideoLayersAllocation::layers).filter(move |entry| usize::from(entry.stream) == stream)
    }

    /// Target bit/s, lines and frames per second of the layer at `place` of `count` up to these of its layers, each 0 where nothing was said.
    fn of(&self, count: usize, place: usize, layer: LayerId) -> (u64, u16, u8) {
        let Some(entry) = self.entries(count, place).find(|entry| entry.spatial == layer.spatial) else { return (0, 0, 0) };
        let rates = entry.bitrates();
        let rate = rates.get(usize::from(layer.temporal)).or(rates.last()).map_or(0, |&rate| u64::from(rate));
        // The rate of the pictures belongs to the highest temporal layer.
        let full = usize::from(layer.temporal) + 1 >= rates.len();
        let (height, fps) = entry.picture.map_or((0, 0), |picture| (picture.width.min(picture.height), picture.fps));
        (rate, height, if full { fps } else { 0 })
    }
}

/// The rungs of `layers`, lowest first. `flow` says of each encoding whether it arrives.
pub(crate) fn ladder(layers: &[Layer], announced: &Announced, flow: impl Fn(&Layer) -> Flow) -> Ladder {
    let mut ladder = Ladder::new();
    for (index, layer) in layers.iter().enumerate() {
        // What was never heard may not exist: not everybody who may send three encodings does.
        let Some(rates) = layer.rates() else { continue };
        let (encoding, flow) = (index as u8, flow(layer));
        if flow == Flow::Missed {
            continue;
        }
        for spatial in 0..MAX_SPATIAL as u8 {
            for temporal in (0..MAX_TEMPORAL as u8).filter(|&temporal| rates.exists(spatial, temporal)) {
                let id = LayerId { encoding, spatial, temporal };
                let flows = flow == Flow::Flows && rates.recent(spatial, temporal);
                ladder.push(rung(layers, announced, id, rates.known(spatial, temporal), flows));
            }
        }
    }
    ladder
}

fn rung(layers: &[Layer], announced: &Announced, layer: LayerId, (measured, rate): (u64, u8), flows: bool) -> Rung {
    let own = layers.get(usize::from(layer.encoding));
    let (target, lines, fps) = own.map_or((0, 0, 0), |own| announced.of(layers.len(), own.place, layer));
    let own = own.map_or(0, |own| own.lore.height(layer.spatial));
    let height = [own, lines].into_iter().find(|&lines| lines > 0).unwrap_or_else(|| usual_height(layers, layer));
    let guess = u64::from(height) * u64::from(height) * GUESS / 100;
    Rung { layer, height, fps: if rate > 0 { rate } else { fps }, bitrate: price(guess, target, measured), flows }
}

/// What a layer is reckoned with, bit/s, 0 being what is not known of it. What the publisher says is believed as far as it may be true: who
/// announces little and sends much would fill lines that nobody has reckoned with, and who announces much and sends little would have them
/// kept free for nothing.
fn price(guess: u64, target: u64, measured: u64) -> u64 {
    match (target, measured) {
        (0, 0) => guess,
        (0, measured) => measured,
        (target, 0) => target.min(2 * guess),
        (target, measured) if measured > target => target.max(measured - target / OVER),
        // An encoder goes up to its target at any time, so the target counts; but a still picture need not be paid in full, nor more than
        // one of its size usually takes.
        (target, measured) => measured.max((target / 2).min(guess).min(UNMET * measured)),
    }
}

/// Each layer doubles the one below, down from the best.
fn usual_height(layers: &[Layer], layer: LayerId) -> u16 {
    let above = layers.len().saturating_sub(1 + usize::from(layer.encoding));
    let top = layers.get(usize::from(layer.encoding)).and_then(Layer::rates).map_or(0, |rates| {
        let spatial = (0..MAX_SPATIAL as u8).rev().find(|&spatial| (0..MAX_TEMPORAL as u8).any(|temporal| rates.exists(spatial, temporal)));
        spatial.unwrap_or(0)
    });
    TOP_HEIGHT >> (above + usize::from(top.saturating_sub(layer.spatial))).min(7)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]
    use super::{Announced, ladder, price};
    use crate::MediaKind;
    use crate::layer::{Arrival, Flow, Layer};
    use crate::quality::{LayerId, Rung};
    use crate::reading::Reading;
    use std::time::{Duration, Instant};
    use wire::codec::FrameInfo;
    use wire::ntp::Ntp;

    #[test]
    fn what_is_announced_counts_as_far_as_it_may_be_true() {
        // Guessed, announced, measured, and what follows, kbit/s.
        let rows = [
            ("nothing is known", 600, 0, 0, 600),
            ("nothing was said", 600, 0, 450, 450),
            ("nothing has come yet", 600, 500, 0, 500),
            ("and so much is not likely", 600, 1_000_000, 0, 1200),
            ("it sends what it says", 600, 500, 480, 480),
            ("the picture stands still", 600, 500, 60, 250),
            ("and has done so for long", 600, 500, 4, 32),
            ("headers are not announced", 600, 500, 560, 500),
            ("little is announced and much is sent", 2400, 1, 2000, 1999),
            ("more is sent than is announced", 2400, 1000, 2000, 1750),
            ("much is announced and never sent", 150, 1_000_000, 120, 150),
            ("a large picture that nobody has named", 20_000, 1_000_000, 120, 960),
        ];
        for (name, guess, target, measured, expected) in rows {
            assert_eq!(price(1000 * guess, 1000 * target, 1000 * measured) / 1000, expected, "{name}");
        }
    }

    /// What is reckoned with must not jump where what is measured varies a little.
    #[test]
    fn no_small_step_of_what_is_measured_makes_a_large_one() {
        for target in [1_000, 100_000, 2_000_000] {
            let prices: Vec<u64> = (1..4_000).map(|step| price(600_000, target, step * 1_000)).collect();
            assert!(prices.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] - pair[0] <= 8_000), "{target}");
        }
    }

    /// The ladder of one layer that sends so many bytes each 40 ms for five seconds.
    fn sent(announced: &Announced, bytes: usize) -> Vec<Rung> {
        let start = Instant::now();
        let mut layer = Layer::new(start, MediaKind::Video, None, 0, 1);
        for at in (0..5_000).step_by(40) {
            let now = start + Duration::from_millis(at);
            let (timestamp, rate, rtt) = (90 * at as u32, 90_000, Duration::ZERO);
            let arrival = Arrival { now, now_ntp: Ntp(0), timestamp, rate, bytes, recovered: false, rtt };
            layer.count(&arrival, &Reading::new(FrameInfo { start: true, ..FrameInfo::default() }, None, None), None);
        }
        ladder(&[layer], announced, |_| Flow::Flows).to_vec()
    }

    /// One stream of one layer: its rate, kbit/s, below 2^14, and its size.
    fn announcement(kbps: u16) -> [u8; 9] {
        [1, 0, kbps as u8 | 0x80, (kbps >> 7) as u8, (639_u16 >> 8) as u8, 639_u16 as u8, (359_u16 >> 8) as u8, 359_u16 as u8, 25]
    }

    #[test]
    fn who_announces_next_to_nothing_is_reckoned_with_what_he_sends() {
        let mut announced = Announced::default();
        for (kbps, bytes, expected) in
            [(1, 10_000, 1_900_000..2_100_000), (500, 2_500, 480_000..520_000), (16_000, 1_000, 200_000..610_000)]
        {
            announced.update(0, 1, &announcement(kbps));
            let rungs = sent(&announced, bytes);
            assert_eq!(rungs.iter().map(|rung| (rung.height, rung.fps)).collect::<Vec<_>>(), [(360, 25)], "{kbps}");
            assert!(expected.contains(&rungs[0].bitrate), "{kbps}: {}", rungs[0].bitrate);
        }
    }

    #[test]
    fn streams_are_found_whichever_way_the_publisher_counts_them() {
        // Three streams of one layer each, 100, 400 and 1200 kbit/s in the order of the publisher's count; it came with the first.
        let value = [0x21, 0, 100, 0x90, 3, 0xb0, 9];
        let of = |came_with: usize| {
            let mut announced = Announced::default();
            announced.update(came_with, 3, &value);
            [0, 1, 2].map(|place| announced.of(3, place, LayerId { encoding: 0, spatial: 0, temporal: 0 }).0 / 1000)
        };
        assert_eq!(of(0), [100, 400, 1200], "the lowest first");
        assert_eq!(of(2), [1200, 400, 100], "the best first");
    }

    #[test]
    fn what_was_never_heard_is_no_rung() {
        let mut announced = Announced::default();
        announced.update(0, 1, &announcement(500));
        let silent = Layer::new(Instant::now(), MediaKind::Video, None, 0, 1);
        assert!(ladder(&[silent], &announced, |_| Flow::Flows).is_empty());
    }
}
