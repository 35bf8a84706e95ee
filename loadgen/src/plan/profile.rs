//! What a plan assumes: every figure with its flag, default, bounds, likely range and reason, in one table.

use std::fmt;

/// One assumption: what it is called, what may be set, and why the default is what it is.
#[derive(Clone, Copy, Debug)]
pub struct Assumption {
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// What is planned with unless somebody says otherwise.
    pub default: f64,
    /// What makes sense at all, both ends included.
    pub allowed: (f64, f64),
    /// What is likely: a plan shows what either end would change.
    pub likely: (f64, f64),
    /// Unit; empty for counts and shares.
    pub unit: &'static str,
    /// What it is and why, in English.
    pub english: &'static str,
    /// The same in Danish.
    pub danish: &'static str,
    read: fn(&Profile) -> f64,
    field: fn(&mut Profile) -> &mut f64,
}

impl Assumption {
    /// Its value in a profile.
    #[must_use]
    pub fn of(&self, profile: &Profile) -> f64 {
        (self.read)(profile)
    }

    /// Sets it.
    ///
    /// # Errors
    /// [`Refused`] outside [`Self::allowed`].
    pub fn set(&self, profile: &mut Profile, value: f64) -> Result<(), Refused> {
        self.check(value)?;
        *(self.field)(profile) = value;
        Ok(())
    }

    /// Whether a value is allowed.
    ///
    /// # Errors
    /// [`Refused`] outside [`Self::allowed`], or if it is no number.
    pub fn check(&self, value: f64) -> Result<(), Refused> {
        let (least, most) = self.allowed;
        let fits = (least..=most).contains(&value);
        fits.then_some(()).ok_or_else(|| Refused(format!("{value} is not within {least} to {most}")))
    }
}

/// Why a profile cannot be planned for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

