//! H.264 payloads (RFC 6184): where frames and keyframes begin, for packetization modes 0 and 1.

/// Whether a decoder can begin here: an IDR slice or the parameter sets in front of one, alone, aggregated, or as the first fragment.
#[must_use]
pub fn starts_keyframe(payload: &[u8]) -> bool {
    first_units(payload).any(|unit| matches!(unit.kind, IDR | SEQUENCE_PARAMETERS))
}

/// Whether the payload holds a sequence parameter set.
#[must_use]
pub fn has_parameters(payload: &[u8]) -> bool {
    first_units(payload).any(|unit| unit.kind == SEQUENCE_PARAMETERS)
}

/// Whether the payload can be the first of an access unit: a slice that begins with the first macroblock, or a unit that precedes
/// slices (SEI, parameter sets, delimiter).
#[must_use]
pub fn starts_frame(payload: &[u8]) -> bool {
    first_units(payload).next().is_some_and(|unit| match unit.kind {
        // Partitions B and C follow their A.
        SLICE | PARTITION_A | IDR => unit.first_macroblock,
        SEI..=DELIMITER => true,
        _ => false,
    })
}

/// Whether the payload is of a slice that no other picture refers to: `nal_ref_idc` is 0, as senders with temporal layers mark the highest.
/// Slices of one picture agree in this (H.264 section 7.4.1); what is no slice says nothing.
#[must_use]
pub fn is_discardable(payload: &[u8]) -> bool {
    match payload {
        [head, fragment, ..] if head & TYPE == FU_A => head & REFERENCE == 0 && fragment & TYPE == SLICE,
        _ => {
            let mut slices = first_units(payload).filter(|unit| (SLICE..=IDR).contains(&unit.kind)).peekable();
            slices.peek().is_some() && slices.all(|unit| !unit.reference && unit.kind != IDR)
        }
    }
}

/// What is known of a NAL unit from its first two bytes.
#[derive(Clone, Copy)]
struct Unit {
    /// `nal_unit_type`.
    kind: u8,
    /// `nal_ref_idc` is not 0: other pictures refer to this.
    reference: bool,
    /// For slices: `first_mb_in_slice` is 0, which as an Exp-Golomb code is a single 1 bit.
    first_macroblock: bool,
}

impl Unit {
    fn new(head: u8, body: &[u8]) -> Self {
        Self { kind: head & TYPE, reference: head & REFERENCE != 0, first_macroblock: body.first().is_some_and(|&byte| byte & 0x80 != 0) }
    }
}

/// The NAL units that begin in this payload. Interleaved mode (STAP-B, MTAP, FU-B) is never negotiated and yields none.
fn first_units(payload: &[u8]) -> impl Iterator<Item = Unit> {
    let (single, aggregate) = match payload {
        [head, rest @ ..] if (1..=23).contains(&(head & TYPE)) => (Some(Unit::new(*head, rest)), &[][..]),
        // Each aggregated unit is preceded by its length (section 5.7.1).
        [head, rest @ ..] if head & TYPE == STAP_A => (None, rest),
        // The fragment header says whether it is the first and what it is a fragment of (section 5.8).
        [head, fragment, rest @ ..] if head & TYPE == FU_A && fragment & FU_START != 0 => (Some(Unit::new(*fragment, rest)), &[][..]),
        _ => (None, &[][..]),
    };
    let mut rest = aggregate;
    let aggregated = std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        rest = after;
        let (&head, body) = unit.split_first()?;
        Some(Unit::new(head, body))
    });
    single.into_iter().chain(aggregated)
}

const TYPE: u8 = 0x1f;
const REFERENCE: u8 = 0x60;
const SLICE: u8 = 1;
const PARTITION_A: u8 = 2;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SEQUENCE_PARAMETERS: u8 = 7;
const DELIMITER: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::{is_discardable, starts_frame, starts_keyframe};

    /// Payload, starts a keyframe, starts a frame. The byte behind a slice header begins with `first_mb_in_slice`.
    #[test]
    fn table() {
        for (payload, keyframe, frame) in [
            (&[0x65, 0x88][..], true, true),
            (&[0x65, 0x40], true, false),
            (&[0x61, 0x9a], false, true),
            (&[0x61, 0x40], false, false),
            (&[0x67, 0x42], true, true),
            (&[0x68, 0xce], false, true),
            (&[0x06, 0x05], false, true),
            (&[0x09, 0xf0], false, true),
            (&[0x63, 0x80], false, false),
            // STAP-A of SPS and PPS, of PPS and IDR, of SEI and slice.
            (&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68], true, true),
            (&[0x78, 0, 1, 0x68, 0, 2, 0x65, 0x88], true, true),
            (&[0x78, 0, 2, 0x06, 0x05, 0, 2, 0x61, 0x9a], false, true),
            // FU-A: first, middle and last fragment of an IDR slice, first of another slice.
            (&[0x7c, 0x85, 0x88], true, true),
            (&[0x7c, 0x05, 0x88], false, false),
            (&[0x7c, 0x45, 0x88], false, false),
            (&[0x7c, 0x81, 0x9a], false, true),
            (&[0x7c, 0x81, 0x40], false, false),
            // Interleaved mode, reserved types.
            (&[0x79, 0, 0, 0, 1, 0x65], false, false),
            (&[0x7d, 0x85, 0, 0, 0x88], false, false),
            (&[0x60, 0x65], false, false),
            (&[0x7f, 0x65], false, false),
        ] {
            assert_eq!((starts_keyframe(payload), starts_frame(payload)), (keyframe, frame), "{payload:02x?}");
        }
    }

    #[test]
    fn unreferenced_slices() {
        for (payload, discardable) in [
            (&[0x01, 0x9a][..], true),
            (&[0x61, 0x9a], false),
            (&[0x21, 0x9a], false),
            // Fragments, whichever.
            (&[0x1c, 0x81, 0x9a], true),
            (&[0x1c, 0x01, 0x9a], true),
            (&[0x7c, 0x01, 0x9a], false),
            // Aggregates, whatever stands before the slices and whatever their own header says.
            (&[0x18, 0, 2, 0x01, 0x9a], true),
            (&[0x18, 0, 2, 0x06, 0x05, 0, 2, 0x01, 0x9a], true),
            (&[0x18, 0, 2, 0x01, 0x9a, 0, 2, 0x61, 0x9a], false),
            (&[0x18, 0, 2, 0x09, 0xf0, 0, 2, 0x61, 0x9a], false),
            (&[0x18, 0, 2, 0x06, 0x05], false),
            // SEI, delimiter and IDR slices say nothing.
            (&[0x06, 0x05], false),
            (&[0x09, 0xf0], false),
            (&[0x05, 0x88], false),
            (&[0x1c, 0x85, 0x88], false),
            (&[0x1c], false),
            (&[], false),
        ] {
            assert_eq!(is_discardable(payload), discardable, "{payload:02x?}");
        }
    }

    #[test]
    fn lies_about_lengths() {
        assert!(!starts_keyframe(&[]) && !starts_frame(&[]));
        assert!(!starts_keyframe(&[0x78]) && !starts_frame(&[0x78]));
        assert!(!starts_keyframe(&[0x78, 0, 3, 0x67, 0x42]), "cut off");
        assert!(!starts_keyframe(&[0x78, 0, 0, 0, 1, 0x67]), "an empty unit ends the search");
        assert!(!starts_keyframe(&[0x78, 0]));
        assert!(!starts_keyframe(&[0x7c]));
        assert!(starts_keyframe(&[0x7c, 0x85]), "a fragment may be empty");
    }
}
