//! Losses that come from sending too much, and others.

use super::*;

/// A line without queue: sends what may be sent, up to 3 Mbit/s, for `seconds`; gives the mean rate of the last half.
fn mean_rate(seconds: u64, share: impl Fn(f64) -> f64) -> f64 {
    let mut loss = Loss::new(0);
    let (mut estimate, mut owed, mut sum) = (3e6, 0.0, 0.0);
    let steps = seconds * 20;
    for step in 1..=steps {
        let rate = loss.limit().map_or(estimate, |limit| limit.min(estimate));
        let lost = share(rate);
        for _ in 0..(rate / 20.0 / 8000.0) as u32 {
            owed += lost;
            if owed >= 1.0 {
                owed -= 1.0;
                loss.lost(1000);
            } else {
                loss.arrived(1000, false);
            }
        }
        match loss.update(step * 50_000, estimate, Some(rate * (1.0 - lost))) {
            Finding::Restore(before) | Finding::Resume(before) => estimate = before,
            Finding::Full(most) => estimate = most.min(estimate),
            Finding::None => {}
        }
        sum += if step > steps / 2 { rate / (steps / 2) as f64 } else { 0.0 };
    }
    sum
}

#[test]
fn the_lines_own_losses_cost_nothing() {
    for share in [0.0, 0.02, 0.1, 0.2, 0.3] {
        let mean = mean_rate(20, |_| share);
        assert!(mean > 2.8e6, "{share}: {mean}");
    }
}

#[test]
fn a_policer_is_obeyed() {
    for own in [0.0, 0.1] {
        let mean = mean_rate(20, |rate| 1.0 - (1.0 - own) * (1e6 / rate).min(1.0));
        assert!((0.8e6..1.15e6).contains(&mean), "{own}: {mean}");
    }
}

#[test]
fn nearly_everything_lost_is_not_the_lines_own() {
    assert!(mean_rate(20, |_| 0.8) < 1e6);
}

#[test]
fn smoothed_rises_at_once_and_falls_slowly() {
    let mut loss = Loss::new(0);
    let mut second = |lost: u32, from: u64| {
        for nth in 0..4 {
            (0..20 - lost).for_each(|_| loss.arrived(1000, false));
            (0..lost).for_each(|_| loss.lost(1000));
            loss.update(from + nth * 250_000, 1e6, Some(1e6));
        }
        loss.smoothed()
    };
    assert!(second(0, 250_000) < 0.001);
    assert!(second(4, 1_250_000) > 0.18);
    assert!((0.08..0.16).contains(&second(0, 2_250_000)));
    second(0, 3_250_000);
    assert!(second(0, 4_250_000) < 0.05);
}

#[test]
fn what_a_full_queue_loses_is_not_the_lines_loss() {
    let smoothed = |excused: bool| {
        let mut loss = Loss::new(0);
        for nth in 1..4 {
            if excused {
                loss.excuse(nth * 250_000 - 50_000);
            }
            (0..10).for_each(|_| loss.arrived(1000, false));
            (0..10).for_each(|_| loss.lost(1000));
            loss.update(nth * 250_000, 1e6, Some(1e6));
        }
        loss.smoothed()
    };
    assert!(smoothed(true) < 0.001 && smoothed(false) > 0.4);
}

/// Observations of 60 packets in 300 ms that lose this many, over a line that may carry 4 Mbit/s and of which `arrives` is used.
fn observe(loss: &mut Loss, now: &mut u64, lost: &[u32], arrives: f64) -> Vec<Finding> {
    let mut findings = Vec::new();
    for lost in lost {
        for nth in 0..60 {
            let falls = nth * lost / 60 < (nth + 1) * lost / 60;
            let bytes = (arrives * 0.3 / 8.0) as u64 / u64::from(60 - lost);
            if falls { loss.lost(bytes) } else { loss.arrived(bytes, false) }
        }
        *now += 300_000;
        findings.push(loss.update(*now, 4e6, Some(arrives)));
    }
    findings
}

