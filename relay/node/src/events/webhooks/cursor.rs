//! How far a webhook has come, and what it will never get.

use serde::{Deserialize, Serialize};

use crate::events::log::Batch;

/// Rooms whose gaps are kept one by one; beyond, one marker says that there were more.
const MAX_GAPS: usize = 1000;

/// Events that a webhook will not get, both ends included. Without a room: of further rooms too.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::events) struct Gap {
    pub(in crate::events) room: Option<String>,
    pub(in crate::events) from: Option<u64>,
    pub(in crate::events) to: Option<u64>,
}

impl Gap {
    /// The gap as it is told.
    pub(in crate::events) fn line(&self) -> String {
        serde_json::json!({"type": "gap", "room": self.room, "from": self.from, "to": self.to}).to_string()
    }
}

/// One webhook's place in the log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(in crate::events) struct Cursor {
    /// Everything up to this position is done.
    pub(in crate::events) after: u64,
    /// To be told before anything else.
    pub(in crate::events) gaps: Vec<Gap>,
}

impl Cursor {
    pub(in crate::events) fn at(position: u64) -> Self {
        Self { after: position, gaps: Vec::new() }
    }

    /// A row that cannot be read sends the webhook everything again rather than nothing.
    pub(in crate::events) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(in crate::events) fn write(&self) -> String {
        // Numbers and strings always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A batch was taken.
    pub(in crate::events) fn delivered(&mut self, batch: &Batch) {
        self.after = self.after.max(batch.upto);
        self.gaps.retain(|gap| !batch.gaps.contains(gap));
    }

    /// A batch is given up. Its gaps stay.
    pub(in crate::events) fn skipped(&mut self, batch: &Batch) {
        self.after = self.after.max(batch.upto);
        for row in &batch.rows {
            self.missed(&row.room, row.seq);
        }
    }

    /// One event will not come.
    pub(in crate::events) fn missed(&mut self, room: &str, seq: u64) {
        let same = self.gaps.iter_mut().find(|gap| gap.room.as_deref() == Some(room));
        if let Some(gap) = same {
            gap.from = gap.from.map(|from| from.min(seq));
            gap.to = gap.to.map(|to| to.max(seq));
        } else if self.gaps.len() < MAX_GAPS {
            self.gaps.push(Gap { room: Some(room.to_owned()), from: Some(seq), to: Some(seq) });
        } else if self.gaps.len() == MAX_GAPS {
            self.gaps.push(Gap { room: None, from: None, to: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::log::Row;

    fn row(room: &str, seq: u64) -> Row {
        Row { room: room.into(), seq, at: 0, line: String::new() }
    }

    #[test]
    fn gaps_grow_are_told_once_and_are_bounded() {
        let mut cursor = Cursor::at(5);
        let batch = Batch { rows: vec![row("a", 3), row("b", 1), row("a", 4)], upto: 8, ..Batch::default() };
        cursor.skipped(&batch);
        let a = Gap { room: Some("a".into()), from: Some(3), to: Some(4) };
        let b = Gap { room: Some("b".into()), from: Some(1), to: Some(1) };
        assert_eq!((cursor.after, cursor.gaps.as_slice()), (8, [a.clone(), b.clone()].as_slice()));
        assert_eq!(Cursor::read(&cursor.write()), cursor);
        // While `a` was told it grew: it is told again, whole.
        let told = Batch { gaps: vec![a, b], upto: 9, ..Batch::default() };
        cursor.missed("a", 5);
        cursor.delivered(&told);
        assert_eq!((cursor.after, cursor.gaps), (9, vec![Gap { room: Some("a".into()), from: Some(3), to: Some(5) }]));
        let mut many = Cursor::default();
        for room in 0..2 * MAX_GAPS {
            many.missed(&room.to_string(), 1);
        }
        assert_eq!(many.gaps.len(), MAX_GAPS + 1);
        assert_eq!(many.gaps.last().map(Gap::line).as_deref(), Some(r#"{"from":null,"room":null,"to":null,"type":"gap"}"#));
    }
}