macro_rules! assumptions {
    ($( $field:ident $flag:literal $default:literal $allowed:expr, $likely:expr, $unit:literal, $english:literal, $danish:literal; )*) => {
        /// All assumptions together. Rates, lengths and costs are in the units of their flags.
        #[derive(Clone, PartialEq, Debug)]
        pub struct Profile { $( #[doc = $english] pub $field: f64, )* }

        impl Default for Profile {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        /// The table, in the order in which a plan prints it.
        pub const ASSUMPTIONS: &[Assumption] = &[ $( Assumption {
            flag: $flag, default: $default, allowed: $allowed, likely: $likely, unit: $unit, english: $english, danish: $danish,
            read: |profile| profile.$field, field: |profile| &mut profile.$field,
        }, )* ];
    };
}

assumptions! {
    // Meetings and people.
    meetings_per_month "meetings-per-month" 91970.0 (1.0, 1e8), (91970.0, 91970.0), "",
        "Meetings in a month: what is planned for.", "Møder på en måned: det, der planlægges for.";
    working_days "working-days" 21.0 (15.0, 31.0), (20.0, 22.0), "",
        "Days of a month on which they are held: 20 to 22 working days.", "Dage på en måned, hvor de holdes: 20 til 22 arbejdsdage.";
    peak_day "peak-day" 1.25 (1.0, 3.0), (1.1, 1.4), "",
        "Busiest day against the mean day: after holidays, in an epidemic.", "Travleste dag mod en middeldag: efter ferier, under en epidemi.";
    busy_hour_share "busy-hour-share" 0.18 (0.15, 0.5), (0.15, 0.2), "",
        "Share of a day's meetings that begin in its busiest hour: 15 to 20 % in clinics.",
        "Andel af dagens møder, der begynder i den travleste time: 15 til 20 % i klinikker.";
    quarter_burst "quarter-burst" 0.6 (0.0, 1.0), (0.4, 0.8), "",
        "Share of meetings by appointment on the quarter hour; the others begin at any moment.",
        "Andel af møder med en aftale på kvarteret; de andre begynder når som helst.";
    pulse_minutes "pulse-minutes" 2.0 (0.5, 7.0), (1.0, 4.0), "min",
        "How far from its moment an appointment opens at most, either way (a triangle).",
        "Hvor langt fra sit tidspunkt en aftale højst åbner, til hver side (en trekant).";
    early_minutes "early-minutes" 5.0 (0.0, 30.0), (0.0, 10.0), "min",
        "Time a room is open before its appointment, because people come early and wait; counted as meeting.",
        "Tid, et rum er åbent før aftalen, fordi folk kommer i god tid og venter; regnes med som møde.";
    minutes "minutes" 18.0 (1.0, 240.0), (8.0, 30.0), "min",
        "Mean length of a meeting: 8 to 30 minutes by kind of visit; a national service measured 20 in 2020.",
        "Et mødes middellængde: 8 til 30 minutter efter slags; en national tjeneste målte 20 i 2020.";
    minutes_spread "minutes-spread" 0.8 (0.1, 2.0), (0.4, 1.2), "",
        "Standard deviation of the length against its mean (log-normal): most are short, few are very long.",
        "Længdens spredning i forhold til dens middel (lognormal): de fleste er korte, få er meget lange.";
    people "people" 2.5 (2.0, 12.0), (2.3, 2.8), "",
        "Mean people in a meeting: a visit is two, sometimes with relatives or an interpreter.",
        "Personer i et møde i middel: en konsultation er to, nogle gange med pårørende eller tolk.";
    large_share "large-share" 0.01 (0.0, 0.5), (0.0, 0.03), "",
        "Share of meetings with 6 to 33 people: conferences between hospitals and municipalities.",
        "Andel af møder med 6 til 33 personer: konferencer mellem sygehuse og kommuner.";
    large_people "large-people" 12.0 (7.0, 30.0), (8.0, 16.0), "",
        "Mean people in one of those.", "Personer i et af dem i middel.";
    quantile "quantile" 0.999 (0.5, 0.999999), (0.99, 0.9999), "",
        "Share of peak days on which the busiest minute must be carried: the plan is for this quantile.",
        "Andel af spidsdage, hvor det travleste minut skal kunne bæres: planen gælder denne fraktil.";
    rejoin_seconds "rejoin-seconds" 12.0 (1.0, 300.0), (5.0, 30.0), "s",
        "Time in which the people of a lost node come back; clients try again after a random wait.",
        "Tid, hvori personer fra en tabt node kommer tilbage; klienter prøver igen efter en tilfældig pause.";
    // Media.
    audio_pps "audio-pps" 50.0 (10.0, 100.0), (50.0, 50.0), "1/s",
        "Packets of sound a second from each person: Opus with 20 ms.", "Lydpakker i sekundet fra hver person: Opus med 20 ms.";
    audio_kbps "audio-kbps" 32.0 (6.0, 128.0), (24.0, 48.0), "kbit/s",
        "Rate of sound.", "Lydens hastighed.";
    sound_share "sound-share" 1.0 (0.05, 1.0), (0.4, 1.0), "",
        "Share of the time in which sound is sent: 1 without DTX, about 0.5 in a dialogue with it.",
        "Andel af tiden, hvor der sendes lyd: 1 uden DTX, omkring 0,5 i en samtale med.";
    voices "voices" 33.0 (1.0, 33.0), (4.0, 33.0), "",
        "Voices that a listener gets at most.", "Stemmer, en lytter højst får.";
    large_muted "large-muted" 0.7 (0.0, 1.0), (0.4, 0.9), "",
        "Share of people who are muted in meetings larger than mid-people: they send no sound.",
        "Andel af personer, der har slået lyden fra i møder større end mid-people: de sender ingen lyd.";
    camera_share "camera-share" 0.95 (0.0, 1.0), (0.7, 1.0), "",
        "Share of people with a camera on: in visits nearly all.", "Andel af personer med kamera tændt: i konsultationer næsten alle.";
    low_kbps "low-kbps" 150.0 (30.0, 500.0), (100.0, 200.0), "kbit/s",
        "Rate of the low layer (180 lines).", "Det lave lags hastighed (180 linjer).";
    mid_kbps "mid-kbps" 500.0 (100.0, 1500.0), (400.0, 700.0), "kbit/s",
        "Rate of the middle layer (360 lines).", "Det mellemste lags hastighed (360 linjer).";
    high_kbps "high-kbps" 1500.0 (300.0, 6000.0), (1200.0, 2500.0), "kbit/s",
        "Rate of the high layer (720 lines).", "Det høje lags hastighed (720 linjer).";
    high_people "high-people" 2.0 (2.0, 33.0), (2.0, 4.0), "",
        "Meetings up to this size show the high layer in each tile.", "Møder op til denne størrelse viser det høje lag i hvert felt.";
    mid_people "mid-people" 4.0 (2.0, 33.0), (4.0, 9.0), "",
        "Meetings up to this size show the middle layer; larger ones show the low layer, and one middle one for the speaker.",
        "Møder op til denne størrelse viser det mellemste lag; større viser det lave lag, og ét mellemste for den, der taler.";
    tiles "tiles" 32.0 (1.0, 48.0), (9.0, 32.0), "",
        "Cameras that a page shows at most.", "Kameraer, en side højst viser.";
    screen_share "screen-share" 0.1 (0.0, 1.0), (0.05, 0.2), "",
        "Share of the time in which a meeting has a shared screen.", "Andel af tiden, hvor et møde har en delt skærm.";
    screen_kbps "screen-kbps" 1200.0 (100.0, 6000.0), (600.0, 2500.0), "kbit/s",
        "Rate of a shared screen, mean.", "En delt skærms hastighed, middel.";
    video_bytes "video-bytes" 1050.0 (200.0, 1400.0), (950.0, 1150.0), "bytes",
        "Mean payload of a video packet; the last one of a frame is shorter.",
        "En videopakkes indhold i middel; den sidste i et billede er kortere.";
    header_bytes "header-bytes" 70.0 (40.0, 120.0), (62.0, 82.0), "bytes",
        "Around each payload: IPv4, UDP, RTP with extensions, SRTP tag; IPv6 adds 20.",
        "Uden om indholdet: IPv4, UDP, RTP med udvidelser, SRTP-mærke; IPv6 lægger 20 til.";
    feedback_pps "feedback-pps" 15.0 (1.0, 60.0), (8.0, 25.0), "1/s",
        "Packets of feedback and checks a second, from and to each person: TWCC every 100 ms, reports, ICE.",
        "Tilbagemeldinger og tjek i sekundet, fra og til hver person: TWCC hver 100 ms, rapporter, ICE.";
    repair_share "repair-share" 0.02 (0.0, 0.3), (0.005, 0.05), "",
        "Video packets sent again, against those sent.", "Videopakker, der sendes igen, i forhold til de sendte.";
    // Costs: guesses until a run is measured.
    packet_us "packet-us" 3.0 (0.1, 50.0), (1.5, 6.0), "µs",
        "A core's time for a packet sent on, softirq included. A guess: copy, seal and send alone take 0.8 to 2.7.",
        "En kernes tid for en pakke, der sendes videre, med softirq. Et gæt: kopi, kryptering og afsendelse alene tager 0,8 til 2,7.";
    ingress_weight "ingress-weight" 0.5 (0.0, 2.0), (0.3, 0.8), "",
        "Cost of a packet that comes in, against one that goes out: receive and open against copy, seal and send.",
        "Prisen på en pakke ind mod en ud: modtag og åbn mod kopi, kryptering og afsendelse.";
    client_us "client-us" 400.0 (0.0, 50000.0), (100.0, 1500.0), "µs/s",
        "A core's time for a person in each second, besides packets: timers, feedback, allocation. A guess.",
        "En kernes tid for en person i hvert sekund ud over pakker: timere, tilbagemeldinger, fordeling. Et gæt.";
    join_us "join-us" 500.0 (0.0, 100_000.0), (250.0, 2000.0), "µs",
        "A core's time for a join. A guess: DTLS alone takes 160, certificates and signalling come on top.",
        "En kernes tid for en tilslutning. Et gæt: DTLS alene tager 160, certifikater og signalering kommer oveni.";
    idle_cores "idle-cores" 0.02 (0.0, 4.0), (0.0, 0.1), "",
        "Cores that a node uses with nobody there. A guess.", "Kerner, en node bruger, når ingen er der. Et gæt.";
    client_kib "client-kib" 500.0 (1.0, 100_000.0), (250.0, 1500.0), "KiB",
        "Memory of a node for a person. A guess: the goals are 256 for a publisher and 32 for each receiver.",
        "En nodes hukommelse til en person. Et gæt: målene er 256 for en, der sender, og 32 for hver modtager.";
    idle_mib "idle-mib" 64.0 (1.0, 100_000.0), (30.0, 200.0), "MiB",
        "Memory of a node with nobody there. A guess.", "En nodes hukommelse, når ingen er der. Et gæt.";
    // Nodes.
    node_cores "node-cores" 8.0 (1.0, 512.0), (4.0, 16.0), "",
        "Cores of a node.", "En nodes kerner.";
    core_load "core-load" 0.5 (0.05, 0.95), (0.4, 0.7), "",
        "Load that cores are planned for: latency is promised at half.", "Last, som kerner planlægges til: forsinkelsen loves ved det halve.";
    node_gib "node-gib" 16.0 (0.5, 10_000.0), (8.0, 32.0), "GiB",
        "Memory of a node.", "En nodes hukommelse.";
    memory_load "memory-load" 0.6 (0.05, 0.95), (0.5, 0.8), "",
        "Share of the memory that is planned for.", "Andel af hukommelsen, der planlægges til.";
    node_gbps "node-gbps" 10.0 (0.01, 1000.0), (1.0, 25.0), "Gbit/s",
        "Line of a node, each way.", "En nodes linje, hver vej.";
    line_load "line-load" 0.5 (0.05, 0.95), (0.4, 0.7), "",
        "Load that lines are planned for: bursts need the rest.", "Last, som linjer planlægges til: udbrud skal bruge resten.";
    spares "spares" 1.0 (0.0, 100.0), (1.0, 2.0), "",
        "Nodes that may be lost at the busiest minute.", "Noder, der må gå tabt i det travleste minut.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_likely_range_is_allowed_and_every_flag_is_its_own() {
        for (index, row) in ASSUMPTIONS.iter().enumerate() {
            for value in [row.default, row.likely.0, row.likely.1] {
                assert!(row.check(value).is_ok(), "{}: {value}", row.flag);
            }
            assert!(row.likely.0 <= row.default && row.default <= row.likely.1, "{}", row.flag);
            assert!(row.english.ends_with('.') && row.danish.ends_with('.'), "{}", row.flag);
            assert!(ASSUMPTIONS[..index].iter().all(|other| other.flag != row.flag), "{}", row.flag);
            assert_eq!(row.of(&Profile::default()), row.default, "{}", row.flag);
        }
    }

    #[test]
    fn a_value_outside_is_refused_and_changes_nothing() {
        let row = ASSUMPTIONS.iter().find(|row| row.flag == "people").expect("it is there");
        let mut profile = Profile::default();
        for bad in [1.9, 12.1, f64::NAN, f64::INFINITY] {
            assert!(row.set(&mut profile, bad).is_err(), "{bad}");
        }
        assert_eq!(profile, Profile::default());
        row.set(&mut profile, 2.8).expect("allowed");
        assert_eq!(profile.people, 2.8);
    }
}
