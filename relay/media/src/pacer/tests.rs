//! What leaves when: sound at once, frames in runs, nothing too late, questions at their rate. Virtual time, seeded.

use super::*;
use proptest::prelude::*;

const SIZE: usize = 1_250;

fn start() -> Instant {
    #[allow(clippy::disallowed_methods)]
    Instant::now()
}

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

/// A pacer for a line of so many kbit/s.
fn line(now: Instant, kbps: u64) -> Pacer<u32> {
    let mut pacer = Pacer::new(now);
    pacer.set_rate(now, kbps * 1_000);
    pacer
}

/// Offers `count` packets of pictures at once; gives how many left at once.
fn frame(pacer: &mut Pacer<u32>, now: Instant, first: u32, count: u32) -> usize {
    (first..first + count).filter(|number| matches!(pacer.offer(now, Class::Video, SIZE, *number), Verdict::Now(_))).count()
}

/// Polls at each timeout until nothing waits; gives the runs: when, and which.
fn drain(pacer: &mut Pacer<u32>, start: Instant) -> Vec<(Duration, Vec<u32>)> {
    let mut runs = Vec::new();
    while let Some(at) = pacer.poll_timeout() {
        let run: Vec<u32> = std::iter::from_fn(|| pacer.poll(at)).map(|(_, item)| item).collect();
        while pacer.poll_padding(at).is_some() {}
        if !run.is_empty() {
            runs.push((at - start, run));
        }
        assert!(at - start < Duration::from_secs(10), "it ends");
    }
    runs
}

#[test]
fn a_frame_that_the_line_carries_leaves_at_once() {
    let now = start();
    assert_eq!(frame(&mut line(now, 6_000), now, 0, 4), 4);
    assert_eq!(frame(&mut line(now, 100_000), now, 0, 25), 25, "a fast line takes more than timers could spread");
    // And again a thirtieth of a second later.
    let mut pacer = line(now, 6_000);
    for number in 0..30 {
        assert_eq!(frame(&mut pacer, now + us(33_333) * number, 0, 4), 4, "frame {number}");
    }
    assert_eq!(pacer.poll_timeout(), None);
}

#[test]
fn a_large_frame_is_spread_in_runs_at_two_and_a_half_times_the_rate() {
    let now = start();
    // 2 Mbit/s: paced at 5, of which 5 ms are 2.5 packets.
    let mut pacer = line(now, 2_000);
    assert_eq!(frame(&mut pacer, now, 0, 11), 2);
    assert_eq!(pacer.delay(), us(18_000), "nine packets of 2 ms each");
    let runs = drain(&mut pacer, now);
    let expected = [(4_000, vec![2, 3]), (8_000, vec![4, 5]), (12_000, vec![6, 7]), (16_000, vec![8, 9]), (17_000, vec![10])];
    assert_eq!(runs, expected.map(|(at, run)| (us(at), run)));
    // The last bytes left no later than if each packet had gone by itself: (11 - 2.5) x 2 ms.
}

#[test]
fn the_shallowest_queue_is_not_overrun_by_one_run() {
    let now = start();
    let mut pacer = line(now, 8_000);
    assert_eq!(frame(&mut pacer, now, 0, 40), 4);
    let runs = drain(&mut pacer, now);
    assert!(runs.iter().all(|(_, run)| run.len() == 4), "{runs:?}");
}

#[test]
fn sound_never_waits_and_pictures_pay_for_it() {
    let now = start();
    let mut pacer = line(now, 300);
    frame(&mut pacer, now, 0, 20);
    let (delay, next) = (pacer.delay(), pacer.poll_timeout());
    for number in 0..50 {
        assert_eq!(pacer.offer(now, Class::Audio, 120, number), Verdict::Now(number));
    }
    assert_eq!(pacer.delay(), delay);
    assert!(pacer.poll_timeout() > next);
}

