//! What speaks for a line's own losses and what for a full line, as the losses of a trial and their rows tell.

use super::loss::SURE;

/// Losses come in rows, so that a packet says less than a coin: of rows of so many packets, at the least ...
const LEAST_ROW: f64 = 1.5;
/// ... and at the most. Their mean is taken over the last so many losses.
const MOST_ROW: f64 = 6.0;
const ROWS: f64 = 200.0;

/// What a row loses beyond so many packets is not counted: for a moment the line carried nothing, however little had been sent.
const LONGEST_ROW: u32 = 16;

/// A line's losses are taken together over about so many packets: the smaller they are, the longer it takes to be sure of them, and the
/// less haste there is, because retransmissions make them good. A trial costs everybody quality for a second.
pub(super) const EVIDENCE: u32 = 1_500;

/// A line that was too full still loses so much when less is sent, by chance and by what others send.
const REMAINS: f64 = 0.01;

/// Less is sent for a while, to see what becomes of the losses.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Trial {
    /// What might be sent before, bit/s.
    pub(super) rate: f64,
    /// What is sent at most meanwhile, bit/s.
    pub(super) limit: f64,
    /// Share lost before.
    pub(super) before: f64,
    /// Share lost if it is the line's own.
    pub(super) if_own: f64,
    /// Share lost if the line is full and nothing but that is the reason.
    pub(super) if_full: f64,
    /// What arrived when the first of them began, bit/s.
    pub(super) arrived: f64,
    /// It follows another that did not go down far enough.
    pub(super) again: bool,
    /// Observations since, and what they count up to.
    pub(super) seen: u32,
    pub(super) lost: u32,
    pub(super) packets: u32,
}

impl Trial {
    /// With what was seen since.
    pub(super) fn with(self, lost: u32, packets: u32) -> Self {
        Self { lost: self.lost + lost, packets: self.packets + packets, ..self }
    }

    /// How much likelier the line's own losses explain what was seen than a line that was full, as a natural logarithm.
    pub(super) fn own_not_full(&self, dispersion: f64) -> f64 {
        let full = self.if_full.max(REMAINS);
        // Far enough apart to be told from one another, but not beyond what was lost before.
        let own = self.if_own.max((2.0 * full).min(f64::midpoint(full, self.before)));
        let (lost, packets) = (f64::from(self.lost), f64::from(self.packets));
        (lost * (own / full).ln() - packets * (own - full)) / dispersion
    }

    /// Whether surely less is lost than if either were true: the losses have ended by themselves.
    pub(super) fn is_over(&self, dispersion: f64) -> bool {
        let full = self.if_full.max(REMAINS);
        let (lost, packets) = (f64::from(self.lost), f64::from(self.packets));
        packets * (full - REMAINS) - lost * (full / REMAINS).ln() >= SURE * dispersion
    }
}

/// How long rows of losses are.
#[derive(Debug, Default)]
pub(super) struct Rows {
    lost: f64,
    rows: f64,
    /// Length of the row that is under way.
    length: u32,
}

impl Rows {
    #[inline]
    pub(super) fn arrived(&mut self) {
        self.length = 0;
    }

    /// A packet is lost. False if its row is too long to tell anything more.
    #[inline]
    pub(super) fn lost(&mut self) -> bool {
        if self.length >= LONGEST_ROW {
            return false;
        }
        if self.lost >= ROWS {
            (self.lost, self.rows) = (self.lost / 2.0, self.rows / 2.0);
        }
        self.lost += 1.0;
        self.rows += f64::from(u8::from(self.length == 0));
        self.length += 1;
        true
    }

    /// How many times as many packets are needed to know as much as if each were lost by itself (variance of a Gilbert channel).
    pub(super) fn dispersion(&self) -> f64 {
        // As if a few rows of the least length had been seen before.
        let mean = (self.lost + 10.0 * LEAST_ROW) / (self.rows + 10.0);
        2.0 * mean.clamp(LEAST_ROW, MOST_ROW) - 1.0
    }
}

/// 0 of nothing.
pub(super) fn ratio(part: u32, whole: u32) -> f64 {
    f64::from(part) / f64::from(whole.max(1))
}

/// Counts of lost and all packets with those of another observation; what is old counts half.
pub(super) fn gathered((lost, packets): (u32, u32), (newly_lost, new): (u32, u32)) -> (u32, u32) {
    let (lost, packets) = if packets > EVIDENCE { (lost / 2, packets / 2) } else { (lost, packets) };
    (lost + newly_lost, packets + new)
}
