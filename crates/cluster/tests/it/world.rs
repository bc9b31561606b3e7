//! One cluster under test: every command goes through [`World::apply`], which holds the state to its invariants.

use bytes::Bytes;
use miroir_cluster::{
    Adopt, Command, Credentials, Defaults, Edit, Enqueue, EnqueueWork, Found, Outcome, PayloadSource,
    PeerStarted, ProposalId, State, Target, WriteMode, invariants, task_from_rows,
};
use miroir_model::{Epoch, NodeId, PeerId, PeerLife, PhysicalId, TaskUid, Timestamp, UnitSet};
use miroir_settings::{Features, Rules, SettingsPatch};
use miroir_tasks::{TaskDetails, TaskRecord};

use crate::model::Model;
use miroir_testkit::Dice;

/// How a cluster is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) nodes: u32,
    pub(crate) groups: u32,
    pub(crate) factor: u16,
    pub(crate) shards: u16,
}

/// Two nodes with half of each index.
pub(crate) const TWO: Layout = Layout { nodes: 2, groups: 1, factor: 1, shards: 2 };

pub(crate) struct World {
    pub(crate) state: State,
    /// The tasks that ended, in the order in which they did.
    pub(crate) finished: Vec<TaskRecord>,
    /// The log.
    pub(crate) log: Vec<(Timestamp, Command)>,
    pub(crate) accepted: usize,
    pub(crate) model: Model,
    pub(crate) clock: Timestamp,
    attempts: u64,
    /// Every peer searches what is new at once.
    pub(crate) shows: bool,
}

impl World {
    /// A cluster of two peers; the first delivers to every node.
    pub(crate) fn new(layout: Layout) -> Self {
        let mut world = Self {
            state: State::new(),
            finished: Vec::new(),
            log: Vec::new(),
            accepted: 0,
            model: Model::default(),
            clock: Timestamp(1_000),
            attempts: 0,
            shows: true,
        };
        let defaults = Defaults {
            shards: Some(layout.shards),
            factor: layout.factor,
            groups: layout.groups,
            ..Defaults::default()
        };
        world.must(Command::Found(Found { cluster: "test".to_owned(), defaults }));
        for peer in [1, 2] {
            world.must(Command::PeerStarted(started(peer, 1)));
        }
        for node in 0..layout.nodes {
            world.must(Command::Adopt(Box::new(adopt(node, layout.groups))));
            world.take(&node_id(node), 1);
        }
        world
    }

    /// The same with an index `a`, which every node has that it is on.
    pub(crate) fn with_index(layout: Layout) -> (Self, PhysicalId) {
        let mut world = Self::new(layout);
        world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
        world.drain(&mut Dice::from(1));
        let id = world.state.ordered(&"a".parse().expect("a name")).expect("ordered").id;
        (world, id)
    }

    /// Applies a command, and stops at the first invariant that breaks.
    pub(crate) fn apply(&mut self, command: Command) -> Outcome {
        let outcome = self.take_in(command);
        while self.shows && !self.state.showing.is_empty() {
            self.take_in(Command::Shown { version: self.state.version() });
        }
        outcome
    }

    fn take_in(&mut self, command: Command) -> Outcome {
        let before = self.state.clone();
        let applied = self.state.apply(self.clock, &command);
        let mut violations = invariants::check(&self.state);
        violations.extend(invariants::goes_on(&before, &self.state));
        assert!(violations.is_empty(), "{command:?}\n{violations:#?}");
        let mut rows = applied.rows.iter().peekable();
        while let Some(first) = rows.peek().map(|row| row.key[..9].to_vec()) {
            let pieces = std::iter::from_fn(|| rows.next_if(|row| row.key.starts_with(&first)));
            let values = pieces.filter_map(|row| row.value.as_deref()).collect::<Vec<_>>();
            let task = task_from_rows(values).expect("written by apply").expect("not empty");
            if task.error.is_some() {
                self.model.fails(task.uid);
            }
            self.finished.push(task);
        }
        self.accepted += usize::from(is_accepted(&applied.outcome));
        self.model.observe(&before, &command, &applied.outcome, &self.state);
        self.log.push((self.clock, command));
        applied.outcome
    }

    /// Applies a command that must be accepted.
    pub(crate) fn must(&mut self, command: Command) -> Outcome {
        let outcome = self.apply(command);
        assert!(is_accepted(&outcome), "{:?}\n{outcome:?}", self.log.last());
        outcome
    }

    /// Hands a lane to the present life of a peer.
    pub(crate) fn take(&mut self, node: &NodeId, peer: u64) -> Epoch {
        let peer = PeerId(peer);
        let life = PeerLife { peer, boot: self.state.peers[&peer].boot };
        self.must(Command::AssignLane { node: node.clone(), peer: Some(peer) });
        let taken = self.must(Command::TakeLane { node: node.clone(), life });
        let Outcome::LaneTaken { epoch } = taken else { unreachable!("{taken:?}") };
        epoch
    }

