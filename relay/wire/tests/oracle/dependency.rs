//! Dependency descriptors that a writer of its own laid out, field by field, from random structures: what was put in must come out.

use proptest::prelude::*;
use wire::codec::dependency::{Descriptor, Dti, MAX_FRAME_DIFFS, Structure, patch_frame_number};

use crate::bits::{BitWriter, Draw};

/// A frame, or a template of one.
#[derive(Clone, Debug)]
struct Frame {
    spatial: u32,
    temporal: u32,
    dtis: Vec<u32>,
    diffs: Vec<u32>,
    chains: Vec<u32>,
}

/// What a structure says.
#[derive(Debug)]
struct Model {
    offset: u32,
    targets: u32,
    templates: Vec<Frame>,
    protected_by: Vec<u32>,
    chains: u32,
    /// Width and height less one of each spatial layer.
    sizes: Option<Vec<(u32, u32)>>,
}

impl Model {
    fn draw(draw: &mut Draw) -> Self {
        let targets = 1 + draw.below(32);
        let chains = draw.below(targets + 1);
        let count = 1 + draw.below(64);
        let (mut spatial, mut temporal) = (0, 0);
        let mut templates = vec![];
        for _ in 0..count {
            let diffs = draw.below(MAX_FRAME_DIFFS as u32 + 1);
            let (dtis, diffs) = (draw.list(targets, 4), draw.list(diffs, 16));
            templates.push(Frame { spatial, temporal, dtis, diffs, chains: draw.list(chains, 16) });
            match draw.below(8) {
                0..3 if temporal < 7 => temporal += 1,
                3 if spatial < 3 => (spatial, temporal) = (spatial + 1, 0),
                _ => {}
            }
        }
        let layers = templates.last().unwrap().spatial + 1;
        let sizes = draw.flag().then(|| (0..layers).map(|_| (draw.below(1 << 16), draw.below(1 << 16))).collect());
        let protected_by = if chains > 0 { draw.list(targets, chains) } else { vec![] };
        Self { offset: draw.below(64), targets, templates, protected_by, chains, sizes }
    }

    /// `template_dependency_structure()`.
    fn write(&self, bits: &mut BitWriter) {
        bits.put(self.offset, 6);
        bits.put(self.targets - 1, 5);
        for pair in self.templates.windows(2) {
            let next = match (pair[1].spatial - pair[0].spatial, pair[1].temporal.wrapping_sub(pair[0].temporal)) {
                (0, 0) => 0,
                (0, 1) => 1,
                _ => 2,
            };
            bits.put(next, 2);
        }
        bits.put(3, 2);
        self.templates.iter().flat_map(|template| &template.dtis).for_each(|&dti| bits.put(dti, 2));
        for template in &self.templates {
            for &diff in &template.diffs {
                bits.put(1, 1);
                bits.put(diff, 4);
            }
            bits.put(0, 1);
        }
        bits.put_non_symmetric(self.chains, self.targets + 1);
        self.protected_by.iter().for_each(|&chain| bits.put_non_symmetric(chain, self.chains));
        self.templates.iter().flat_map(|template| &template.chains).for_each(|&diff| bits.put(diff, 4));
        bits.put(self.sizes.is_some().into(), 1);
        for &(width, height) in self.sizes.iter().flatten() {
            bits.put(width, 16);
            bits.put(height, 16);
        }
    }

    /// Highest layers of a decode target.
    fn layers(&self, target: u32) -> (u8, u8) {
        let present = || self.templates.iter().filter(|template| template.dtis[target as usize] != 0);
        let spatial = present().map(|template| template.spatial).max().unwrap_or(0);
        let temporal = present().map(|template| template.temporal).max().unwrap_or(0);
        (spatial as u8, temporal as u8)
    }

    fn check(&self, structure: &Structure) -> Result<(), TestCaseError> {
        let layers: Vec<(u8, u8)> = (0..self.targets).map(|target| self.layers(target)).collect();
        prop_assert_eq!(structure.layers(), &layers[..]);
        for &(spatial, temporal) in &layers {
            let found = structure.decode_target(spatial, temporal);
            prop_assert_eq!(found, layers.iter().position(|&other| other == (spatial, temporal)));
        }
        let chains: Vec<u32> = (0..33).map_while(|target| structure.chain(target)).map(|chain| chain as u32).collect();
        prop_assert_eq!(&chains, &self.protected_by);
        let number = |less_one: u32| (less_one + 1).min(65_535) as u16;
        let sizes: Vec<(u16, u16)> = self.sizes.iter().flatten().map(|&(width, height)| (number(width), number(height))).collect();
        prop_assert_eq!(structure.resolutions(), &sizes[..]);
        Ok(())
    }
}

/// One packet: what is written, and what must be read.
struct Packet {
    value: Vec<u8>,
    number: u16,
    start: bool,
    end: bool,
    active: Option<u32>,
    has_mask: bool,
    frame: Frame,
}