#[test]
fn a_line_that_always_loses_much_is_not_tried_when_it_loses_twice_as_much_for_a_moment() {
    let tried_after = |usual: u32, now_lost: &[u32]| {
        let (mut loss, mut now) = (Loss::new(0), 0);
        observe(&mut loss, &mut now, &vec![usual; 60], 1.5e6);
        observe(&mut loss, &mut now, now_lost, 1.5e6);
        loss.tries()
    };
    assert!(!tried_after(6, &[16, 16]) && tried_after(0, &[16, 16]));
    // Nor when it loses four times as much for half a second; but when that goes on for a second.
    assert!(!tried_after(6, &[24, 24]) && tried_after(6, &[24, 24, 24, 24]));
}

/// A line of which a tenth is used loses a tenth in rows of three for half a minute, and then two fifths for a second; `packets` are sent in a
/// quarter of one.
fn looks_into_a_bad_second_of(packets: u32) -> bool {
    let (mut loss, mut now) = (Loss::new(0), 0);
    let mut quarter = |rows: u32| {
        for _ in 0..rows {
            (0..3).for_each(|_| loss.lost(600));
            (0..packets / rows - 3).for_each(|_| loss.arrived(600, false));
        }
        now += 250_000;
        loss.update(now, 4e6, Some(4e5));
        loss.tries()
    };
    assert!(!(0..120).any(|_| quarter(packets / 30)));
    (0..4).any(|_| quarter(packets * 2 / 15))
}

#[test]
fn a_few_rows_of_losses_on_a_line_that_is_hardly_used_and_always_loses_are_not_looked_into() {
    assert!(!looks_into_a_bad_second_of(30));
    assert!(looks_into_a_bad_second_of(120));
}

#[test]
fn a_verdict_is_taken_back_when_as_much_is_lost_although_less_is_sent() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    // A row of losses, and then luck: the line seems to have been full.
    observe(&mut loss, &mut now, &[0, 20, 20], 1.5e6);
    assert!(loss.tries());
    let findings = observe(&mut loss, &mut now, &[0; 12], 1.2e6);
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Full(_))), "{findings:?}");
    let findings = observe(&mut loss, &mut now, &[11; 60], 0.5e6);
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Restore(_))), "{findings:?}");
    assert_eq!(loss.limit(), None);
}

#[test]
fn less_is_sent_in_a_trial_than_before_it_or_there_is_none() {
    let limit_when = |arrives: f64| {
        let (mut loss, mut now) = (Loss::new(0), 0);
        // Far less is sent than the 4 Mbit/s that the line is thought to carry, and a quarter of it is lost.
        observe(&mut loss, &mut now, &[0, 15, 15], arrives);
        loss.limit().filter(|_| loss.tries())
    };
    let limit = limit_when(1e6).expect("it is looked into");
    assert!((0.89e6..0.92e6).contains(&limit), "{limit}: a third of 4 Mbit/s would not even have been noticed");
    assert_eq!(limit_when(1e5), None, "sound alone cannot do with less");
}

#[test]
fn where_a_trial_can_go_no_lower_a_line_with_losses_of_its_own_is_not_tried() {
    let tried_with = |usual: u32| {
        let (mut loss, mut now) = (Loss::new(0), 0);
        observe(&mut loss, &mut now, &vec![usual; 60], 1.7e5);
        observe(&mut loss, &mut now, &[26; 4], 1.7e5);
        loss.tries()
    };
    // 200 kbit/s is the least that a trial sends: a line that carries 170 would still lose a seventh.
    assert!(tried_with(0) && !tried_with(6));
}

#[test]
fn rows_of_losses_lift_what_is_lost_lately_but_not_what_is_lost_for_long() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    let mut highest = (0.0f64, 0.0f64);
    for _ in 0..30 {
        observe(&mut loss, &mut now, &[0, 24, 0, 0], 1.5e6);
        highest = (highest.0.max(loss.smoothed()), highest.1.max(loss.level()));
    }
    assert!(highest.0 > 0.2 && (0.09..0.15).contains(&highest.1), "a tenth is lost: {highest:?}");
}

#[test]
fn a_trial_that_only_relieves_is_followed_by_a_deeper_one() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    // A policer of 1 Mbit/s lets 1.6 through at first: the limit that comes of it is still too much.
    observe(&mut loss, &mut now, &[0, 38, 38], 1.6e6);
    let first = loss.limit().expect("it is looked into");
    observe(&mut loss, &mut now, &[38, 17, 17, 17], 1e6);
    let second = loss.limit().expect("it is looked into still");
    assert!(loss.tries() && second < 0.95e6 && first > 1.4e6, "{first} {second}");
    let findings = observe(&mut loss, &mut now, &[5, 0, 0, 0, 0, 0], 0.9e6);
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Full(most) if *most < 1.2e6)), "{findings:?}");
}

