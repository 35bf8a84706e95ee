//! What guessing comes to, in virtual time: the chance of strangers, and that they close nobody out who knows.
#![allow(clippy::unwrap_used)]

use super::*;

const START: u64 = 1_800_000_000_000;

fn room() -> RoomId {
    RoomId("ward-7".into())
}

fn attempt<'a>(room: &'a RoomId, who: Who<'static>, host_digits: u8) -> Try<'a> {
    Try { room, defined: true, host_digits, who, is_host: false, is_guest: false }
}

fn address(number: u32) -> Who<'static> {
    Who::Address(IpAddr::from((0x0a00_0000 + number).to_be_bytes()))
}

const CLEAN: Who<'static> = Who::Address(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

/// How many guesses were compared with the host PIN and with the guest PIN: each is a chance of its own.
#[derive(Default, Debug)]
struct Compared {
    host: u64,
    guest: u64,
}

impl Compared {
    fn add(&mut self, tries: &Tries, now: u64, attempt: &Try<'_>) {
        let lane = tries.lane(now, attempt, &tries.sources_of(attempt));
        self.host += u64::from(matches!(lane, Lane::Open | Lane::Reserve | Lane::Holder { host: true }));
        self.guest += u64::from(matches!(lane, Lane::Open | Lane::Holder { .. }));
    }
}

/// A million guesses over a thousand sources, evenly in `span`; never the same source twice in a row.
fn million(tries: &mut Tries, host_digits: u8, span: u64, source: impl Fn(u32) -> Who<'static>) -> Compared {
    let (room, mut compared) = (room(), Compared::default());
    for guess in 0..1_000_000u64 {
        let now = START + guess * span / 1_000_000;
        let attempt = attempt(&room, source((guess % 1000) as u32), host_digits);
        compared.add(tries, now, &attempt);
        let verdict = tries.judge(now, &attempt);
        assert!(matches!(verdict, Verdict::Wrong | Verdict::TooMany { .. }));
    }
    compared
}

fn values(digits: u32) -> f64 {
    f64::from(9 * 10u32.pow(digits - 1))
}

#[test]
fn a_million_guesses_from_a_thousand_addresses_have_less_than_one_chance_in_ten_thousand_and_the_host_gets_in() {
    let room = room();
    for span in [10 * SECOND, HOUR, DAY] {
        for host_digits in [6, 7, 8, 9] {
            let mut tries = Tries::new();
            let compared = million(&mut tries, host_digits, span, address);
            let (host, guest) = (compared.host as f64 / values(host_digits.into()), compared.guest as f64 / values(6));
            println!("{host_digits} digits, {} s: {compared:?}, host {host:.1e}, six-digit guest {guest:.1e}", span / SECOND);
            assert!(compared.host >= 25 && compared.guest >= 25, "the first guesses are looked at: {compared:?}");
            assert!(host < 1e-4 && guest < 1e-4, "{host_digits} digits in {span} ms: {compared:?}");
            let right = Try { is_host: true, ..attempt(&room, CLEAN, host_digits) };
            let end = START + span - span / 1_000_000;
            let token = Who::Holder { identity: "doctor", host: true };
            assert_eq!(tries.judge(end, &Try { who: token, ..right }), Verdict::Host, "an earlier host token, whatever the PIN's length");
            if host_digits >= 8 {
                assert_eq!(tries.judge(end, &right), Verdict::Host, "from an address that did not guess");
            }
            let guest = Try { is_guest: true, ..attempt(&room, CLEAN, host_digits) };
            assert!(matches!(tries.judge(end, &guest), Verdict::TooMany { .. }), "strangers' guest PIN is closed");
            let known = Who::Holder { identity: "patient", host: false };
            assert_eq!(tries.judge(end, &Try { who: known, ..guest }), Verdict::Guest, "an earlier token");
        }
    }
}

#[test]
fn a_whole_ipv6_site_counts_as_eight_addresses() {
    let mut tries = Tries::new();
    let site = |number: u32| Who::Address(IpAddr::V6(Ipv6Addr::from_bits(((0x2001_0db8_0001_u128 << 16) | u128::from(number)) << 64 | 1)));
    let compared = million(&mut tries, 9, HOUR, site);
    assert!(compared.host < 100, "{compared:?}");
    let room = room();
    let right = Try { is_host: true, ..attempt(&room, CLEAN, 9) };
    assert_eq!(tries.judge(START + HOUR, &right), Verdict::Host);
}