impl Packet {
    /// A packet of a template with some of its fields replaced; the first one brings the structure.
    fn draw(draw: &mut Draw, model: &Model, brings_structure: bool) -> Self {
        let index = draw.below(model.templates.len() as u32);
        let mut frame = model.templates[index as usize].clone();
        let (start, end, number) = (draw.flag(), draw.flag(), draw.below(1 << 16));
        let mut bits = BitWriter::default();
        bits.put(start.into(), 1);
        bits.put(end.into(), 1);
        bits.put((model.offset + index) % 64, 6);
        bits.put(number, 16);
        let everything = u32::MAX >> (32 - model.targets);
        let mut active = brings_structure.then_some(everything);
        let mut has_mask = false;
        if brings_structure || draw.flag() {
            let [mask, dtis, diffs, chains] = [(); 4].map(|()| draw.flag());
            [brings_structure, mask, dtis, diffs, chains].into_iter().for_each(|flag| bits.put(flag.into(), 1));
            if brings_structure {
                model.write(&mut bits);
            }
            if mask {
                active = Some(draw.below(u32::MAX) & everything);
                active.into_iter().for_each(|active| bits.put(active, model.targets));
                has_mask = true;
            }
            if dtis {
                frame.dtis = draw.list(model.targets, 4);
                frame.dtis.iter().for_each(|&dti| bits.put(dti, 2));
            }
            if diffs {
                frame.diffs = draw_custom_diffs(draw, &mut bits);
            }
            if chains {
                frame.chains = draw.list(model.chains, 256);
                frame.chains.iter().for_each(|&diff| bits.put(diff, 8));
            }
        }
        Self { value: bits.bytes(), number: number as u16, start, end, active, has_mask, frame }
    }

    fn check(&self, model: &Model, read: &Descriptor) -> Result<(), TestCaseError> {
        let frame = &self.frame;
        prop_assert_eq!((read.start_of_frame, read.end_of_frame, read.frame_number), (self.start, self.end, self.number));
        prop_assert_eq!((read.spatial(), read.temporal()), (frame.spatial as u8, frame.temporal as u8));
        let code = |target| match read.dti(target) {
            Dti::NotPresent => 0,
            Dti::Discardable => 1,
            Dti::Switch => 2,
            Dti::Required => 3,
        };
        let dtis: Vec<u32> = (0..model.targets as usize).map(code).collect();
        prop_assert_eq!(&dtis, &frame.dtis);
        prop_assert!((model.targets as usize..70).all(|target| read.dti(target) == Dti::NotPresent));
        let diffs: Vec<u32> = read.frame_diffs().iter().map(|&diff| u32::from(diff) - 1).collect();
        let chains: Vec<u32> = read.chain_diffs().iter().copied().map(u32::from).collect();
        prop_assert_eq!((&diffs, &chains), (&frame.diffs, &frame.chains));
        prop_assert_eq!(read.active_targets, self.active);
        let size = model.sizes.as_ref().map(|sizes| sizes[frame.spatial as usize]);
        prop_assert_eq!(read.resolution.is_some(), size.is_some());
        prop_assert_eq!(read.starts_keyframe(), self.start && read.brings_structure && frame.diffs.is_empty());
        Ok(())
    }
}

/// Diffs less one, each in as many nibbles as it needs or more.
fn draw_custom_diffs(draw: &mut Draw, bits: &mut BitWriter) -> Vec<u32> {
    let count = draw.below(MAX_FRAME_DIFFS as u32 + 1);
    let diffs = (0..count).map(|_| {
        let nibbles = 1 + draw.below(3);
        let diff = draw.below(1 << (4 * nibbles));
        bits.put(nibbles, 2);
        bits.put(diff, 4 * nibbles);
        diff
    });
    let diffs = diffs.collect();
    bits.put(0, 2);
    diffs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..crate::seeded() })]

    #[test]
    fn what_is_written_is_read(seed: u64) {
        let mut draw = Draw(seed);
        let model = Model::draw(&mut draw);
        let mut known = None;
        for nth in 0..6 {
            let packet = Packet::draw(&mut draw, &model, nth == 0);
            let mut fresh = None;
            let read = Descriptor::parse(&packet.value, known.as_ref(), &mut fresh).unwrap();
            prop_assert_eq!((read.brings_structure, fresh.is_some()), (nth == 0, nth == 0));
            known = fresh.or(known);
            packet.check(&model, &read)?;

            // Rewritten, only what was asked for differs; it is read by the structure that was kept.
            let mut value = packet.value.clone();
            patch_frame_number(&mut value, 0xabcd);
            let active = draw.below(u32::MAX) & u32::MAX >> (32 - model.targets);
            prop_assert_eq!(read.patch_active_targets(&mut value, active), packet.has_mask);
            let mut expected = read;
            expected.frame_number = 0xabcd;
            if packet.has_mask {
                expected.active_targets = Some(active);
            }
            prop_assert_eq!(Descriptor::parse(&value, known.as_ref(), &mut fresh), Some(expected));
        }
        model.check(&known.unwrap())?;
    }
}
