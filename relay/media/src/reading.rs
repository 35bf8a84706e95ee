//! What is read of a packet's payload and descriptors when it arrives, once for all slots.

use wire::codec::dependency::{Descriptor, Structure, brings_structure};
use wire::codec::vp8::PictureId;
use wire::codec::{Codec, FrameInfo, frame_info, vp8, vp9};
use wire::ext::{Ext, ExtValues};

use crate::MediaKind;
use crate::dependency::Dependency;
use crate::quality::{MAX_SPATIAL, MAX_TEMPORAL};

/// A packet's part in its frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) frame: FrameInfo,
    pub(crate) vp8: Option<vp8::Descriptor>,
    pub(crate) vp9: Option<vp9::Descriptor>,
    pub(crate) dependency: Option<Dependency>,
    /// Its layers cannot be told: its descriptor goes by a structure that is not known, and its payload does not say.
    pub(crate) unread: bool,
    /// It brought the structure that is known now.
    pub(crate) structured: bool,
}

/// What one stream has said of itself so far.
#[derive(Debug, Default)]
pub(crate) struct Lore {
    /// The structure of its dependency descriptors. Large, so that it has a place of its own once there is one.
    structure: Option<Box<Known>>,
    /// The newest keyframe that brought a structure or a size: both hold from there on, so the newest one's count, whatever comes last.
    told: u64,
    /// Lines of each spatial layer, the smaller dimension; 0 where nobody said.
    heights: [u16; MAX_SPATIAL],
    /// The newest picture id of VP8 or VP9, 15 bits wide.
    picture_id: Option<u16>,
}

/// A structure, and the number of the first packet that brought it. What lies before goes by another.
#[derive(Debug)]
struct Known {
    structure: Structure,
    from: u64,
}

impl Lore {
    /// Reads the packet with this extended number.
    #[inline]
    pub(crate) fn read(
        &mut self,
        kind: MediaKind,
        codec: Codec,
        payload: &[u8],
        marker: bool,
        exts: &ExtValues<'_>,
        ext_seq: u64,
    ) -> Reading {
        if kind == MediaKind::Audio {
            return Reading::new(frame_info(codec, payload, marker), None, None);
        }
        let vp8 = if codec == Codec::Vp8 { vp8::Descriptor::parse(payload) } else { None };
        let vp9 = if codec == Codec::Vp9 { vp9::Descriptor::parse(payload) } else { None };
        let frame = match (&vp8, &vp9) {
            (Some(descriptor), _) => FrameInfo::from_vp8(descriptor, marker),
            (_, Some(descriptor)) => FrameInfo::from_vp9(descriptor),
            (None, None) => frame_info(codec, payload, marker),
        };
        let mut reading = Reading::new(frame, vp8, vp9);
        let news = ext_seq > self.told;
        if let Some(value) = exts.get(Ext::DependencyDescriptor) {
            self.read_dependency(value, (ext_seq, news), &mut reading);
        }
        limit(&mut reading.frame);
        if reading.frame.keyframe && news {
            self.read_size(codec, payload, &reading);
        }
        if news && (reading.frame.keyframe || reading.structured) {
            self.told = ext_seq;
        }
        reading
    }

    /// Reads again what could not be read when it came. False if it cannot be read now either.
    pub(crate) fn read_again(&self, ext_seq: u64, exts: &ExtValues<'_>, frame: &mut FrameInfo) -> bool {
        let (value, known) = (exts.get(Ext::DependencyDescriptor), self.known(ext_seq));
        let Some(descriptor) = value.and_then(|value| Descriptor::parse(value, known, &mut None)) else { return false };
        describe(frame, &descriptor);
        limit(frame);
        true
    }

    /// The picture id, made 15 bits wide: nearest to the newest where the publisher uses seven. Some change width within a stream.
    #[inline]
    pub(crate) fn picture_id(&mut self, reading: &Reading) -> Option<u16> {
        let of_vp8 = reading.vp8.and_then(|descriptor| descriptor.picture_id);
        let id = of_vp8.or(reading.vp9.and_then(|descriptor| descriptor.picture_id))?;
        let newest = self.picture_id.unwrap_or(id.value());
        let (wide, step) = match id {
            PictureId::Long(id) => (id, (id.wrapping_sub(newest) << 1).cast_signed()),
            PictureId::Short(id) => {
                // A signed difference of seven bits: shifted to the top of a byte and back.
                let step = i16::from((id.wrapping_sub(newest as u8) << 1).cast_signed() >> 1);
                (newest.wrapping_add_signed(step) & 0x7fff, step)
            }
        };
        if step > 0 || self.picture_id.is_none() {
            self.picture_id = Some(wide);
        }
        Some(wide)
    }

    /// Lines of a spatial layer, the smaller dimension; 0 where nobody said.
    pub(crate) fn height(&self, spatial: u8) -> u16 {
        self.heights.get(usize::from(spatial)).copied().unwrap_or(0)
    }

    /// The same of its highest spatial layer.
    pub(crate) fn tallest(&self) -> u16 {
        self.heights.into_iter().max().unwrap_or(0)
    }

