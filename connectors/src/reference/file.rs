//! Reference data from a file.

use super::{Current, Prepare, ReferenceError, Reloaded};
use jiff::Timestamp;
use processors::{
    ports::ReferenceSource,
    reference::{Changes, Reference, Rows, Seed, SeedErrors},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// The demo's reference data.
pub const DEMO: &str = include_str!("../../seed/demo.toml");

/// Reference data of a file, or the demo's.
#[derive(Debug)]
pub struct FileReference {
    current: Current,
    watched: Option<Mutex<Watched>>,
}

/// A file and how it looked.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// At the last look.
    seen: Look,
    /// When it was last read to its end, taken over or refused.
    judged: Look,
}

/// Time of change and length; None: the file is not there.
type Look = Option<(SystemTime, u64)>;

impl FileReference {
    /// The demo's reference data.
    pub fn demo() -> Result<Self, ReferenceError> {
        Ok(Self { current: Current::new(read_text("of the demo", DEMO)?), watched: None })
    }

    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, ReferenceError> {
        // The look first: a change while we read is seen at the next reload.
        let look = look(path);
        let current = Current::new(read(path)?);
        let watched = Watched { path: path.to_owned(), seen: look, judged: look };
        Ok(Self { current, watched: Some(Mutex::new(watched)) })
    }
}

impl Reloaded for FileReference {
    fn prepare(&self, prepare: &dyn Fn(&mut Reference)) {
        self.current.prepare(prepare);
    }

    fn again(&self) {
        if let Some(watched) = &self.watched {
            watched.lock().unwrap_or_else(PoisonError::into_inner).judged = None;
        }
    }

    /// A file that changed is taken over when it looks as it did at the call before: one that is still being written is
    /// left alone.
    fn reload(&self, prepare: Prepare<'_>) -> Result<Option<Changes>, ReferenceError> {
        let Some(watched) = &self.watched else { return Ok(None) };
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        let now = look(&watched.path);
        let settled = std::mem::replace(&mut watched.seen, now) == now;
        if now == watched.judged || !settled {
            return Ok(None);
        }
        watched.judged = now;
        let fresh = read(&watched.path)?;
        let exchanged = self.current.exchange(fresh, prepare, &|| watched.path.display().to_string());
        if matches!(exchanged, Err(ReferenceError::Away(_))) {
            // Not the file's fault: the next look takes it up again.
            watched.judged = None;
        }
        exchanged.map(Some)
    }
}

impl ReferenceSource for FileReference {
    fn current(&self) -> Arc<Reference> {
        self.current.get()
    }
}

fn look(path: &Path) -> Look {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path) -> Result<Reference, ReferenceError> {
    let text = std::fs::read_to_string(path).map_err(|cause| ReferenceError::File { path: path.to_owned(), cause })?;
    read_text(&path.display().to_string(), &text)
}

fn read_text(name: &str, text: &str) -> Result<Reference, ReferenceError> {
    let seed = parse(name, text)?;
    let refused = |cause| ReferenceError::Contents { name: name.to_owned(), cause };
    let rows = Rows::from(seed);
    let ahead = rows.ahead(Timestamp::now().as_millisecond());
    if ahead.is_empty() { Reference::of(rows).map_err(refused) } else { Err(refused(SeedErrors(ahead))) }
}

/// Bytes of a file that are unfolded at a time, or those of one row: TOML in memory is ten times its text and more, and
/// ten thousand customers have 10 MB of it.
const UNFOLDED_AT_ONCE: usize = 64 << 10;

/// A file's rows as they stand there, not checked against each other.
pub fn parse(name: &str, text: &str) -> Result<Seed, ReferenceError> {
    let mut seed = Seed::default();
    for part in parts(text) {
        match toml::from_str(part) {
            Ok(rows) => seed.append(rows),
            // What is wrong, and where, is told of the whole; or nothing is, and a text of several lines was cut.
            Err(_) => return whole(name, text),
        }
    }
    Ok(seed)
}

fn whole(name: &str, text: &str) -> Result<Seed, ReferenceError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ReferenceError::Syntax { name: name.to_owned(), line, reason: error.message().to_owned() }
    })
}

