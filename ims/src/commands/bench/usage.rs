//! What a stretch of work cost a process: wall time, CPU time, memory.

use std::{fs, time::Duration, time::Instant};

/// A stretch of work that is being measured.
pub struct Measured {
    process: Process,
    began: Instant,
    cpu: Duration,
}

/// A process that is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Process {
    /// This one.
    Own,
    /// A child, by its id.
    Child(u32),
}

/// The cost of a stretch of work.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// Messages dealt with.
    pub messages: u64,
    /// Wall time, seconds.
    pub seconds: f64,
    /// Messages a second.
    pub per_second: f64,
    /// CPU time of the process for each message, microseconds.
    pub cpu_us_per_message: f64,
    /// Largest resident memory of the process so far, MB.
    pub peak_mb: u64,
}

impl Measured {
    /// Begins now, in this process.
    pub fn begin() -> Self {
        Self::of(Process::Own)
    }

    /// Begins now.
    pub fn of(process: Process) -> Self {
        Self { process, began: Instant::now(), cpu: process.cpu() }
    }

    /// Ends now, after so many messages.
    pub fn end(self, messages: u64) -> Cost {
        let (seconds, cpu) = (self.began.elapsed().as_secs_f64(), self.process.cpu() - self.cpu);
        let count = messages.max(1) as f64;
        Cost {
            messages,
            seconds,
            per_second: count / seconds,
            cpu_us_per_message: cpu.as_secs_f64() * 1e6 / count,
            peak_mb: self.process.peak_mb(),
        }
    }
}

impl Process {
    /// CPU time so far, in steps of a hundredth of a second.
    pub fn cpu(self) -> Duration {
        let stat = self.told("stat");
        // Fields 14 and 15; the name in field 2 may hold blanks and ends with the last parenthesis.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// Largest resident memory so far, MB.
    pub fn peak_mb(self) -> u64 {
        self.memory_mb("VmHWM:")
    }

    /// Resident memory now, MB.
    pub fn resident_mb(self) -> u64 {
        self.memory_mb("VmRSS:")
    }

    fn memory_mb(self, name: &str) -> u64 {
        let status = self.told("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    fn told(self, file: &str) -> String {
        let whose = match self {
            Self::Own => "self".to_owned(),
            Self::Child(id) => id.to_string(),
        };
        fs::read_to_string(format!("/proc/{whose}/{file}")).unwrap_or_default()
    }
}
