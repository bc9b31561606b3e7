use miroir_cluster::{
    Action, Command, CopyChange, CopyStep, Defaults, DispatchResult, Enqueue, EnqueueWork, LaneStep,
    ProposalId, QueueStep, Report, Reports, Target,
};
use miroir_model::{PeerId, PeerLife, PhysicalId, TaskUid, Timestamp};
use miroir_tasks::TaskDetails;
use miroir_testkit::{LocalCluster, adopt, defaults};

use super::*;

const LIFE: PeerLife = PeerLife { peer: PeerId(1), boot: 1 };

/// An index of one shard that every node has, and two tasks that none of them has done. Its clock stands at 0.
struct World {
    cluster: LocalCluster,
    id: PhysicalId,
    tasks: [TaskUid; 2],
}

fn world(copies: u16) -> World {
    let nodes = (0..copies).map(|node| adopt(name(node).as_str(), "http://node"));
    let cluster = LocalCluster::founded(Defaults { factor: copies, ..defaults(1) }, nodes);
    cluster.start(1);
    enqueue(&cluster, 0, EnqueueWork::CreateIndex);
    let id = *cluster.state().indexes.keys().next().expect("it was created");
    let tasks = [TaskUid(1), TaskUid(2)];
    let world = World { cluster, id, tasks };
    for node in (0..copies).map(name) {
        world.apply(Command::AssignLane { node: node.clone(), peer: Some(LIFE.peer) });
        world.apply(Command::TakeLane { node: node.clone(), life: LIFE });
        world.carries_out(&node, Action::Create);
        world.carries_out(&node, Action::Configure { version: 0 });
    }
    for task in tasks {
        assert_eq!(enqueue(&world.cluster, task.0, EnqueueWork::DeleteAll), task);
    }
    world
}

fn name(node: u16) -> NodeId {
    NodeId::new(format!("node-{node}"))
}

fn enqueue(cluster: &LocalCluster, number: u64, work: EnqueueWork) -> TaskUid {
    let uid = "films".parse().expect("a name");
    let target =
        cluster
            .state()
            .ordered(&uid)
            .map_or(Target::Creates { primary_key: None, shape: Default::default() }, |index| {
                Target::Existing { index: index.id, settings: 0, primary_key: None }
            });
    let enqueue = Enqueue {
        proposal: ProposalId { life: LIFE, number },
        idempotency: None,
        index_uid: Some(uid),
        target,
        details: TaskDetails::Clear { deleted: None },
        work,
        custom_metadata: None,
    };
    match cluster.apply(&Command::Enqueue(Box::new(enqueue))) {
        Outcome::Enqueued { task, .. } => task,
        other => panic!("{other:?}"),
    }
}

impl World {
    fn apply(&self, command: Command) {
        let outcome = self.cluster.apply(&command);
        let refused = match &outcome {
            Outcome::Refused(_) => true,
            Outcome::Lanes(steps) => steps.iter().any(Result::is_err),
            _ => false,
        };
        assert!(!refused, "{command:?}: {outcome:?}");
    }

    /// A node is asked for something, and has done it.
    fn carries_out(&self, node: &NodeId, action: Action) {
        let number = self.cluster.state().indexes[&self.id].queues[node].next_dispatch;
        let result = DispatchResult::Done { node_task: Some(1), deleted: vec![1] };
        let start = QueueStep::Start { action, node_task: None };
        for step in [start, QueueStep::Finish { number, result, next: None }] {
            let epoch = self.cluster.state().nodes[node].lane.epoch;
            let step = LaneStep { node: node.clone(), index: self.id, epoch, step };
            self.apply(Command::Lanes(vec![step]));
        }
    }

    /// A node does the next of the tasks, in as many parts as it has there.
    fn advances(&self, node: u16) {
        let pending = || self.cluster.state().indexes[&self.id].queues[&name(node)].pending.clone();
        let next = *pending().get_min().expect("there is one left");
        assert!(self.tasks.contains(&next));
        while pending().contains(&next) {
            self.carries_out(&name(node), Action::Alone(next));
        }
    }

    fn is_gone(&self, node: u16) {
        self.apply(Command::NodeSeen { node: name(node), by: LIFE, reachable: false });
    }

    /// What is planned so long after the tasks were accepted, when the only peer searches the newest state.
    fn planned(&self, after: Duration) -> Vec<(NodeId, CopyChange)> {
        let state = self.cluster.state();
        let report = Report { life: LIFE, version: state.version(), age: Duration::ZERO };
        let reports =
            Reports { leading_for: Some(Duration::ZERO), noted: 1, peers: [(LIFE.peer, report)].into() };
        let now = Timestamp(i64::try_from(after.as_nanos()).expect("not for ever"));
        let observed = Observed { live: [LIFE.peer].into(), reports, now };
        let step = |command| match command {
            Command::Copy(CopyStep { node, change, .. }) => (node, change),
            other => panic!("{other:?}"),
        };
        plan(&state, &observed, &Policy::default()).into_iter().map(step).collect()
    }

    /// The same, and it is done.
    fn follow(&self, after: Duration) -> Vec<(NodeId, CopyChange)> {
        let planned = self.planned(after);
        for (node, change) in planned.clone() {
            self.apply(Command::Copy(CopyStep { index: self.id, node, change }));
        }
        planned
    }
}

/// An hour of re-indexing on every copy: none is behind the others, and the index stays searchable.
#[test]
fn copies_that_are_equally_late_all_stay() {
    let world = world(3);
    let hour = Duration::from_secs(3600);
    assert_eq!(world.planned(hour), []);
    (0..3).for_each(|node| world.advances(node));
    assert_eq!(world.planned(hour), []);
}

#[test]
fn a_copy_that_others_have_passed_leaves_after_its_time_and_comes_back() {
    let world = world(3);
    world.advances(0);
    let lagging = Policy::default().lagging;
    assert_eq!(world.planned(lagging - Duration::from_millis(1)), []);
    let both = |change| [1, 2].map(|node| (name(node), change));
    assert_eq!(world.follow(lagging), both(CopyChange::Hide));
    let hidden = world.cluster.state().indexes[&world.id].queues[&name(1)].hidden.expect("it left");
    let released = world.follow(lagging);
    assert_eq!(released.len(), 2);
    assert!(matches!(released[0].1, CopyChange::Release { hidden: of } if of == hidden), "{released:?}");
    assert_eq!(world.planned(lagging), [], "they are as far behind as before");
    for node in [1, 1, 2, 2] {
        world.advances(node);
    }
    assert_eq!(world.planned(lagging), both(CopyChange::Require));
}

#[test]
fn the_last_copy_stays_however_late_it_is_and_whether_or_not_its_node_is_there() {
    let world = world(1);
    let days = Duration::from_secs(3 * 24 * 3600);
    assert_eq!(world.planned(days), [], "its queue is past its limit too");
    world.is_gone(0);
    assert_eq!(world.planned(days), []);
}

/// Of two whose nodes are gone the first may leave; then the other is the last.
#[test]
fn one_step_counts_for_the_next() {
    let world = world(2);
    (0..2).for_each(|node| world.is_gone(node));
    assert_eq!(world.follow(Duration::ZERO), [(name(0), CopyChange::Hide)]);
    let days = Duration::from_secs(3 * 24 * 3600);
    assert!(!world.planned(days).iter().any(|(node, _)| *node == name(1)));
}