    pub(crate) fn attempt(&mut self) -> ProposalId {
        self.attempts += 1;
        let peer = PeerId(1);
        let boot = self.state.peers.get(&peer).map_or(1, |known| known.boot);
        ProposalId { life: PeerLife { peer, boot }, number: self.attempts }
    }

    /// A write with the right target, except that an index that is not there is created.
    pub(crate) fn write(&mut self, name: &str, work: EnqueueWork, key: Option<&str>) -> Enqueue {
        let index_uid = name.parse().expect("a valid name");
        let key = key.map(str::to_owned);
        let target = match self.state.ordered(&index_uid) {
            Some(index) => Target::Existing {
                index: index.id,
                settings: index.settings.ordered,
                primary_key: key.or_else(|| index.primary_key.clone()),
            },
            None => Target::Creates { primary_key: key, shape: Default::default() },
        };
        let details = details(&work);
        let proposal = self.attempt();
        let index_uid = Some(index_uid);
        Enqueue { proposal, idempotency: None, index_uid, target, work, details, custom_metadata: None }
    }

    /// Has such a write accepted.
    pub(crate) fn enqueue(&mut self, name: &str, work: EnqueueWork, key: Option<&str>) -> TaskUid {
        let enqueue = self.write(name, work, key);
        let accepted = self.must(Command::Enqueue(Box::new(enqueue)));
        let Outcome::Enqueued { task, .. } = accepted else { unreachable!("{accepted:?}") };
        task
    }

    /// How a task ended.
    pub(crate) fn ended(&self, uid: TaskUid) -> &TaskRecord {
        self.finished.iter().find(|task| task.uid == uid).expect("the task has ended")
    }
}

pub(crate) fn is_accepted(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Refused(_) => false,
        Outcome::Lanes(steps) => steps.iter().all(Result::is_ok),
        _ => true,
    }
}

pub(crate) fn node_id(node: u32) -> NodeId {
    NodeId::new(format!("n{node}"))
}

pub(crate) fn started(peer: u64, boot: u64) -> PeerStarted {
    let life = PeerLife { peer: PeerId(peer), boot };
    PeerStarted { life, name: format!("p{peer}"), http: "http://h".to_owned(), grpc: "http://g".to_owned() }
}

pub(crate) fn adopt(node: u32, groups: u32) -> Adopt {
    let key = |name: &str| format!("{name} of n{node}");
    let credentials = Credentials {
        master_key: key("master"),
        lane_key: key("lane"),
        search_key: key("search"),
        adoption: key("adoption"),
    };
    let url = format!("http://n{node}");
    let version = "1.50.0".to_owned();
    Adopt { node: node_id(node), url, group: node % groups, weight: 1, version, credentials }
}

pub(crate) fn patch(json: &str) -> SettingsPatch {
    let rules = Rules { version: miroir_api::ApiVersion::V1_50, features: Features::default() };
    SettingsPatch::parse(&serde_json::from_str(json).expect("JSON"), rules).expect("valid settings")
}

/// An addition of so many documents, with a payload of as many bytes.
pub(crate) fn documents(mode: WriteMode, units: UnitSet, frames: u32) -> EnqueueWork {
    let inline = vec![Bytes::from(vec![b'd'; frames as usize])];
    let payload = PayloadSource { frames, inline, upload: None };
    EnqueueWork::Documents { mode, skip_creation: false, payload, units }
}

pub(crate) fn edit() -> EnqueueWork {
    EnqueueWork::Edit(Edit { function: "doc.n += 1".to_owned(), context: None, filter: None })
}

fn details(work: &EnqueueWork) -> TaskDetails {
    match work {
        EnqueueWork::Documents { payload, .. } => {
            TaskDetails::Addition { received: payload.frames.into(), indexed: None }
        }
        EnqueueWork::DeleteIds { payload, .. } => {
            TaskDetails::Deletion { provided: payload.frames.into(), deleted: None, filter: None }
        }
        EnqueueWork::DeleteFilter { filter } => {
            TaskDetails::Deletion { provided: 0, deleted: None, filter: Some(filter.clone()) }
        }
        EnqueueWork::DeleteAll | EnqueueWork::DeleteIndex => TaskDetails::Clear { deleted: None },
        EnqueueWork::Settings { patch } => TaskDetails::Settings { sent: patch.details() },
        EnqueueWork::CreateIndex | EnqueueWork::SetPrimaryKey | EnqueueWork::Refused { .. } => {
            TaskDetails::Index { primary_key: None, old_uid: None, new_uid: None }
        }
        EnqueueWork::Edit(edit) => edit.details(),
        EnqueueWork::Rename | EnqueueWork::Swap => TaskDetails::Swap { swaps: Vec::new() },
        EnqueueWork::Cancel { .. } => {
            TaskDetails::Cancelation { matched: 0, canceled: None, filter: "?uids=*".to_owned() }
        }
    }
}