#[test]
fn resends_go_first() {
    let now = start();
    let mut pacer = line(now, 1_000);
    frame(&mut pacer, now, 0, 8);
    assert_eq!(pacer.offer(now, Class::Resend, SIZE, 100), Verdict::Waits);
    assert_eq!(pacer.offer(now, Class::Resend, SIZE, 101), Verdict::Waits);
    let order: Vec<u32> = drain(&mut pacer, now).into_iter().flat_map(|(_, run)| run).collect();
    assert_eq!(order, [100, 101, 2, 3, 4, 5, 6, 7]);
    // They do not wait for a run to form either.
    assert_eq!(frame(&mut pacer, now + us(60_000), 0, 3), 2);
    let later = now + us(60_000) + us(4_000);
    assert_eq!(pacer.offer(later, Class::Resend, SIZE, 102), Verdict::Now(102));
}

#[test]
fn what_would_come_too_late_is_refused_and_what_the_line_no_longer_carries_is_hurried() {
    let now = start();
    let mut pacer = line(now, 1_000);
    // Half a second at 2.5 Mbit/s are 125 packets.
    let waits = (0..200).filter(|number| pacer.offer(now, Class::Video, SIZE, *number) == Verdict::Waits).count();
    assert_eq!(waits, 125);
    assert!(matches!(pacer.offer(now, Class::Video, SIZE, 0), Verdict::Full(0)));
    assert_eq!(pacer.offer(now, Class::Audio, 100, 1), Verdict::Now(1));
    // The line collapses: all the same nothing is later than half a second.
    pacer.set_rate(now, 100_000);
    let runs = drain(&mut pacer, now);
    assert_eq!(runs.iter().map(|(_, run)| run.len()).sum::<usize>(), 125);
    let last = runs.last().unwrap().0;
    assert!(last <= LONGEST_WAIT && last > LONGEST_WAIT / 2, "{last:?}");
}

#[test]
fn the_slowest_line_takes_a_small_keyframe_and_no_queue_is_endless() {
    let now = start();
    let mut slow = line(now, 30);
    assert_eq!((0..60).filter(|number| slow.offer(now, Class::Video, SIZE, *number) == Verdict::Waits).count(), 20);
    let mut fast = line(now, 1_000_000);
    let taken = (0..20_000).filter(|number| !matches!(fast.offer(now, Class::Video, SIZE, *number), Verdict::Full(_))).count();
    assert_eq!((fast.len(), taken), (MAX_WAITING, 250 + MAX_WAITING));
    let mut missed = line(now, 1_000_000);
    frame(&mut missed, now, 0, 251);
    let resends = (0..1_000).filter(|number| missed.offer(now, Class::Resend, SIZE, *number) == Verdict::Waits).count();
    assert_eq!(resends, MAX_RESENDS);
}

#[test]
fn what_is_forgotten_does_not_leave() {
    let now = start();
    let mut pacer = line(now, 500);
    frame(&mut pacer, now, 0, 12);
    let _ = pacer.offer(now, Class::Resend, SIZE, 50);
    pacer.retain(|number| number % 2 == 1);
    let left: Vec<u32> = drain(&mut pacer, now).into_iter().flat_map(|(_, run)| run).collect();
    assert_eq!(left, [3, 5, 7, 9, 11]);
    frame(&mut pacer, now, 0, 12);
    pacer.retain(|_| false);
    assert_eq!((pacer.poll_timeout(), pacer.delay(), pacer.is_empty()), (None, Duration::ZERO, true));
}

/// Asks while nothing else is sent; gives when each padding left, its bytes and its cluster.
fn padding(pacer: &mut Pacer<u32>, start: Instant) -> Vec<(Duration, usize, u32)> {
    let mut sent = Vec::new();
    while let Some(at) = pacer.poll_timeout() {
        assert!(at - start < Duration::from_secs(1), "it ends");
        while let Some((bytes, purpose)) = pacer.poll_padding(at) {
            let Purpose::Probe(cluster) = purpose else { panic!("{purpose:?}") };
            sent.push((at - start, bytes, cluster));
        }
    }
    sent
}

