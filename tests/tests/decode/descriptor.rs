//! Dependency descriptors of a stream without layers (L1T1), as browsers write them (AV1 RTP specification, appendix A).

/// What a packet is of its frame.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) key: bool,
    pub(crate) number: u16,
}

/// The value of the extension. The structure comes with the first packet of a keyframe; all others name a template, and nothing more.
pub(crate) fn descriptor(part: Part, (width, height): (u16, u16)) -> Vec<u8> {
    let Part { first, last, key, number } = part;
    let mut bits = Bits::default();
    bits.put(first.into(), 1);
    bits.put(last.into(), 1);
    bits.put((!key).into(), 6);
    bits.put(number, 16);
    if first && key {
        // A structure, and nothing of the frame's own.
        bits.put(0b10000, 5);
        // Templates from 0 on, one decode target; the second template is of the same layer, and the last.
        bits.put(0, 6);
        bits.put(0, 5);
        bits.put(0b0011, 4);
        // Both are switches; the first refers to nothing, the second to the frame before.
        bits.put(0b1010, 4);
        bits.put(0, 1);
        bits.put(0b10_0000, 6);
        // One chain, which protects the target: of the frame itself, and of the one before.
        bits.put(1, 1);
        bits.put(0, 4);
        bits.put(1, 4);
        bits.put(1, 1);
        bits.put(width - 1, 16);
        bits.put(height - 1, 16);
    }
    bits.bytes
}

/// Writes bits, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, value: u16, count: usize) {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.used / 8] |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }
}
