//! Connections, and the round trips over them.

use super::settings::Address;
use super::slots::{SlotMap, redirected};
use super::{Batch, NAME, RedisSettings};
use ::redis::{Client, Connection, RedisError, ServerError, ServerErrorKind, Value};
use processors::ports::Away;
use std::fmt;
use std::time::{Duration, Instant};

/// How often one batch is sent on when slots have moved.
const ROUNDS: usize = 5;
/// Since this version a claim and the question who holds it are one command (SET with NX and GET).
const OLDEST_VERSION: u32 = 7;

/// One server or one cluster. Connections are made when they are needed, and all are given up after any failure: what
/// is still to be read on them belongs to nobody.
pub struct Redis {
    settings: RedisSettings,
    nodes: Vec<Node>,
    /// Of a cluster, as far as it is known.
    slots: SlotMap,
    /// Commands for one node, when they do not follow each other in the batch.
    packed: Vec<u8>,
}

struct Node {
    address: Address,
    connection: Connection,
}

/// Commands of a batch that go to one node, in their order, with where ASK sent them.
struct Part {
    node: usize,
    commands: Vec<usize>,
    asking: bool,
}

/// A command still to be answered, and where to if a node said so.
type Open = (usize, Option<Address>);

impl Redis {
    /// Asks nothing yet.
    pub fn new(settings: RedisSettings) -> Self {
        Self { settings, nodes: Vec::new(), slots: SlotMap::default(), packed: Vec::new() }
    }

