//! Puts templates to sleep that nobody sends any more, as Kakao does (docs/center.md), beside the streams of the store.

use crate::{assemble::now_ms, beside::Beside};
use connectors::{
    history::{LastUses, UsedTemplate},
    reference::{By, Editor, Inspected},
};
use processors::{
    center::dormancy::{Due, Standing, UNUSED_DAYS},
    korea::DAY_MS,
    ports::Away,
    reference::Approval,
};
use schemas::Channel;
use std::{io, time::Duration};

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(24 * 3600);
/// How long a store that is away is left alone.
const REST: Duration = Duration::from_secs(60);
/// Templates of one question.
const PAGE: u32 = 300;
/// Who it is in the audit.
const ACTOR: &str = "ims/dormancy";
/// Whose templates are inspected by Kakao.
const CHANNELS: [Channel; 3] = [Channel::At, Channel::Ft, Channel::Bt];

/// Where it looks. Several processes may: each change is made of what stands there then.
pub struct Templates {
    editor: Editor,
    uses: LastUses,
}

/// How many templates were changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Changed {
    dormant: u64,
    deleted: u64,
}

/// Looks once a day, when there are templates that can be changed.
pub fn begin(templates: Option<Templates>) -> io::Result<Option<Beside>> {
    templates.map(|mut templates| Beside::start("dormancy", move || turn(&mut templates))).transpose()
}

/// One look; how long to wait before the next.
fn turn(templates: &mut Templates) -> Duration {
    match templates.look(now_ms()) {
        Ok(changed) if changed == Changed::default() => EVERY,
        Ok(Changed { dormant, deleted }) => {
            tracing::info!(dormant, deleted, "templates that nobody sends were put to sleep or taken out");
            EVERY
        }
        Err(error) => {
            tracing::warn!(%error, "unused templates cannot be looked for now: trying again in a minute");
            REST
        }
    }
}

impl Templates {
    /// Of these stores.
    pub const fn new(editor: Editor, uses: LastUses) -> Self {
        Self { editor, uses }
    }

    /// By the clock, or by the newest row of history where that is older: a clock that is a year ahead puts nothing to sleep.
    fn look(&mut self, now_ms: i64) -> Result<Changed, Away> {
        let Some(newest_ms) = self.uses.newest_ms()? else { return Ok(Changed::default()) };
        let now_ms = now_ms.min(newest_ms);
        let noted_since_ms = self.uses.noted_since()?;
        let woken = self.editor.woken(now_ms - (UNUSED_DAYS + 1) * DAY_MS)?;
        let mut changed = Changed::default();
        for channel in CHANNELS {
            let (mut username, mut code) = (String::new(), String::new());
            loop {
                let page = self.editor.inspected(channel, (&username, &code), PAGE)?;
                let used = self.uses.of(&page.iter().map(used).collect::<Vec<_>>())?;
                for (template, used_ms) in page.iter().zip(used) {
                    let name = format!("{}/{}/{}", template.channel, template.username, template.code);
                    let woken = woken.get(&name) == Some(&template.since_ms);
                    let Inspected { state, since_ms, .. } = *template;
                    let standing = Standing { state, since_ms, woken, used_ms, noted_since_ms };
                    self.settle(template, standing.due(now_ms), now_ms, &mut changed)?;
                }
                let Some(last) = page.into_iter().last() else { break };
                (username, code) = (last.username, last.code);
            }
        }
        Ok(changed)
    }

    fn settle(
        &mut self,
        template: &Inspected,
        due: Option<Due>,
        now_ms: i64,
        changed: &mut Changed,
    ) -> Result<(), Away> {
        let Some(due) = due else { return Ok(()) };
        let (to, counted) = match due {
            Due::Sleep => (Some(Approval::Dormant), &mut changed.dormant),
            Due::Deletion => (None, &mut changed.deleted),
        };
        let by = By::named(ACTOR, now_ms);
        *counted += u64::from(self.editor.retire(&by, template, to)?);
        Ok(())
    }
}