/// A file cut before lines that begin a row. One within a text of several lines is no such line: the part before it ends in
/// the middle of the text and is no TOML.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begins_a_row = |at: &usize| rest[at + 1..].lines().next().is_some_and(|line| !line.contains('.'));
        let cut = rest.match_indices("\n[[").map(|(at, _)| at).filter(|at| *at >= UNFOLDED_AT_ONCE).find(begins_a_row);
        let (part, behind) = rest.split_at(cut.unwrap_or(rest.len()));
        rest = behind;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use processors::ports::Away;
    use schemas::{
        Channel,
        examples::{self, seed},
    };
    use std::io::Write;

    #[test]
    fn the_demo_knows_what_the_examples_name() {
        let reference = FileReference::demo().unwrap().current();
        let (_, customer) = reference.service_key(seed::SERVICE_KEY).unwrap();
        assert_eq!(customer.username, seed::USERNAME);
        assert!(reference.sender_profile(seed::SENDER_KEY).is_some());
        for template in seed::TEMPLATES {
            let known = reference.template(template.channel, seed::USERNAME, template.code).unwrap();
            assert_eq!(known.message, template.message.unwrap_or_default(), "{}", template.code);
            assert_eq!(known.auth_allowed, template.auth);
        }
        for number in seed::SENDER_NUMBERS {
            assert!(reference.sender_number(Channel::Mt, seed::USERNAME, number).is_some());
        }
    }

    #[test]
    fn the_demo_has_templates_of_every_channel() {
        let seed: Seed = toml::from_str(DEMO).unwrap();
        for &channel in Channel::ALL {
            assert!(seed.templates.iter().any(|template| template.channel == channel), "{channel}");
        }
        assert!(Reference::new(seed).is_ok());
    }

    /// Nothing has to be made first.
    const READY: fn(&mut Reference) -> Result<(), Away> = |_| Ok(());

    /// A customer with a service key.
    fn customer(name: char) -> String {
        let key = String::from(name).repeat(40);
        format!("[[customers]]\nusername = \"{name}\"\n[[service_keys]]\nkey = \"{key}\"\nusername = \"{name}\"\n")
    }

    fn on_file(text: &str) -> (tempfile::NamedTempFile, FileReference) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let reference = FileReference::open(file.path()).unwrap();
        (file, reference)
    }

    #[test]
    fn a_changed_file_is_taken_over_once_it_has_settled() {
        let (mut file, reference) = on_file(&customer('a'));
        assert_eq!(reference.reload(&READY).unwrap(), None);
        writeln!(file.as_file_mut(), "{}{}", customer('a'), customer('b')).unwrap();
        assert_eq!(reference.reload(&READY).unwrap(), None, "it may still be written");
        let changes = reference.reload(&READY).unwrap().unwrap();
        assert_eq!(changes.to_string(), "1 customers added, 1 service keys added");
        assert!(reference.current().customer("b").is_some());
        assert_eq!(reference.reload(&READY).unwrap(), None);
    }

    #[test]
    fn a_file_that_needs_something_waits_until_it_is_made() {
        let (mut file, reference) = on_file(&customer('a'));
        writeln!(file.as_file_mut(), "{}{}", customer('a'), customer('b')).unwrap();
        assert_eq!(reference.reload(&READY).unwrap(), None, "it may still be written");
        for _ in 0..2 {
            let waits = reference.reload(&|_| Err(Away { dependency: "log", cause: "no broker answers".into() }));
            assert!(matches!(waits, Err(ReferenceError::Away(_))), "{waits:?}");
            assert!(reference.current().customer("b").is_none());
        }
        assert!(reference.reload(&READY).unwrap().is_some());
    }

    #[test]
    fn a_broken_file_is_told_once_and_leaves_the_old_data_in_force() {
        let (file, reference) = on_file(&customer('a'));
        let twice = format!("{}{}", customer('a'), customer('a'));
        for (text, reason) in [
            (twice.as_str(), "stands twice"),
            ("[[customers", "reference data"),
            ("", "no customer with a service key"),
        ] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(reference.reload(&READY).unwrap(), None);
            let error = reference.reload(&READY).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert_eq!(reference.reload(&READY).unwrap(), None, "told once");
            assert!(reference.current().customer("a").is_some());
        }
        let secret = format!("{}phone = \"821012345678\"\n", customer('a'));
        std::fs::write(file.path(), &secret).unwrap();
        assert_eq!(reference.reload(&READY).unwrap(), None);
        let error = reference.reload(&READY).unwrap_err().to_string();
        assert!(error.contains("line 6") && error.contains("phone") && !error.contains("8210"), "{error}");
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(reference.reload(&READY).unwrap(), None);
        assert!(matches!(reference.reload(&READY), Err(ReferenceError::File { .. })));
        std::fs::write(file.path(), customer('c')).unwrap();
        assert_eq!(reference.reload(&READY).unwrap(), None);
        assert!(reference.reload(&READY).unwrap().is_some());
    }

    #[test]
    fn a_long_file_is_read_in_parts_as_if_it_were_read_as_a_whole() {
        let template = |n: usize, message: &str| {
            format!(
                "[[templates]]\nchannel = \"AT\"\nusername = \"c{n}\"\ncode = \"order\"\nmessage = {message}\n\
                 [[templates.attachment.button]]\ntype = \"WL\"\nname = \"보기\"\n[[sender_numbers]]\nusername = \"c{n}\"\n\
                 number = \"1588{n:04}\"\nchannel = \"MT\"\n"
            )
        };
        let long = |message: &str| (0..2_000).map(|n| template(n, message)).collect::<String>();
        for message in ["\"주문 [[1]]\"", "\"\"\"\n[[templates]]\n\"\"\"", "'''\n[[templates]]\ncode = 1'''"] {
            let text = long(message);
            assert!(parts(&text).count() > 3, "{}", text.len());
            assert_eq!(parts(&text).collect::<String>(), text);
            let expected: Seed = toml::from_str(&text).unwrap();
            assert_eq!(parse("long", &text).unwrap(), expected);
        }
        assert!(parts(&long("\"주문\"")).all(|part| toml::from_str::<Seed>(part).is_ok()), "no row is cut");
        let broken = format!("{}[[templates]]\nchanel = \"AT\"\n", long("\"주문\""));
        let error = parse("long", &broken).unwrap_err().to_string();
        assert!(error.contains("line 24002") && error.contains("chanel"), "{error}");
    }

    #[test]
    fn what_is_nearly_a_file_of_reference_data_is_taken_or_told() {
        // The last of it names every kind of row that a customer has.
        let part = DEMO.get(DEMO.len().saturating_sub(6_000)..).unwrap_or(DEMO);
        for bytes in examples::spoilt(&[part.as_bytes()]) {
            let _ = read_text("spoilt", &String::from_utf8_lossy(&bytes));
        }
    }
}
