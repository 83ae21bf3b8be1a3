//! Results on standard output, as text or JSON; progress on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write},
    time::Duration,
};

/// Prints a result: as one JSON document, or as the text that people read.
pub fn result(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    if json { line(serde_json::to_string_pretty(value)?) } else { line(text().trim_end()) }
}

/// Prints a line. A reader that has gone (`ims … | head`) is no error.
pub fn line(text: impl Display) -> anyhow::Result<()> {
    gone_is_fine(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints a line to standard error; when nobody can read it there is nobody to tell.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn gone_is_fine(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A bar of `total` steps, or a counter when the total is not known. Only a terminal sees it.
pub fn progress(json: bool, total: Option<u64>, what: &'static str) -> ProgressBar {
    if json || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = match total {
        Some(_) => "{msg} {wide_bar} {percent}% {human_pos} of {human_len}, {per_sec}, {eta} to go",
        None => "{spinner} {msg} {human_pos}, {per_sec}",
    };
    // The templates are constants: a wrong one shows in the plain style.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.with_message(what)
}

/// `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
