//! One member of a group: what it owns, and what it may commit.

mod calls;
mod hold;

use super::Shared;
use super::bell::Bell;
use super::faults::{Call, When, strike};
use super::group::Standing;
use super::partition::Append;
use super::state::State;
use crate::log::{Limits, LogError, METADATA_LIMIT, Offsets, Place, Polled, Position, StreamSpec};
use hold::{Hold, Run};
use std::{cell::Cell, mem, sync::Arc};

/// A stream of the log in process.
pub(super) struct MemoryStream {
    shared: Arc<Shared>,
    spec: StreamSpec,
    /// Its group's number.
    group: usize,
    /// Its own number, a new one each time it joins: the group knows a zombie by its old one.
    member: u64,
    bell: Bell,
    hold: Hold,
    /// A commit failed: the next poll begins again at what is committed.
    rewound: bool,
    /// When the group last confirmed it, by the log's clock.
    confirmed_ms: Cell<i64>,
}

/// What a look at the log finds.
enum Found {
    News(Polled),
    Records(Vec<Run>),
    Nothing,
}

impl MemoryStream {
    /// Joins the stream's group.
    pub(super) fn join(shared: Arc<Shared>, spec: StreamSpec) -> Result<Self, LogError> {
        let bell = Bell::new();
        let now_ms = shared.now_ms();
        let (group, member) = shared.reach(|state| {
            let group = state.group_of(&spec, &shared.layout)?;
            Ok((group, state.join(group, &bell, now_ms)))
        })?;
        let confirmed_ms = Cell::new(now_ms);
        Ok(Self { shared, spec, group, member, bell, hold: Hold::default(), rewound: false, confirmed_ms })
    }

    /// Looks once, under the lock.
    fn look(&mut self, state: &mut State, limits: Limits, now_ms: i64) -> Result<Found, LogError> {
        let (group, bells) = state.group(self.group);
        group.expire(now_ms, self.shared.settings.session, bells);
        self.confirmed_ms.set(now_ms);
        let rewound = mem::take(&mut self.rewound);
        match group.standing(self.member) {
            None => {
                self.hold.let_go(state, self.member);
                self.member = state.join(self.group, &self.bell, now_ms);
                Ok(Found::News(Polled::Lost))
            }
            Some(Standing::Waiting) => Ok(Found::Nothing),
            Some(standing @ Standing::Given(_)) => {
                let partitions = standing.accept();
                Ok(Found::News(self.begin(state, partitions)))
            }
            Some(Standing::Holding) if rewound => Ok(Found::News(self.begin_again(state))),
            Some(Standing::Revoking { told, .. }) if rewound => {
                // It owns them again for the moment, so it has to hear once more that they are to go.
                *told = false;
                Ok(Found::News(self.begin_again(state)))
            }
            Some(Standing::Revoking { told, .. }) => match mem::replace(told, true) {
                false => Ok(Found::News(Polled::Revoking)),
                true => Ok(Found::Nothing),
            },
            Some(Standing::Holding) => {
                if self.spec.offsets == Offsets::Sink {
                    // A sink takes more only when what it had is in its database, or seeks back.
                    self.hold.positions().for_each(|(partition, next)| group.asked_from(partition, next));
                }
                let runs = self.hold.take(state, limits.records)?;
                Ok(if runs.is_empty() { Found::Nothing } else { Found::Records(runs) })
            }
        }
    }

    fn begin_again(&mut self, state: &mut State) -> Polled {
        let partitions = self.hold.positions().map(|(partition, _)| partition).collect();
        self.begin(state, partitions)
    }

    /// Begins to read partitions where the group stands.
    fn begin(&mut self, state: &mut State, partitions: Vec<usize>) -> Polled {
        let group = &state.groups[self.group];
        let position = |&at: &usize| {
            let committed = group.committed(at);
            Position { place: self.shared.layout.place(at), next: committed.next, metadata: committed.metadata }
        };
        let positions: Vec<Position> = partitions.iter().map(position).collect();
        self.hold.let_go(state, self.member);
        self.hold.begin(state, partitions.iter().copied().zip(&positions), self.member, &self.bell);
        Polled::Assigned(positions)
    }

    /// The number of a partition that this stream owns.
    fn owned(&self, place: Place) -> Result<usize, LogError> {
        let at = self.shared.layout.index(place)?;
        if self.hold.has(at) {
            return Ok(at);
        }
        let (name, Place { topic, partition }) = (&self.spec.name, place);
        Err(LogError::Stop(format!(
            "{name} does not own {topic}/{partition}: what was held under an older assignment must be dropped"
        )))
    }

    /// The number of a position's partition, when it may be committed.
    fn committable(&self, position: &Position) -> Result<usize, LogError> {
        let at = self.owned(position.place)?;
        let (name, Place { topic, partition }) = (&self.spec.name, position.place);
        if self.spec.offsets == Offsets::Sink {
            let why = "its offsets are kept by its sink, the log takes none";
            return Err(LogError::Stop(format!("{name} commits {topic}/{partition}, but {why}")));
        }
        let length = position.metadata.len();
        if length > METADATA_LIMIT || !position.metadata.is_ascii() {
            return Err(LogError::Stop(format!(
                "{name} notes {length} bytes beside {topic}/{partition}, the log takes {METADATA_LIMIT} ASCII characters"
            )));
        }
        Ok(at)
    }

    /// Appends and moves positions, both or neither.
    fn conclude(&mut self, call: Call, appends: Vec<Append>, positions: &[Position]) -> Result<(), LogError> {
        let mut moves = Vec::with_capacity(positions.len());
        for position in positions {
            moves.push((self.committable(position)?, position));
        }
        let now_ms = self.shared.now_ms();
        let Self { shared, spec, group, member, rewound, .. } = self;
        let rewind = |why: &str| Err(LogError::Rewound(format!("{}: {why}", spec.name)));
        shared.append(|state| {
            if !state.groups[*group].knows(*member) {
                return rewind("the group has thrown this member out");
            }
            if *rewound {
                return rewind("a commit before this one failed, and no poll has begun again since");
            }
            let fault = strike(state, &spec.name, call);
            *rewound = fault.is_some();
            if fault == Some(When::Before) {
                return rewind("failed on purpose before it took effect");
            }
            state.append(appends, now_ms);
            for (partition, position) in moves {
                state.groups[*group].commit(partition, position);
            }
            match fault {
                None => Ok(()),
                Some(_) => rewind("failed on purpose after it took effect"),
            }
        })?;
        self.confirmed_ms.set(now_ms);
        Ok(())
    }

    /// Leaves the group.
    fn part(&mut self) {
        let now_ms = self.shared.now_ms();
        self.shared.with(|state| {
            self.hold.let_go(state, self.member);
            let (group, bells) = state.group(self.group);
            group.remove(self.member, now_ms, bells);
        });
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.part();
    }
}