fn used(template: &Inspected) -> UsedTemplate {
    let Inspected { username, channel, code, .. } = template;
    UsedTemplate { username: username.clone(), channel: *channel, code: code.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        assemble::Deployment,
        config::{self, Config, LogKind, ReferenceKind, StateKind},
        stores::Stores,
    };
    use connectors::{
        cipher::Cipher,
        history::HistorySink,
        reference::{Importer, SqlReference, parse},
        sql::Location,
    };
    use processors::ports::{Logged, Move, ReferenceSource as _, Sink as _, Written};
    use schemas::{History, Topic};
    use std::sync::Arc;
    use topology::graph::Role;

    const SEED: &str = r#"
[[customers]]
username = "shop"
[[service_keys]]
key = "SHOP000000000000000000000000000000000000"
username = "shop"
active = true
[[templates]]
username = "shop"
channel = "AT"
code = "USED"
message = "a"
[[templates]]
username = "shop"
channel = "AT"
code = "UNUSED"
message = "a"
[[templates]]
username = "shop"
channel = "MT"
code = "UNUSED"
message = "a"
"#;

    /// The n-th row of history: a message that left, of a template.
    fn used(at: &Location, cipher: &Arc<Cipher>, n: i64, template_code: &str, sent_ms: i64) {
        let record = History {
            track_id: format!("01KJMXCWW00000000000000{n:03}"),
            username: "shop".into(),
            channel: Channel::At,
            template_code: Some(template_code.into()),
            sent_at: Some(sent_ms),
            received_at: sent_ms,
            ..History::default()
        };
        let topic = Topic::hist(Channel::At);
        let moves = [Move { topic, partition: 0, from: (n > 0).then_some(n), to: n + 1 }];
        let written = HistorySink::history(at, Arc::clone(cipher))
            .unwrap()
            .write(&[Logged { topic, partition: 0, offset: n, record }], &moves);
        assert_eq!(written, Ok(Written::Moved));
    }

    #[test]
    fn a_template_that_nobody_sends_sleeps_and_is_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::load(None, []).unwrap();
        config.store.file = folder.path().join("ims.sqlite");
        config.reference.kind = ReferenceKind::Sql;
        let stores = Stores::of(&config);
        let (at, cipher) = (stores.reference().unwrap(), Arc::new(stores.cipher().unwrap()));
        let now_ms = now_ms();
        let days = |days: i64| now_ms + days * DAY_MS;
        let seed = parse("seed", SEED).unwrap();
        Importer::open(&at, Arc::clone(&cipher)).unwrap().import("seed", seed, "test", now_ms, || {}).unwrap();
        let history = stores.history().unwrap();
        let editor = Editor::open(&at, Arc::clone(&cipher), config.center).unwrap();
        let mut templates = Templates::new(editor, LastUses::open(&stores.history().unwrap()).unwrap());
        let state = |channel, code| {
            let reference = SqlReference::open(&at, Arc::clone(&cipher)).unwrap().current();
            reference.template(channel, "shop", code).map(|template| template.state)
        };
        assert_eq!(templates.look(days(400)).unwrap(), Changed::default(), "nothing was ever sent");
        used(&history, &cipher, 0, "USED", days(100));
        assert_eq!(templates.look(days(400)).unwrap(), Changed::default(), "the clock is ahead of all that was sent");
        let mut n = 0;
        let mut look = |day| {
            n += 1;
            used(&history, &cipher, n, "ANOTHER", days(day));
            let Changed { dormant, deleted } = templates.look(days(day)).unwrap();
            (dormant, deleted)
        };
        assert_eq!((look(101), look(364)), ((0, 0), (0, 0)));
        assert_eq!((look(366), look(366)), ((1, 0), (0, 0)), "another process finds nothing to change");
        assert_eq!(state(Channel::At, "UNUSED"), Some(Approval::Dormant));
        assert_eq!(state(Channel::At, "USED"), Some(Approval::Approved));
        assert_eq!(state(Channel::Mt, "UNUSED"), Some(Approval::Approved), "nobody inspects it");
        assert_eq!(look(467), (1, 0), "365 days after the day of its last use");
        assert_eq!(look(366 + 365), (0, 1));
        assert_eq!((state(Channel::At, "UNUSED"), state(Channel::At, "USED")), (None, Some(Approval::Dormant)));
    }

    #[test]
    fn templates_of_a_file_or_of_another_role_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::load(None, []).unwrap();
        config.store.file = folder.path().join("ims.sqlite");
        config.log.kind = LogKind::Memory;
        config.state.kind = StateKind::Memory;
        let looks = |config: &Config, role| {
            let deployment = Deployment::new(config).unwrap();
            deployment.templates(config, &[role]).unwrap().is_some()
        };
        assert!(!looks(&config, Role::Store));
        config.reference.kind = ReferenceKind::Sql;
        assert!(looks(&config, Role::Store) && !looks(&config, Role::Router));
        config.reference.dormancy = false;
        assert!(!looks(&config, Role::Store));
    }
}
