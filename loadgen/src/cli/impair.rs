//! `--impair`: a bad line in words.

use loadgen::scenario::Impairment;

const EXPECTED: &str = "expected for example loss=2%,burst=3,delay=5ms,jitter=2ms,rate=2mbit";

/// Reads `loss=2%,delay=5ms`.
pub(super) fn parse(text: &str) -> Result<Impairment, String> {
    let mut line = Impairment::default();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` has no value; {EXPECTED}"))?;
        let number =
            |unit: &str, factor: f64| value.strip_suffix(unit).and_then(|digits| digits.parse::<f64>().ok()).map(|value| value * factor);
        let time = || number("us", 1e-3).or_else(|| number("ms", 1.0)).or_else(|| number("s", 1e3));
        let (place, value) = match name.trim() {
            "loss" => (&mut line.loss, number("%", 0.01)),
            "share" => (&mut line.share, number("%", 0.01)),
            "burst" => (&mut line.burst, number("", 1.0)),
            "delay" => (&mut line.delay_ms, time()),
            "jitter" => (&mut line.jitter_ms, time()),
            "rate" => (&mut line.rate_kbps, number("kbit", 1.0).or_else(|| number("mbit", 1e3))),
            other => return Err(format!("`{other}` is no part of a line; {EXPECTED}")),
        };
        *place = value.ok_or_else(|| format!("`{part}` is no number with its unit; {EXPECTED}"))?;
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_in_words_becomes_numbers_and_nonsense_is_explained() {
        let line = parse("loss=2%,burst=3,delay=5ms,jitter=500us,rate=2mbit").expect("all good");
        assert_eq!(line, Impairment { share: 1.0, loss: 0.02, burst: 3.0, delay_ms: 5.0, jitter_ms: 0.5, rate_kbps: 2_000.0 });
        for bad in ["loss", "loss=2", "speed=2ms", "delay=5"] {
            assert!(parse(bad).expect_err("nonsense").contains(EXPECTED), "{bad}");
        }
    }
}
