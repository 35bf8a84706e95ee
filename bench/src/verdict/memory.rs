//! What the verdict remembers from one time to the next: each figure now and the time before, and how much it moves by itself.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::figures::{Figures, json};

/// What lies in `target/budgets/memory.json`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// As measured last.
    pub now: Figures,
    /// As measured before that.
    pub last: Figures,
    /// The noise floor: how far apart measurements of the same program lie, as a share of their middle.
    pub noise: BTreeMap<String, f64>,
}

impl Memory {
    /// What was kept in `folder`; empty the first time.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn load(folder: &Path) -> io::Result<Self> {
        let file = folder.join("memory.json");
        if file.is_file() { json(&file) } else { Ok(Self::default()) }
    }

    /// Keeps it in `folder`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        std::fs::write(folder.join("memory.json"), text)
    }

    /// Takes over new figures. One that did not change to the last digit was not measured again, and keeps what it was before.
    pub fn learn(&mut self, figures: Figures) {
        for (name, value) in figures {
            if let Some(before) = self.now.insert(name.clone(), value)
                && before != value
            {
                self.last.insert(name, before);
            }
        }
    }

    /// Takes the noise floor from A/A rounds: the same program measured several times. Figures of fewer than two rounds are left alone.
    pub fn learn_noise(&mut self, rounds: &[Figures]) {
        let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (name, value) in rounds.iter().flatten() {
            values.entry(name).or_default().push(*value);
        }
        for (name, mut values) in values {
            if let Some(noise) = spread(&mut values) {
                self.noise.insert(name.to_owned(), noise);
            }
        }
    }
}

/// How far apart values lie, as a share of their median; `None` for fewer than two.
#[must_use]
pub fn spread(values: &mut [f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let middle = crate::median::median(values);
    let (first, last) = (values.first()?, values.last()?);
    (middle > 0.0).then(|| (last - first) / middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(values: &[(&str, f64)]) -> Figures {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn what_was_not_measured_again_keeps_its_past() {
        let mut memory = Memory::default();
        memory.learn(figures(&[("a", 1.0), ("b", 5.0)]));
        assert_eq!(memory.last, Figures::new(), "nothing was before the first time");
        memory.learn(figures(&[("a", 2.0), ("b", 5.0)]));
        memory.learn(figures(&[("a", 2.0), ("b", 5.0)]));
        assert_eq!((memory.now["a"], memory.last["a"]), (2.0, 1.0), "looking twice changes nothing");
        assert!(!memory.last.contains_key("b"));
    }

    #[test]
    fn noise_is_the_spread_of_equals() {
        let mut memory = Memory::default();
        memory.learn_noise(&[figures(&[("a", 95.0), ("b", 1.0)]), figures(&[("a", 100.0)]), figures(&[("a", 105.0)])]);
        assert_eq!(memory.noise, BTreeMap::from([("a".to_owned(), 0.1)]), "once is no noise");
    }
}