#[test]
fn a_question_lasts_fifteen_milliseconds_at_its_rate_and_the_next_follows() {
    let now = start();
    let mut pacer = line(now, 500);
    pacer.start_probe(now, Probe { cluster: 7, bitrate: 3_000_000, bytes: 1_000 });
    pacer.start_probe(now, Probe { cluster: 8, bitrate: 6_000_000, bytes: 20_000 });
    let sent = padding(&mut pacer, now);
    for (cluster, bitrate, bytes) in [(7, 3_000_000, 5_625), (8, 6_000_000, 20_000)] {
        let of: Vec<_> = sent.iter().filter(|(_, _, of)| *of == cluster).collect();
        let total: usize = of.iter().map(|(_, bytes, _)| bytes).sum();
        assert!((bytes..bytes + 200).contains(&total), "cluster {cluster}: {total} bytes");
        let span = of[of.len() - 1].0 - of[0].0;
        let rate = (total - of[0].1) as u64 * 8_000_000 / span.as_micros() as u64;
        assert!(rate.abs_diff(bitrate) < bitrate / 10, "cluster {cluster}: {rate} bit/s in {span:?}");
        assert!(span >= SHORTEST_SPAN, "cluster {cluster}: {span:?}");
    }
    assert!(sent.is_sorted_by_key(|(_, _, cluster)| *cluster), "one after the other");
    assert_eq!(pacer.purpose(Class::Video), Purpose::Media, "over");
}

/// A question of 15 ms whose last bytes leave one slice before its end.
const SHORTEST_SPAN: Duration = Duration::from_millis(12);

#[test]
fn in_a_question_media_counts_and_sound_does_not_wait() {
    let now = start();
    let mut pacer = line(now, 500);
    pacer.start_probe(now, Probe { cluster: 1, bitrate: 4_000_000, bytes: 7_500 });
    assert_eq!(pacer.purpose(Class::Video), Purpose::Probe(1));
    assert_eq!(frame(&mut pacer, now, 0, 3), 1, "no burst");
    assert_eq!(pacer.poll_padding(now), None, "there are media");
    assert_eq!(pacer.offer(now, Class::Audio, 100, 9), Verdict::Now(9));
    let (mut media, mut padded) = (SIZE + 100, 0);
    while let Some(at) = pacer.poll_timeout() {
        media += std::iter::from_fn(|| pacer.poll(at)).count() * SIZE;
        padded += std::iter::from_fn(|| pacer.poll_padding(at)).map(|(bytes, _)| bytes).sum::<usize>();
    }
    assert_eq!(media, 3 * SIZE + 100);
    assert!((7_500..7_700).contains(&(media + padded)), "{media} + {padded}");
}

#[test]
fn a_question_that_nobody_pads_ends() {
    let now = start();
    let mut pacer = line(now, 500);
    pacer.start_probe(now, Probe { cluster: 1, bitrate: 4_000_000, bytes: 7_500 });
    assert_eq!(frame(&mut pacer, now + us(61_000), 0, 2), 2);
    assert_eq!((pacer.purpose(Class::Video), pacer.poll_timeout()), (Purpose::Media, None));
}

