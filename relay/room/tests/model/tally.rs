//! What a run has seen: a generator that never gets somewhere proves nothing.

use std::collections::BTreeMap;

use room::{Code, Command, Refusal};

/// How often each command succeeded, was refused, and each code was seen.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) commands: BTreeMap<&'static str, (u64, u64)>,
    pub(crate) codes: BTreeMap<Code, u64>,
    /// States that the run has to reach, by name.
    pub(crate) states: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        for (name, (done, refused)) in &other.commands {
            let entry = self.commands.entry(name).or_default();
            *entry = (entry.0 + done, entry.1 + refused);
        }
        for (code, count) in &other.codes {
            *self.codes.entry(*code).or_default() += count;
        }
        for (state, count) in &other.states {
            *self.states.entry(state).or_default() += count;
        }
    }

    pub(crate) fn note(&mut self, name: &'static str, result: Result<(), &Refusal>) {
        let entry = self.commands.entry(name).or_default();
        match result {
            Ok(()) => entry.0 += 1,
            Err(refusal) => {
                entry.1 += 1;
                *self.codes.entry(refusal.code).or_default() += 1;
            }
        }
    }
}

/// The command's name as it travels.
pub(crate) fn name(command: &Command) -> &'static str {
    let text = format!("{command:?}");
    let word = text.split([' ', '{']).next().unwrap_or_default();
    NAMES.iter().find(|name| **name == word).copied().unwrap_or("unnamed")
}

/// Every command.
pub(crate) const NAMES: [&str; 42] = [
    "SetSource",
    "RaiseHand",
    "LowerHand",
    "Say",
    "Pin",
    "AskHelp",
    "Go",
    "Mute",
    "Unmute",
    "MuteAll",
    "UnmuteAll",
    "DenyCamera",
    "AllowCamera",
    "DenyCameras",
    "AllowCameras",
    "StopScreen",
    "SetAlwaysHeard",
    "SetLayout",
    "SetDirection",
    "Change",
    "Lock",
    "Unlock",
    "Admit",
    "AdmitAll",
    "Deny",
    "Remove",
    "AllowBack",
    "EndMeeting",
    "Spotlight",
    "Delegate",
    "Undelegate",
    "LowerHands",
    "CreateBreakouts",
    "RenameBreakout",
    "DeleteBreakout",
    "Assign",
    "AssignRandom",
    "OpenBreakouts",
    "SetTimer",
    "Recall",
    "RecallAll",
    "Broadcast",
];
