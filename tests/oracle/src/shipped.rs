//! The scripts that the package ships, as one more graph: questions about each script, and no others than the scripts answer
//! without changing the system.

use crate::graph::{Graph, Reads};

/// Number of the graph of shipped scripts; the generated ones are below it.
pub const NUMBER: u32 = 100_000;

/// Types of relations that are asked for.
const KINDS: [&str; 8] = ["ineed", "iuse", "iwant", "iafter", "ibefore", "iprovide", "needsme", "keyword"];

/// Questions about the scripts of these names. `virtuals` are names that they provide or depend on.
pub fn graph(scripts: &[String]) -> Graph {
    let mut graph = Graph {
        number: NUMBER,
        theme: "shipped",
        services: Vec::new(),
        levels: Default::default(),
        stacked: Vec::new(),
        rc_conf: Vec::new(),
        steps: Vec::new(),
    };
    graph.read(Reads::Words, "rc-service -l");
    graph.read(Reads::Update, "rc-update -v show");
    graph.read(Reads::Status, "rc-status -s");
    for script in scripts {
        for kind in KINDS {
            graph.read(Reads::Words, format!("rc-depend -T -t {kind} {script}"));
        }
        graph.read(Reads::Words, format!("rc-depend -t ineed -t iuse -t iwant -t iafter {script}"));
        graph.read(Reads::Words, format!("rc-service -r {script}"));
        graph.step(format!("rc-service -e {script}"));
        graph.read(Reads::Existence, format!("rc-service {script} describe"));
        graph.read(Reads::Existence, format!("rc-service {script}"));
        graph.step(format!("rc-service {script} status"));
    }
    graph
}