#[test]
fn nothing_is_allocated_once_warm() {
    let now = start();
    let mut pacer = line(now, 1_000);
    let turn = |pacer: &mut Pacer<u32>, now: Instant| {
        pacer.start_probe(now, Probe { cluster: 1, bitrate: 4_000_000, bytes: 7_500 });
        frame(pacer, now, 0, 60);
        for number in 0..20 {
            let _ = pacer.offer(now, Class::Resend, SIZE, number);
        }
        drain(pacer, now).len()
    };
    turn(&mut pacer, now);
    let later = now + Duration::from_secs(2);
    let counted = allocation_counter::measure(|| {
        pacer.start_probe(later, Probe { cluster: 2, bitrate: 4_000_000, bytes: 7_500 });
        frame(&mut pacer, later, 0, 60);
        while let Some(at) = pacer.poll_timeout() {
            while pacer.poll(at).is_some() {}
            while pacer.poll_padding(at).is_some() {}
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Steps of a random life: milliseconds to the next, packets, class, kbit/s.
type Step = (u64, u32, u8, u64);

proptest! {
    /// Whatever comes: nothing is lost, doubled or overtaken within its class, nothing waits longer than half a second, the timeout is
    /// exact, and over any time no more leaves than the rate and one burst allow.
    #[test]
    fn whatever_comes(steps in proptest::collection::vec((0..60_u64, 0..30_u32, 0..10_u8, 50..20_000_u64), 1..60)) {
        let begin = start();
        let mut pacer: Pacer<(Class, u32, Instant)> = Pacer::new(begin);
        let (mut now, mut number) = (begin, 0);
        let mut waiting: [Vec<u32>; 2] = Default::default();
        let steps: Vec<Step> = steps;
        for (pause, packets, class, kbps) in steps {
            let until = now + Duration::from_millis(pause);
            while let Some(at) = pacer.poll_timeout().filter(|at| *at <= until) {
                now = now.max(at);
                let mut count = 0;
                while let Some((class, (as_offered, number, since))) = pacer.poll(now) {
                    prop_assert_eq!(class, as_offered);
                    prop_assert!(now - since <= LONGEST_WAIT, "{:?}", now - since);
                    let queue = &mut waiting[usize::from(class == Class::Resend)];
                    prop_assert_eq!(queue.remove(0), number);
                    count += 1;
                }
                prop_assert!(count > 0, "woken for nothing");
            }
            now = until;
            let class = [Class::Audio, Class::Resend, Class::Resend].get(usize::from(class)).copied().unwrap_or(Class::Video);
            for _ in 0..packets {
                number += 1;
                if pacer.offer(now, class, SIZE, (class, number, now)) == Verdict::Waits {
                    prop_assert!(class != Class::Audio);
                    waiting[usize::from(class == Class::Resend)].push(number);
                }
            }
            prop_assert!(pacer.len() <= MAX_WAITING);
            pacer.set_rate(now, kbps * 1_000);
            prop_assert_eq!(pacer.len(), waiting[0].len() + waiting[1].len());
            prop_assert_eq!(pacer.is_empty(), waiting.iter().all(Vec::is_empty));
        }
    }

    #[test]
    fn no_more_leaves_than_the_rate_and_one_burst(kbps in 600..20_000_u64, frames in proptest::collection::vec((1..30_u32, 1..60_u64), 1..40)) {
        let begin = start();
        let mut pacer = line(begin, kbps);
        let (mut now, mut left) = (begin, Vec::new());
        for (packets, pause) in frames {
            let sent = frame(&mut pacer, now, 0, packets);
            left.extend(std::iter::repeat_n(now, sent));
            let until = now + Duration::from_millis(pause);
            while let Some(at) = pacer.poll_timeout().filter(|at| *at <= until) {
                while pacer.poll(at).is_some() {
                    left.push(at);
                }
            }
            now = until;
        }
        let rate = kbps * 2_500;
        let burst = (bytes_in(Duration::from_millis(5), rate)).clamp(2 * 1_250, 4 * 1_250).max(bytes_in(Duration::from_millis(1), rate));
        for (index, from) in left.iter().enumerate() {
            for (count, to) in left[index..].iter().enumerate().step_by(7) {
                // A full queue is hurried a little.
                let most = bytes_in(*to - *from, rate) * 11 / 10 + burst + SIZE as u64;
                prop_assert!((count * SIZE) as u64 <= most, "{count} packets in {:?}", *to - *from);
            }
        }
    }
}