    /// Whether the next batch finds a connection made before: nothing has failed since.
    pub fn is_connected(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// Runs all commands and puts their answers, in the order of the commands, into `answers`. On failure some may have
    /// been run: every command must be one that may be run again. Takes twice the time-out at most.
    pub fn ask(&mut self, batch: &Batch, answers: &mut Vec<Value>) -> Result<(), Away> {
        let deadline = Deadline::after(self.settings.timeout());
        let (used_before, asked) = (self.is_connected(), self.rounds(batch, answers, deadline));
        match asked {
            // A connection that was idle may have been closed by the other side: that is no reason to wait.
            Err(_) if used_before && deadline.is_ahead() => self.rounds(batch, answers, deadline),
            asked => asked,
        }
    }

    fn rounds(&mut self, batch: &Batch, answers: &mut Vec<Value>, deadline: Deadline) -> Result<(), Away> {
        let asked = self.try_rounds(batch, answers, deadline);
        if asked.is_err() {
            self.nodes.clear();
            self.slots = SlotMap::default();
        }
        asked
    }

    fn try_rounds(&mut self, batch: &Batch, answers: &mut Vec<Value>, deadline: Deadline) -> Result<(), Away> {
        answers.clear();
        answers.resize(batch.len(), Value::Nil);
        let mut open: Vec<Open> = (0..batch.len()).map(|command| (command, None)).collect();
        for _ in 0..ROUNDS {
            if open.is_empty() {
                return Ok(());
            }
            open = self.round(batch, &open, answers, deadline)?;
        }
        if open.is_empty() { Ok(()) } else { Err(away("cluster", "its slots keep moving")) }
    }

    /// Sends what is open to all nodes, then reads their answers; what is still open after it.
    fn round(
        &mut self,
        batch: &Batch,
        open: &[Open],
        answers: &mut [Value],
        deadline: Deadline,
    ) -> Result<Vec<Open>, Away> {
        let parts = self.parts(batch, open, deadline)?;
        for part in &parts {
            self.nodes[part.node].limit(deadline)?;
            self.send(batch, part)?;
        }
        let (mut again, mut moved) = (Vec::new(), false);
        for part in &parts {
            let node = &mut self.nodes[part.node];
            node.limit(deadline)?;
            for &command in &part.commands {
                if part.asking {
                    node.read(deadline)?;
                }
                match node.read(deadline)? {
                    Value::ServerError(error) => {
                        let to = node.sent_on(&error)?;
                        moved |= error.kind() == Some(ServerErrorKind::Moved);
                        again.push((command, to));
                    }
                    answer => answers[command] = answer,
                }
            }
        }
        if moved {
            // Asked for anew when the next round looks for it.
            self.slots = SlotMap::default();
        }
        Ok(again)
    }

    fn parts(&mut self, batch: &Batch, open: &[Open], deadline: Deadline) -> Result<Vec<Part>, Away> {
        if !self.settings.is_cluster() {
            let only = self.settings.addresses().next().ok_or_else(|| away("server", "no address"))?;
            let node = self.node(&only, deadline)?;
            return Ok(vec![Part {
                node,
                commands: open.iter().map(|(command, _)| *command).collect(),
                asking: false,
            }]);
        }
        if self.slots.is_empty() {
            self.learn(deadline)?;
        }
        let mut parts: Vec<Part> = Vec::new();
        // Most batches fall into few slots: each is looked up once.
        let mut known: Vec<(u16, usize)> = Vec::new();
        for (command, to) in open {
            let slot = batch.slot(*command);
            let part = match known.iter().find(|(known, _)| *known == slot && to.is_none()) {
                Some((_, part)) => *part,
                None => {
                    let address = to.as_ref().or_else(|| self.slots.master(slot)).cloned();
                    let address = address.ok_or_else(|| away("cluster", format_args!("no node has slot {slot}")))?;
                    let (node, asking) = (self.node(&address, deadline)?, to.is_some());
                    let same = parts.iter().position(|part| part.node == node && part.asking == asking);
                    let part = same.unwrap_or(parts.len());
                    if same.is_none() {
                        parts.push(Part { node, commands: Vec::new(), asking });
                    }
                    if !asking {
                        known.push((slot, part));
                    }
                    part
                }
            };
            parts[part].commands.push(*command);
        }
        Ok(parts)
    }

    fn send(&mut self, batch: &Batch, part: &Part) -> Result<(), Away> {
        let Self { nodes, packed, .. } = self;
        let node = &mut nodes[part.node];
        if part.commands.len() == batch.len() && !part.asking {
            return node.write(batch.bytes(0..batch.len()));
        }
        packed.clear();
        for &command in &part.commands {
            if part.asking {
                packed.extend_from_slice(b"*1\r\n$6\r\nASKING\r\n");
            }
            packed.extend_from_slice(batch.bytes(command..command + 1));
        }
        node.write(packed)
    }

    /// The connection to a node, made when there is none.
    fn node(&mut self, address: &Address, deadline: Deadline) -> Result<usize, Away> {
        if let Some(known) = self.nodes.iter().position(|node| node.address == *address) {
            return Ok(known);
        }
        self.nodes.push(Node::connect(&self.settings, address, deadline)?);
        Ok(self.nodes.len() - 1)
    }

    /// Asks the nodes, first those that answered before, who has which slots.
    fn learn(&mut self, deadline: Deadline) -> Result<(), Away> {
        let known = self.nodes.iter().map(|node| node.address.clone());
        let candidates: Vec<Address> = known.chain(self.settings.addresses()).collect();
        let mut failed = away("cluster", "no node answers");
        for (at, address) in candidates.iter().enumerate() {
            // One that hangs leaves time for the others.
            let deadline = deadline.share_of(candidates.len() - at);
            let learnt = self.node(address, deadline).and_then(|node| {
                let node = &mut self.nodes[node];
                node.limit(deadline)?;
                node.write(b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")?;
                match node.read(deadline)? {
                    Value::ServerError(error) => Err(away(address, error)),
                    answer => SlotMap::of(&answer, address).ok_or_else(|| away(address, "tells no slots")),
                }
            });
            match learnt {
                Ok(slots) => {
                    self.slots = slots;
                    return Ok(());
                }
                Err(error) => {
                    self.nodes.retain(|node| node.address != *address);
                    failed = error;
                }
            }
        }
        Err(failed)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Node {
    fn connect(settings: &RedisSettings, address: &Address, deadline: Deadline) -> Result<Self, Away> {
        let entry = settings.entry(address);
        let client = match settings.certificates() {
            Some(certificates) => Client::build_with_tls(entry, certificates.clone()),
            None => Client::open(entry),
        };
        let connected = client.and_then(|client| client.get_connection_with_timeout(deadline.left_or_little()));
        let connection = connected.map_err(|error| failed(address, &error))?;
        let mut node = Self { address: address.clone(), connection };
        node.limit(deadline)?;
        let told: String = ::redis::cmd("INFO").query(&mut node.connection).map_err(|e| failed(address, &e))?;
        match unfit(&told, settings.is_cluster()) {
            Some(cause) => Err(away(address, cause)),
            None => Ok(node),
        }
    }

    /// No read and no write from now on takes longer than what is left.
    fn limit(&mut self, deadline: Deadline) -> Result<(), Away> {
        let left = Some(deadline.left(&self.address)?);
        let limits = self.connection.set_read_timeout(left).and_then(|()| self.connection.set_write_timeout(left));
        limits.map_err(|error| failed(&self.address, &error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Away> {
        self.connection.send_packed_command(bytes).map_err(|error| failed(&self.address, &error))
    }

    fn read(&mut self, deadline: Deadline) -> Result<Value, Away> {
        deadline.left(&self.address)?;
        self.connection.recv_response().map_err(|error| failed(&self.address, &error))
    }

    /// What to do about an error of the server: send the command to the node of the answer, or once more by the slots
    /// as they are then, or wait.
    fn sent_on(&self, error: &ServerError) -> Result<Option<Address>, Away> {
        match error.kind() {
            Some(ServerErrorKind::Ask) => Ok(error.details().and_then(|detail| redirected(detail, &self.address))),
            Some(ServerErrorKind::Moved) => Ok(None),
            _ => Err(away(&self.address, error)),
        }
    }
}

/// Until when a batch must be answered.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, timeout }
    }

    fn left(self, address: &Address) -> Result<Duration, Away> {
        let left = self.at.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(away(address, format_args!("no answer within {:?}", self.timeout))),
            false => Ok(left),
        }
    }

    fn is_ahead(self) -> bool {
        self.at > Instant::now()
    }

    /// An even share of what is left, for the first of so many attempts.
    fn share_of(self, attempts: usize) -> Self {
        let now = Instant::now();
        Self { at: now + self.at.saturating_duration_since(now) / attempts.max(1) as u32, ..self }
    }

    /// A time-out of nothing would mean none.
    fn left_or_little(self) -> Duration {
        self.at.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }
}

fn away(at: impl fmt::Display, cause: impl fmt::Display) -> Away {
    Away { dependency: NAME, cause: format!("{at}: {cause}") }
}

fn failed(at: &Address, error: &RedisError) -> Away {
    if error.is_timeout() { away(at, "no answer in time") } else { away(at, error) }
}

/// Why a server cannot be used although it answers, by what INFO tells.
fn unfit(told: &str, cluster: bool) -> Option<String> {
    let value = |key: &str| told.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
    let version = value("redis_version").unwrap_or_default();
    if version.split('.').next().and_then(|major| major.parse().ok()).is_none_or(|major: u32| major < OLDEST_VERSION) {
        return Some(format!("is of version {version:?}: {OLDEST_VERSION} or newer is needed"));
    }
    match (value("cluster_enabled") == Some("1"), cluster) {
        (true, false) => return Some("is a node of a cluster: name several of its nodes in state.url".into()),
        (false, true) => return Some("is no node of a cluster: name one address in state.url".into()),
        _ => {}
    }
    let policy = value("maxmemory_policy").unwrap_or("noeviction");
    if policy != "noeviction" && value("maxmemory") != Some("0") {
        return Some(format!(
            "forgets what it holds when it is full: set maxmemory-policy from {policy} to noeviction"
        ));
    }
    None
}
