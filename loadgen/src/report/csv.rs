//! `seconds.csv`: the series for spreadsheets, units in the header.

use std::fmt::Write as _;

use crate::summary::Second;

/// Each column says its unit; empty cells are what was not measured.
const HEADER: &str = "second,clients,meetings,joins,packets_sent,packets_received,bytes_received,packets_lost,latency_p50_us,latency_p99_us,\
latency_max_us,lateness_p99_us,server_cores,server_memory_bytes,generator_cores,generator_memory_bytes\n";

pub(super) fn seconds(series: &[Second]) -> String {
    let mut text = HEADER.to_owned();
    for second in series {
        let Second {
            at,
            clients,
            meetings,
            joins,
            sent,
            received,
            bytes,
            lost,
            p50,
            p99,
            max,
            lateness_p99,
            server_cpu,
            server_memory,
            ..
        } = second;
        let own = second.generator_cpu.map_or_else(String::new, |cores| cores.to_string());
        let memory = second.generator_memory.map_or_else(String::new, |bytes| bytes.to_string());
        let _ = writeln!(
            text,
            "{at},{clients},{meetings},{joins},{sent},{received},{bytes},{lost},{p50},{p99},{max},{lateness_p99},{server_cpu},{server_memory},{own},{memory}"
        );
    }
    text
}
