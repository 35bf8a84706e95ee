//! Settings: whether a template makes sense, which settings change while people are in the meeting, and how.

use crate::command::Command;
use crate::effect::{Change, Effect};
use crate::ids::Time;
use crate::layout::Layout;
use crate::log::Log;
use crate::refusal::{Code, Refusal};
use crate::room::Room;
use crate::settings::{Direction, MAX_INVITEES, MAX_LAYOUT_RULES, MAX_LOGO, MAX_TITLE, MAX_WAITING_TEXT, Settings, Template};

/// What the staff may change in the meeting. The rest (logo, opening, invitees, languages) belongs to whoever books the room.
pub(crate) const LIVE: &[&str] = &[
    "title",
    "layout",
    "layout_rules",
    "direction",
    "guest_microphone",
    "guest_camera",
    "guests_hear_guests",
    "host_unmute",
    "screen_share",
    "screens",
    "chat",
    "chat_history",
    "hands",
    "waiting_room",
    "waiting_text",
    "waiting_queue",
    "names",
    "name_list",
    "breakouts",
    "max_participants",
    "ends_at",
    "hard_end",
    "grace_seconds",
    "when_abandoned",
];

/// Most screens at one time.
const MAX_SCREENS: u32 = 4;
/// Most `max_participants`.
const MAX_PARTICIPANTS: u32 = 500;
/// Longest `early_seconds`: a week.
const MAX_EARLY: u32 = 7 * 86_400;
/// Longest `grace_seconds`: a day.
const MAX_GRACE: u32 = 86_400;
/// Languages that pages have.
const LANGUAGES: &[&str] = &["da", "en"];

impl Template {
    /// Whether every setting that is given is in its range.
    ///
    /// # Errors
    /// `Invalid`, with the name of the setting as the field.
    pub fn check(&self) -> Result<(), Refusal> {
        check_length("title", self.title.as_deref(), MAX_TITLE)?;
        check_length("waiting_text", self.waiting_text.as_deref(), MAX_WAITING_TEXT)?;
        check_range("screens", self.screens, 1..=MAX_SCREENS)?;
        check_range("max_participants", self.max_participants, 1..=MAX_PARTICIPANTS)?;
        check_range("early_seconds", self.early_seconds, 0..=MAX_EARLY)?;
        check_range("grace_seconds", self.grace_seconds, 0..=MAX_GRACE)?;
        if self.waiting_logo.as_deref().is_some_and(|logo| !is_logo(logo)) {
            let message = format!("must be a path on this relay or data:image/…, at most {MAX_LOGO} bytes");
            return Err(Refusal::invalid("waiting_logo", message));
        }
        if let Some(rules) = &self.layout_rules {
            let distinct =
                rules.iter().enumerate().all(|(index, rule)| rule.from > 0 && rules[..index].iter().all(|other| other.from != rule.from));
            if rules.len() > MAX_LAYOUT_RULES || !distinct {
                let message = format!("at most {MAX_LAYOUT_RULES} rules, each with another `from` of at least 1");
                return Err(Refusal::invalid("layout_rules", message));
            }
        }
        self.check_invitees()?;
        if let Some(languages) = &self.languages
            && (languages.len() > LANGUAGES.len() || languages.iter().any(|language| !LANGUAGES.contains(&language.as_str())))
        {
            return Err(Refusal::invalid("languages", format!("must be among {}", LANGUAGES.join(", "))));
        }
        check_span(self.opens_at.flatten(), self.ends_at.flatten())
    }