/// A line that loses a tenth in rows of three for twenty seconds, then 130 of 200 packets of a quarter of a second in rows of so many; says
/// whether that is looked into.
fn looks_into_rows_of(length: u32) -> bool {
    let mut loss = Loss::new(0);
    let mut quarter = |nth: u64, rows: u32, length: u32, packets: u32| {
        let sent = loss.limit().unwrap_or(2e6);
        let bytes = (sent * 0.25 / 8.0) as u64 / u64::from(packets);
        for _ in 0..rows {
            (0..length).for_each(|_| loss.lost(bytes));
            (0..(packets / rows - length)).for_each(|_| loss.arrived(bytes, false));
        }
        let arrives = sent * f64::from(packets - rows * length) / f64::from(packets);
        loss.update(nth * 250_000, 2e6, Some(arrives));
        loss.tries()
    };
    let known = (1..=80).map(|nth| quarter(nth, 3, 3, 90)).last();
    assert_eq!(known, Some(false), "its own losses were found by then");
    quarter(81, 130 / length, length, 200)
}

#[test]
fn a_moment_in_which_nothing_gets_through_is_not_too_much_sent() {
    assert!(looks_into_rows_of(5));
    assert!(!looks_into_rows_of(130));
}

#[test]
fn a_verdict_by_too_many_losses_is_not_taken_back_when_they_are_a_little_fewer() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[0, 38, 38], 1.6e6);
    assert!(loss.tries());
    // Less was sent and as much is lost, which speaks for the line's own losses, but no line is believed to lose so much.
    let findings = observe(&mut loss, &mut now, &[38, 28, 28], 0.4e6);
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Full(_))), "{findings:?}");
    let findings = observe(&mut loss, &mut now, &[12, 12], 0.4e6);
    assert!(!findings.iter().any(|finding| matches!(finding, Finding::Restore(_))), "{findings:?}");
}

/// A quarter is lost of 2 Mbit/s until that is looked into, and nothing after that; `before` is what the line carried for the ten seconds before,
/// bit/s. Gives what was found in the two and a half seconds after.
fn storm_that_ends(before: f64) -> Vec<Finding> {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[0; 33], before);
    observe(&mut loss, &mut now, &[15, 15], 1.5e6);
    assert!(loss.tries());
    observe(&mut loss, &mut now, &[0; 8], 1.2e6)
}

#[test]
fn losses_that_end_by_themselves_say_nothing_of_a_line_that_carried_far_more() {
    let full = |finding: &Finding| matches!(finding, Finding::Full(_));
    let lifted = |finding: &Finding| matches!(finding, Finding::Restore(4e6));
    let findings = storm_that_ends(2e6);
    let verdict = findings.iter().position(full).expect("it looks full at first");
    assert!(findings[verdict + 1..].iter().any(lifted), "{findings:?}");
    let findings = storm_that_ends(1.5e6);
    assert!(findings.iter().any(full) && !findings.iter().any(lifted), "nor of one that did not: {findings:?}");
}

#[test]
fn a_verdict_is_lifted_once_for_what_the_line_carried() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[0; 33], 3.9e6);
    let (mut lifted, mut full) = (0, 0);
    for _ in 0..4 {
        // A line that has become narrower loses again as soon as as much is sent as before.
        observe(&mut loss, &mut now, &[15, 15, 15], 2.9e6);
        let findings = observe(&mut loss, &mut now, &[0; 10], 2.4e6);
        lifted += findings.iter().filter(|finding| matches!(finding, Finding::Restore(_))).count();
        full += findings.iter().filter(|finding| matches!(finding, Finding::Full(_))).count();
    }
    assert!(full > 1, "{full}");
    assert_eq!(lifted, 1);
}

