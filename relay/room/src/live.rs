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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Chat, Invitee, LayoutRule};
    use crate::testing::{NOW, ask, guest, host, room};

    fn invitee(id: &str) -> Invitee {
        Invitee { id: id.into(), name: "Somebody".into(), chat_as_staff: false, always_heard: false }
    }

    fn rule(from: u32) -> LayoutRule {
        LayoutRule { from, layout: Layout::Equal }
    }

    #[test]
    fn ranges_of_settings() {
        let t = Template::default;
        let logo = |text: &str| Template { waiting_logo: Some(text.into()), ..t() };
        /// A template, and the field to blame.
        type Row = (Template, Option<&'static str>);
        let rows: Vec<Row> = vec![
            (t(), None),
            (Template { title: Some("æ".repeat(120)), ..t() }, None),
            (Template { title: Some("æ".repeat(121)), ..t() }, Some("title")),
            (Template { waiting_text: Some("a".repeat(501)), ..t() }, Some("waiting_text")),
            (Template { screens: Some(0), ..t() }, Some("screens")),
            (Template { screens: Some(5), ..t() }, Some("screens")),
            (Template { max_participants: Some(0), ..t() }, Some("max_participants")),
            (Template { max_participants: Some(500), ..t() }, None),
            (Template { max_participants: Some(501), ..t() }, Some("max_participants")),
            (Template { grace_seconds: Some(86_401), ..t() }, Some("grace_seconds")),
            (logo(""), None),
            (logo("/logo/north.svg"), None),
            (logo("data:image/png;base64,AAAA"), None),
            (logo("//elsewhere.example/logo.png"), Some("waiting_logo")),
            (logo("https://elsewhere.example/logo.png"), Some("waiting_logo")),
            (logo("javascript:alert(1)"), Some("waiting_logo")),
            (logo("/logo\" onerror=alert(1)"), Some("waiting_logo")),
            (logo(&format!("/{}", "a".repeat(512))), Some("waiting_logo")),
            (Template { layout_rules: Some(vec![rule(1), rule(8)]), ..t() }, None),
            (Template { layout_rules: Some(vec![rule(0)]), ..t() }, Some("layout_rules")),
            (Template { layout_rules: Some(vec![rule(3), rule(3)]), ..t() }, Some("layout_rules")),
            (Template { layout_rules: Some((1..12).map(rule).collect()), ..t() }, Some("layout_rules")),
            (Template { invitees: Some(vec![invitee("a"), invitee("b")]), ..t() }, None),
            (Template { invitees: Some(vec![invitee("a"), invitee("a")]), ..t() }, Some("invitees")),
            (Template { invitees: Some(vec![invitee(" ")]), ..t() }, Some("invitees")),
            (Template { languages: Some(vec!["da".into(), "en".into()]), ..t() }, None),
            (Template { languages: Some(vec!["tlh".into()]), ..t() }, Some("languages")),
            (Template { opens_at: Some(Some(NOW)), ends_at: Some(Some(NOW)), ..t() }, Some("ends_at")),
        ];
        for (template, blamed) in rows {
            let refusal = template.check().err();
            assert_eq!(refusal.as_ref().and_then(|refusal| refusal.field), blamed, "{template:?}");
            assert!(refusal.is_none_or(|refusal| refusal.code == Code::Invalid));
        }
    }

    #[test]
    fn every_setting_is_live_or_belongs_to_the_booking() {
        let booked = ["waiting_logo", "opens_at", "early_seconds", "invitees", "languages"];
        for name in Template::NAMES {
            assert!(LIVE.contains(name) != booked.contains(name), "{name}");
        }
        assert_eq!(LIVE.len() + booked.len(), Template::NAMES.len());
    }

    #[test]
    fn live_changes_are_whole_or_refused_and_outlast_other_definitions() {
        let mut room = room(Settings::default());
        let (_, bo) = (host(&mut room, "Anna"), guest(&mut room, "Bo"));
        let change = |template: Template| Command::Change { settings: Box::new(template) };
        let before = room.clone();
        let mixed = Template { chat: Some(Chat::Off), languages: Some(vec!["da".into()]), ..Template::default() };
        assert_eq!(ask(&mut room, change(mixed)).unwrap_err().field, Some("languages"));
        let late = Template { ends_at: Some(Some(NOW)), hard_end: Some(true), ..Template::default() };
        assert_eq!(ask(&mut room, change(late)).unwrap_err().field, Some("ends_at"));
        assert_eq!(room, before);
        ask(&mut room, change(Template { chat: Some(Chat::Off), ..Template::default() })).unwrap();
        room.configure(NOW, Settings { guest_camera: false, ..Settings::default() });
        assert_eq!((room.settings.chat, room.settings.guest_camera), (Chat::Off, false));
        ask(&mut room, Command::EndMeeting {}).unwrap();
        assert_eq!((room.settings.chat, room.settings.guest_camera), (Chat::Everyone, false), "a new meeting is as it was defined");
        assert!(room.participant(bo).is_none() && room.is_empty());
    }
}