    fn check_invitees(&self) -> Result<(), Refusal> {
        let Some(invitees) = &self.invitees else { return Ok(()) };
        let good = |text: &str| !text.trim().is_empty() && text.chars().count() <= MAX_TITLE;
        let mut ids: Vec<&str> = invitees.iter().map(|invitee| invitee.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        if invitees.len() > MAX_INVITEES || ids.len() < invitees.len() || !invitees.iter().all(|guest| good(&guest.id) && good(&guest.name))
        {
            let message = format!("at most {MAX_INVITEES}, each with an id of its own and a name, at most {MAX_TITLE} characters each");
            return Err(Refusal::invalid("invitees", message));
        }
        Ok(())
    }
}

impl Room {
    /// The stored definition changed. What differs from the former one holds from now on; what the staff changed meanwhile, and the
    /// definition did not, stays.
    pub fn configure(&mut self, now: Time, settings: Settings) -> Vec<Effect> {
        let mut log = Log::new(now, None);
        let changes = settings.excerpt(&self.definition.differences(&settings));
        self.definition = settings;
        self.take_on(&mut log, &changes);
        self.settle(log)
    }

    /// Changes settings of the running meeting.
    pub(crate) fn change(&mut self, log: &mut Log, template: &Template) -> Result<(), Refusal> {
        if let Some(name) = template.given().into_iter().find(|name| !LIVE.contains(name)) {
            return Err(Refusal::field(name, Code::NotAllowedHere, "cannot be changed while the meeting runs"));
        }
        template.check()?;
        let after = self.settings.clone().with(template);
        check_span(after.opens_at, after.ends_at)?;
        if after.hard_end && after.ends_at.is_some_and(|at| at <= log.at) {
            return Err(Refusal::invalid("ends_at", "a hard end must be in the future"));
        }
        self.take_on(log, template);
        Ok(())
    }

    pub(crate) fn set_layout(&mut self, log: &mut Log, layout: Layout) {
        if self.course.layout != Some(layout) {
            self.course.layout = Some(layout);
            log.event(Change::LayoutChanged { layout });
        }
    }

    pub(crate) fn set_direction(&mut self, log: &mut Log, direction: Direction) {
        if self.settings.direction != direction {
            self.settings.direction = direction;
            log.event(Change::DirectionChanged { direction });
        }
    }

    fn take_on(&mut self, log: &mut Log, template: &Template) {
        if let Some(direction) = template.direction {
            self.set_direction(log, direction);
        }
        let after = self.settings.clone().with(template);
        let names = self.settings.differences(&after);
        self.settings = after;
        // Whoever sets the rule wants the rule.
        if names.contains(&"layout") || names.contains(&"layout_rules") {
            self.course.layout = None;
        }
        if !names.is_empty() {
            log.event(Change::SettingsChanged { settings: names });
        }
    }
}

impl Command {
    /// Names of the settings that [`Command::Change`] may change.
    #[must_use]
    pub fn live_settings() -> &'static [&'static str] {
        LIVE
    }
}

fn check_length(field: &'static str, text: Option<&str>, most: usize) -> Result<(), Refusal> {
    let short = text.is_none_or(|text| text.chars().count() <= most);
    if short { Ok(()) } else { Err(Refusal::invalid(field, format!("must have at most {most} characters"))) }
}

fn check_range(field: &'static str, value: Option<u32>, range: std::ops::RangeInclusive<u32>) -> Result<(), Refusal> {
    let inside = value.is_none_or(|value| range.contains(&value));
    if inside { Ok(()) } else { Err(Refusal::invalid(field, format!("must be {} to {}", range.start(), range.end()))) }
}

fn check_span(opens_at: Option<Time>, ends_at: Option<Time>) -> Result<(), Refusal> {
    match (opens_at, ends_at) {
        (Some(opens), Some(ends)) if ends <= opens => Err(Refusal::invalid("ends_at", "must be after opens_at")),
        _ => Ok(()),
    }
}

/// A path on this relay (not of another host), or an image in the address itself. Nothing that could end the attribute it is put into.
fn is_logo(logo: &str) -> bool {
    let path = logo.starts_with('/') && !logo.starts_with("//");
    let plain = logo.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\'));
    logo.is_empty() || (logo.len() <= MAX_LOGO && plain && (path || logo.starts_with("data:image/")))
}