/// A line that loses a sixth, as is known, and carries `before`, bit/s, loses two fifths, which is looked into; gives what is found in the
/// next second, without any loss.
fn known_storm_that_ends(before: f64) -> Vec<Finding> {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[10; 4], 3e6);
    observe(&mut loss, &mut now, &[10; 6], 1.8e6);
    observe(&mut loss, &mut now, &[10; 6], 1.3e6);
    assert!(loss.inherent() > 0.12 && !loss.tries(), "{}", loss.inherent());
    observe(&mut loss, &mut now, &[10; 100], before);
    observe(&mut loss, &mut now, &[26; 6], 2e6);
    assert!(loss.tries());
    observe(&mut loss, &mut now, &[0; 4], 1.5e6)
}

#[test]
fn a_trial_ends_when_even_known_losses_have_ended() {
    let findings = known_storm_that_ends(3e6);
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Resume(_))), "{findings:?}");
    let findings = known_storm_that_ends(2e6);
    assert!(!findings.iter().any(|finding| matches!(finding, Finding::Resume(_))), "it may have been full: {findings:?}");
}

#[test]
fn what_is_sent_is_counted_in_bytes() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[0, 20, 20], 1.5e6);
    let findings = observe(&mut loss, &mut now, &[0; 12], 1.2e6);
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Full(_))), "{findings:?}");
    let limit = loss.limit().expect("it is full");
    for _ in 0..20 {
        // A keyframe of 60 KB does not fit, while 40 small packets do: half of the packets arrive, and little of the bytes.
        (0..40).for_each(|_| loss.arrived(100, false));
        (0..40).for_each(|_| loss.lost(1500));
        now += 300_000;
        let finding = loss.update(now, limit, Some(1e5));
        assert!(!matches!(finding, Finding::Restore(_)), "far more than the limit was sent");
    }
}

/// A quarter of what is sent is lost, `before` bit/s having arrived for ten seconds until then, and that is looked into.
fn looked_into_after(before: f64) -> (Loss, u64) {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[0; 33], before);
    observe(&mut loss, &mut now, &[15, 15], 2.9e6);
    assert!(loss.tries());
    (loss, now)
}

#[test]
fn serious_losses_are_believed_at_once_of_a_line_that_carried_more() {
    let limit_after = |before: f64| {
        let (mut loss, mut now) = looked_into_after(before);
        observe(&mut loss, &mut now, &[15; 4], 1.9e6);
        loss.limit()
    };
    assert_eq!(limit_after(3.9e6), None);
    assert!(limit_after(2.9e6).is_some_and(|limit| limit < 2e6), "what counts bytes might do that at first");
}

#[test]
fn too_many_losses_by_chance_are_waited_for_on_a_line_that_carried_more() {
    let found_after = |before: f64| {
        let (mut loss, mut now) = looked_into_after(before);
        let mut findings = observe(&mut loss, &mut now, &[26, 26, 26], 1.4e6);
        findings.extend(observe(&mut loss, &mut now, &[14; 6], 1.8e6));
        findings.into_iter().find(|finding| *finding != Finding::None)
    };
    assert_eq!(found_after(3.9e6), Some(Finding::Restore(4e6)));
    assert!(matches!(found_after(2.9e6), Some(Finding::Full(_))));
}

#[test]
fn losses_that_go_away_while_layers_leave_less_are_waited_for() {
    let (mut loss, mut now) = (Loss::new(0), 0);
    observe(&mut loss, &mut now, &[0, 38, 38], 1.6e6);
    // What was on its way is still lost; of what is sent then everything arrives, and it is half of what might be sent.
    let findings = observe(&mut loss, &mut now, &[38, 9, 0, 0, 0, 0], 0.8e6);
    let found: Vec<&Finding> = findings.iter().filter(|finding| **finding != Finding::None).collect();
    assert!(matches!(found[..], [Finding::Full(_)]), "{findings:?}");
}

#[test]
fn a_line_that_is_known_to_lose_a_quarter_and_loses_three_tenths_is_not_found_full() {
    for (before, if_own) in [(0.41, 0.31), (0.37, 0.28), (0.32, 0.24)] {
        for packets in [125, 400, 1_500] {
            let trial = Trial { before, if_own, if_full: 0.24, lost: packets * 3 / 10, packets, ..Trial::default() };
            assert!(trial.own_not_full(2.0) > -HINT, "{trial:?}: {}", trial.own_not_full(2.0));
        }
    }
}