#[test]
fn one_source_waits_longer_and_longer_and_is_forgiven_after_a_day() {
    let (mut tries, room) = (Tries::new(), room());
    let wrong = attempt(&room, address(1), 9);
    let mut now = START;
    for _ in 0..FREE {
        assert_eq!(tries.judge(now, &wrong), Verdict::Wrong);
    }
    for expected in [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let Verdict::TooMany { wait } = tries.judge(now, &wrong) else { panic!("has to wait {expected} s") };
        assert_eq!(wait, expected * SECOND);
        let right = Try { is_host: true, is_guest: true, ..wrong };
        assert_eq!(
            tries.judge(now + wait - 1, &right),
            Verdict::TooMany { wait: 1 },
            "the right one waits too, and waiting is not lengthened"
        );
        now += wait;
        assert_eq!(tries.judge(now, &wrong), Verdict::Wrong);
    }
    assert_eq!(tries.judge(now, &attempt(&room, address(2), 9)), Verdict::Wrong, "others do not wait for it");
    let right = Try { is_guest: true, ..wrong };
    assert_eq!(tries.judge(START + DAY, &right), Verdict::Guest);
}

#[test]
fn who_enters_the_host_pin_starts_anew_and_who_enters_the_guest_pin_does_not() {
    let (mut tries, room) = (Tries::new(), room());
    let wrong = attempt(&room, address(1), 9);
    for right in [Try { is_guest: true, ..wrong }, Try { is_host: true, ..wrong }] {
        tries.judge(START, &wrong);
        tries.judge(START, &right);
    }
    let free = (0..10).take_while(|_| tries.judge(START, &wrong) == Verdict::Wrong).count();
    assert_eq!(free, 3, "anew after the host PIN");
    let (mut tries, right) = (Tries::new(), Try { is_guest: true, ..wrong });
    let free = (0..10).take_while(|_| tries.judge(START, &right) == Verdict::Guest && tries.judge(START, &wrong) == Verdict::Wrong).count();
    assert_eq!(free, 3, "knowing the guest PIN is no licence to guess the host's");
}

#[test]
fn the_guest_pin_cannot_buy_identities_that_guess_the_host_pin() {
    let (mut tries, room) = (Tries::new(), room());
    let mut compared = Compared::default();
    let names: Vec<String> = (0..10_000).map(|number| format!("guest-{number}")).collect();
    for name in names {
        let name: &'static str = name.leak();
        let attempt = attempt(&room, Who::Holder { identity: name, host: false }, 6);
        compared.add(&tries, START, &attempt);
        tries.judge(START, &attempt);
    }
    assert_eq!(compared.host, ROOM_TRIES);
}

#[test]
fn one_pin_on_every_room_stops_at_the_address() {
    let mut tries = Tries::new();
    let wrong = (0..1000).filter(|number| {
        let room = RoomId(format!("room-{number}"));
        tries.judge(START, &attempt(&room, address(1), 6)) == Verdict::Wrong
    });
    assert_eq!(wrong.count(), FREE_ANYWHERE as usize);
}

#[test]
fn a_room_that_does_not_exist_closes_after_the_same_number_of_tries() {
    let count = |defined, host_digits| {
        let (mut tries, room) = (Tries::new(), room());
        let verdicts = (0..2000).map(|number| tries.judge(START, &Try { defined, ..attempt(&room, address(number), host_digits) }));
        verdicts.collect::<Vec<_>>()
    };
    let expected = count(false, 9);
    assert_eq!(expected.iter().filter(|verdict| **verdict == Verdict::Wrong).count() as u64, ROOM_TRIES);
    for digits in 4..=9 {
        assert_eq!(count(true, digits), expected);
    }
}

#[test]
fn a_new_pin_opens_the_room_again_and_time_does() {
    let (mut tries, room) = (Tries::new(), room());
    for number in 0..100 {
        tries.judge(START, &attempt(&room, address(number), 6));
    }
    let right = Try { is_guest: true, ..attempt(&room, CLEAN, 6) };
    let Verdict::TooMany { wait } = tries.judge(START, &right) else { panic!("closed") };
    assert_eq!(wait, HOUR);
    let next = Try { who: address(5000), ..right };
    assert_eq!(tries.judge(START + wait, &next), Verdict::Guest);
    tries.forget(&room);
    assert_eq!(tries.judge(START, &Try { who: address(5001), ..right }), Verdict::Guest);
}

#[test]
fn tables_stay_small_and_what_is_defined_is_never_pushed_out() {
    let (mut tries, room) = (Tries::new(), room());
    for number in 0..100 {
        tries.judge(START, &attempt(&room, address(number), 6));
    }
    for number in 0..(2 * MAX_SOURCES as u32) {
        let other = RoomId(format!("nothing-{}", number / 20));
        tries.judge(START + u64::from(number), &Try { defined: false, ..attempt(&other, address(number), 6) });
        assert!(tries.sources.len() <= MAX_SOURCES && tries.undefined.len() <= MAX_UNDEFINED);
    }
    let right = Try { is_guest: true, ..attempt(&room, CLEAN, 6) };
    assert!(matches!(tries.judge(START, &right), Verdict::TooMany { .. }));
}