    /// The structure that packets with this number go by, as far as is known.
    fn known(&self, ext_seq: u64) -> Option<&Structure> {
        self.structure.as_deref().filter(|known| ext_seq >= known.from).map(|known| &known.structure)
    }

    /// The descriptor knows more than the payload: layers of H.264 and AV1, and of all codecs what refers to what.
    fn read_dependency(&mut self, value: &[u8], (ext_seq, news): (u64, bool), reading: &mut Reading) {
        let (mut fresh, known) = (None, self.known(ext_seq));
        let Some(descriptor) = Descriptor::parse(value, known, &mut fresh) else {
            return self.miss(value, (ext_seq, news), reading);
        };
        let Some(structure) = fresh.as_ref().or(known) else { return };
        reading.dependency = Some(Dependency::new(&descriptor, structure));
        describe(&mut reading.frame, &descriptor);
        if let Some(fresh) = fresh.filter(|_| news) {
            reading.structured = true;
            for (height, &size) in self.heights.iter_mut().zip(fresh.resolutions()) {
                *height = lines(size);
            }
            match &mut self.structure {
                // Said again with each keyframe.
                Some(known) if known.structure == fresh => {}
                Some(known) => **known = Known { structure: fresh, from: ext_seq },
                None => self.structure = Some(Box::new(Known { structure: fresh, from: ext_seq })),
            }
        }
    }

    /// A descriptor that cannot be read. Where it goes by another structure than the one that is known, the packet with that one is missing,
    /// and nobody can say whether this belongs to the lowest layer or to the highest: it must not be taken for either. A stream of which no
    /// structure was ever understood has one layer.
    #[cold]
    fn miss(&mut self, value: &[u8], (ext_seq, news): (u64, bool), reading: &mut Reading) {
        if news && brings_structure(value) {
            self.structure = None;
        }
        let told_by_payload = reading.vp8.is_some() || reading.vp9.is_some();
        let elsewhere = self.structure.is_some() && self.known(ext_seq).is_none_or(|known| !known.covers(value));
        reading.unread = elsewhere && !told_by_payload;
        // Nothing can begin with it.
        reading.frame.keyframe &= !reading.unread;
    }

    fn read_size(&mut self, codec: Codec, payload: &[u8], reading: &Reading) {
        if let Some(structure) = reading.vp9.and_then(|descriptor| descriptor.structure) {
            for (height, &size) in self.heights.iter_mut().zip(structure.sizes()) {
                *height = lines(size);
            }
        }
        let size = match codec {
            Codec::Vp8 => reading.vp8.and_then(|descriptor| vp8_size(payload.get(descriptor.len..)?)),
            _ => None,
        };
        if let Some(size) = size {
            self.heights[0] = lines(size);
        }
    }
}

impl Reading {
    /// Highest spatial and temporal layer of the stream that begins here, where it says so.
    pub(crate) fn promises(&self) -> Option<(u8, u8)> {
        if !self.frame.keyframe {
            return None;
        }
        let of_vp9 = || Some((self.vp9?.top_spatial()?, 0));
        self.dependency.as_ref().map_or_else(of_vp9, |dependency| dependency.produced)
    }

    #[inline]
    pub(crate) fn new(frame: FrameInfo, vp8: Option<vp8::Descriptor>, vp9: Option<vp9::Descriptor>) -> Self {
        Self { frame, vp8, vp9, dependency: None, unread: false, structured: false }
    }
}

/// What a descriptor says of its frame.
fn describe(frame: &mut FrameInfo, descriptor: &Descriptor) {
    (frame.spatial, frame.temporal) = (descriptor.spatial(), descriptor.temporal());
    (frame.start, frame.end) = (descriptor.start_of_frame, descriptor.end_of_frame);
    frame.keyframe |= descriptor.starts_keyframe() && descriptor.spatial() == 0;
}

/// What lies beyond the layers that are told apart counts as the highest.
fn limit(frame: &mut FrameInfo) {
    frame.spatial = frame.spatial.min(MAX_SPATIAL as u8 - 1);
    frame.temporal = frame.temporal.min(MAX_TEMPORAL as u8 - 1);
}

/// Width and height of a VP8 keyframe: behind three bytes of frame tag and the start code, 14 bits each (RFC 6386 section 9.1).
fn vp8_size(frame: &[u8]) -> Option<(u16, u16)> {
    let &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = frame.first_chunk::<10>()? else { return None };
    Some((u16::from_le_bytes([w0, w1]) & 0x3fff, u16::from_le_bytes([h0, h1]) & 0x3fff))
}

fn lines((width, height): (u16, u16)) -> u16 {
    width.min(height)
}

#[cfg(test)]
mod tests {
    use super::{lines, vp8_size};

    #[test]
    fn size_of_a_vp8_keyframe() {
        let frame = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x45, 0xd0, 0x42, 0xff];
        assert_eq!(vp8_size(&frame).map(lines), Some(720), "1280 x 720, with scaling bits above");
        assert_eq!(vp8_size(&frame[..9]), None);
        assert_eq!(vp8_size(&[0x10, 0, 0, 0x9d, 0x01, 0x2b, 0, 5, 0xd0, 2]), None);
        assert_eq!(lines((360, 640)), 360, "a telephone held upright");
    }
}
