//! What a stretch of work cost this process: wall time, CPU time, memory.

use std::{fs, time::Duration, time::Instant};

/// A stretch of work that is being measured.
pub struct Measured {
    began: Instant,
    cpu: Duration,
}

/// The cost of a stretch of work.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Cost {
    /// Messages dealt with.
    pub messages: u64,
    /// Wall time, seconds.
    pub seconds: f64,
    /// Messages a second.
    pub per_second: f64,
    /// CPU time of this process for each message, microseconds.
    pub cpu_us_per_message: f64,
    /// Largest resident memory of this process so far, MB.
    pub peak_mb: u64,
}

impl Measured {
    /// Begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), cpu: cpu() }
    }

    /// Ends now, after so many messages.
    pub fn end(self, messages: u64) -> Cost {
        let (seconds, cpu) = (self.began.elapsed().as_secs_f64(), cpu() - self.cpu);
        let count = messages.max(1) as f64;
        Cost {
            messages,
            seconds,
            per_second: count / seconds,
            cpu_us_per_message: cpu.as_secs_f64() * 1e6 / count,
            peak_mb: peak_mb(),
        }
    }
}

/// CPU time of this process so far, in steps of a hundredth of a second.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15; the name in field 2 may hold blanks and ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}
