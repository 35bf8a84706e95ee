//! The authorisation matrix: operation by caller by place by state of the room, every cell of it over the real API and WebSocket. What is
//! refused changes nothing; every answer over HTTP is one that the API document allows.

mod stage;
mod table;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::contract::Contract;
use crate::support::{Server, server_with};
use stage::{Stage, code};
use table::{Caller, Place, RESOURCES, ROWS, Resource, Row, State, answer, expected};

/// Stages that stand at one time.
const AT_ONCE: usize = 8;

/// What all stages share.
struct Matrix {
    server: Arc<Server>,
    contract: Arc<Contract>,
    stages: AtomicUsize,
    cells: AtomicUsize,
    refused: AtomicUsize,
}

/// A cell of the commands' half.
type Cell = (&'static Row, Caller, Place);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_matrix() {
    let began = std::time::Instant::now();
    let longer_than_the_test = 3600;
    let server = server_with(|config| {
        config.limits.rooms = 10_000;
        // The viewers' media never comes.
        config.timeouts.reconnect_seconds = longer_than_the_test;
    });
    let server = Arc::new(server.await);
    let contract = Arc::new(Contract::of(&server).await);
    let matrix =
        Arc::new(Matrix { server, contract, stages: AtomicUsize::new(0), cells: AtomicUsize::new(0), refused: AtomicUsize::new(0) });
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut work = JoinSet::new();
    let mut all = 0;
    for state in State::ALL {
        for plan in plans(state) {
            all += plan.len();
            let (matrix, places) = (Arc::clone(&matrix), Arc::clone(&places));
            work.spawn(async move {
                let _place = places.acquire_owned().await;
                matrix.play(state, plan).await;
            });
        }
    }
    while let Some(played) = work.join_next().await {
        if let Err(error) = played {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    let (cells, refused, stages) = (&matrix.cells, &matrix.refused, &matrix.stages);
    let (cells, refused, stages) = (cells.load(Ordering::Relaxed), refused.load(Ordering::Relaxed), stages.load(Ordering::Relaxed));
    println!("authorisation matrix: {cells} of {all} cells, {refused} refused, {stages} rooms, {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(cells, all);
}

/// What is played on one stage: cells of commands, or of resources.
enum Plan {
    /// All refused: the stage is the same afterwards.
    Refused(Vec<Cell>, Vec<(&'static Resource, Caller)>),
    /// Allowed, and of no consequence for those that follow.
    Gentle(Vec<Cell>, Vec<(&'static Resource, Caller)>),
    /// Alone.
    Drastic(Cell),
    DrasticResource(&'static Resource, Caller),
}

impl Plan {
    fn len(&self) -> usize {
        match self {
            Self::Refused(cells, resources) | Self::Gentle(cells, resources) => cells.len() + resources.len(),
            Self::Drastic(_) | Self::DrasticResource(..) => 1,
        }
    }
}

fn plans(state: State) -> Vec<Plan> {
    let mut plans = Vec::new();
    for caller in Caller::ALL {
        let (mut refused, mut refused_resources) = (Vec::new(), Vec::new());
        let mut gentle_resources = Vec::new();
        for place in [Place::Socket, Place::Commands] {
            let mut gentle = Vec::new();
            for row in ROWS {
                match expected(row, caller, place, state) {
                    Err(_) => {}
                    Ok(Some(_)) => refused.push((row, caller, place)),
                    Ok(None) if row.drastic => plans.push(Plan::Drastic((row, caller, place))),
                    Ok(None) => gentle.push((row, caller, place)),
                }
            }
            plans.push(Plan::Gentle(gentle, Vec::new()));
        }
        for resource in RESOURCES {
            match answer(resource, caller) {
                Some(_) => refused_resources.push((resource, caller)),
                None if resource.drastic => plans.push(Plan::DrasticResource(resource, caller)),
                None => gentle_resources.push((resource, caller)),
            }
        }
        plans.push(Plan::Refused(refused, refused_resources));
        plans.push(Plan::Gentle(Vec::new(), gentle_resources));
    }
    plans.retain(|plan| plan.len() > 0);
    plans
}

impl Matrix {
    async fn play(&self, state: State, plan: Plan) {
        let number = self.stages.fetch_add(1, Ordering::Relaxed);
        let mut stage = Stage::new(&self.server, &self.contract, number, state).await;
        match plan {
            Plan::Refused(cells, resources) => self.refused(stage.with_viewer().await, state, cells, resources).await,
            Plan::Gentle(cells, resources) => {
                for cell in cells {
                    self.command(&mut stage, state, cell).await;
                }
                for (resource, caller) in resources {
                    self.resource(&stage, state, resource, caller).await;
                }
            }
            Plan::Drastic(cell) => self.command(&mut stage, state, cell).await,
            Plan::DrasticResource(resource, caller) => self.resource(&stage, state, resource, caller).await,
        }
    }

    /// All that is refused, on one stage, which is the same after each of them; and the room's history has no line of any.
    async fn refused(&self, mut stage: Stage, state: State, cells: Vec<Cell>, resources: Vec<(&'static Resource, Caller)>) {
        let first = stage.mark(0).await;
        let before = stage.look().await;
        for cell in cells {
            self.command(&mut stage, state, cell).await;
            assert_eq!(stage.look().await, before, "{state:?} {:?} {:?}: {} changed something", cell.1, cell.2, cell.0.name);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        for (resource, caller) in resources {
            self.resource(&stage, state, resource, caller).await;
            assert_eq!(stage.look().await, before, "{state:?} {caller:?}: {} changed something", resource.name);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(stage.mark(first).await, first + 1, "{state:?}: a refused request stands in the room's history");
    }

    async fn command(&self, stage: &mut Stage, state: State, (row, caller, place): Cell) {
        let right = expected(row, caller, place, state).unwrap();
        let command = (row.command)(&stage.ids);
        let got = stage.ask(caller, place, &command).await;
        assert_eq!(got.as_deref(), right, "{state:?} {caller:?} {place:?}: {} {command}", row.name);
        self.cells.fetch_add(1, Ordering::Relaxed);
    }

    async fn resource(&self, stage: &Stage, state: State, resource: &Resource, caller: Caller) {
        let Resource { name, method, path, query, body, .. } = resource;
        let answer = stage.rest(caller, method, path, query, *body).await;
        assert_eq!(code(&answer).as_deref(), table::answer(resource, caller), "{state:?} {caller:?}: {name}: {}", answer.body);
        self.cells.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn the_table_has_every_command_and_every_operation() {
    let server = server_with(|_| {}).await;
    let contract = Contract::of(&server).await;
    let operations = contract.operations();
    // Open to everybody, or for the WebSocket, whose door is in every row.
    let open = |operation: &crate::contract::Operation| {
        operation.method == "OPTIONS" || !operation.path.starts_with("/v1") || operation.path.ends_with("/connect")
    };
    let commands = operations.iter().find(|operation| operation.path.ends_with("/commands")).unwrap();
    let command = contract.resolved(&commands.value["requestBody"]["content"]["application/json"]["schema"]);
    let documented: BTreeSet<&str> = command["oneOf"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap()).collect();
    let in_table: BTreeSet<&str> = ROWS.iter().map(|row| row.name.split(' ').next().unwrap()).collect();
    assert_eq!(in_table, documented);
    let documented: BTreeSet<(&str, &str)> = operations
        .iter()
        .filter(|operation| !open(operation) && !operation.path.ends_with("/commands"))
        .map(|operation| (operation.method.as_str(), operation.path.as_str()))
        .collect();
    let in_table: BTreeSet<(&str, &str)> = RESOURCES.iter().map(|resource| (resource.method, resource.path)).collect();
    assert_eq!(in_table, documented);
    for row in ROWS {
        let body = (row.command)(&table::Ids::default());
        assert_eq!(body["type"], row.name.split(' ').next().unwrap());
    }
}
