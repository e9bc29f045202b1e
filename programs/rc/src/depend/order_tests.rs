use super::super::text::parse;
use super::*;

fn set(words: &str) -> BTreeSet<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// `a: need b; after c, d:, e: provide net` in short.
fn graph(short: &str) -> Graph {
    let mut text = String::new();
    for one in short.split(',') {
        let (name, said) = one.split_once(':').unwrap_or((one, ""));
        text.push_str(&format!("service {}\n", name.trim()));
        said.split(';').for_each(|call| text.push_str(&format!("{call}\n")));
        text.push_str("end 0\n");
    }
    Graph::resolve(&parse(text.as_bytes()).services, "")
}

fn situation(default: &str, started: &str, strict: bool) -> Situation {
    Situation {
        runlevel: "default".to_owned(),
        members: [("default".to_owned(), set(default))].into(),
        started: set(started),
        strict,
        ..Situation::default()
    }
}

/// `b a(b) c!x`: order, the steps that each waits for, and its obstacle.
fn show(plan: &Plan) -> String {
    let one = |step: &Step| {
        let mut out = step.service.clone();
        if !step.after.is_empty() {
            let names: Vec<&str> = step.after.iter().map(|at| plan.steps[*at].service.as_str()).collect();
            out.push_str(&format!("({})", names.join(" ")));
        }
        match &step.obstacle {
            Some(Obstacle::Missing(names)) => out.push_str(&format!("!{}", names.join("!"))),
            Some(Obstacle::Circle(path)) => out.push_str(&format!("!{}", path.join(">"))),
            None => {}
        }
        out
    };
    let mut out: Vec<String> = plan.steps.iter().map(one).collect();
    out.extend(plan.broken.iter().map(|b| format!("[{}]", b.ignored)));
    out.join(" ")
}

#[test]
fn start_order() {
    let net = "e0: provide net, e1: provide net, s: need net, l: need net; after s";
    // graph, runlevel, up already, strict, services to start, the plan
    let cases = [
        ("a: need b, b:, c:", "a", "", true, "a", "b a(b)"),
        ("a: need b, b:", "a", "b", true, "a", "a"),
        ("a: want b x, b:", "a", "", true, "a", "b a(b)"),
        // `use` and order pull nothing in.
        ("a: use b; after c, b:, c: before d, d:", "a", "", true, "a", "a"),
        ("a: use b; after c, b:, c: before b", "a b c", "", true, "a b c", "c b(c) a(c b)"),
        // `use` of an enabled service does, if a service is started by hand.
        ("a: use b, b:", "a b", "", true, "a", "b a(b)"),
        // A stopped service that a running one needs starts again.
        ("a: need b, b: need c, c:", "a", "b", true, "a", "c a(c)"),
        ("a: need b, b: want p, p: need c, c:", "a", "b p", true, "a", "c a(c)"),
        ("a: after b, b: need c, c: need d, d:", "a b", "b", true, "a b", "d c(d) a(c)"),
        // Explicit relations are stronger.
        ("a: need b; before c, b: need c, c:", "a", "b", true, "a", "a c(a)"),
        ("a: need x, b: need a", "a b", "", true, "a b", "a!x b(a)"),
        ("a: need b, b: need c, c: need a, d: need c, e:", "", "", true, "d e", "a!a>b>c>a b!a>b>c>a c!a>b>c>a d(c) e"),
        ("a: need b, b: after a", "", "", true, "a b", "b a(b) [b after a]"),
        ("a: before b; need c, b: before c, c:", "", "", true, "a b c", "b c(b) a(c) [a before b]"),
        (net, "e0 e1 s", "", true, "s", "e0 e1 s(e0 e1)"),
        (net, "e1 s", "", true, "s", "e1 s(e1)"),
        (net, "s", "", true, "s", "e0 s(e0)"),
        (net, "s", "e1", true, "s", "s"),
        (net, "e0 e1 s l", "", false, "s l", "e0 e1 s(e0 e1) l(e0 e1 s)"),
        (net, "e0", "", true, "net", "e0"),
        ("z: before *, a: after *, b:, c: need b", "", "", true, "a b c z", "z b(z) c(z b) a(z b c)"),
        // An explicit name is stronger than a wildcard.
        ("a: after *, b: after a, c:", "", "", true, "a b c", "c a(c) b(a)"),
        ("a: after *, b: after *, c:", "", "", true, "a b c", "c b(c) a(c b)"),
    ];
    for (short, default, up, strict, start, want) in cases {
        let start: Vec<&str> = start.split(' ').collect();
        let plan = graph(short).start_plan(&situation(default, up, strict), &start);
        let said = show(&plan);
        // The order of neighbours does not matter.
        assert_eq!(said, want, "{short} | {default} | {up}");
    }
}

#[test]
fn stop_order_is_start_order_turned_round() {
    let cases = [
        ("a: need b, b: use c, c:", "a b c", "a b(a) c(b)"),
        ("a: after b, b:, c: before b", "a b c", "a b(a) c(b)"),
        ("a: need b, b: need a", "a b", "b a(b) [b needs a]"),
        ("a: after *, z: before *, b:", "a b z", "a b(a) z(a b)"),
        ("a: need net, e: provide net, f: provide net", "a e f", "a e(a) f(a)"),
        // Its script is gone, but it can still be stopped.
        ("a:", "a gone", "a gone"),
    ];
    for (short, stop, want) in cases {
        let stop: Vec<&str> = stop.split(' ').collect();
        let plan = graph(short).stop_plan(&situation("", "", true), &stop);
        assert_eq!(show(&plan), want, "{short}");
    }
}

#[test]
fn one_provider_of_several_is_enough_unless_strict() {
    let net = graph("e0: provide net, e1: provide net, s: need net");
    for strict in [true, false] {
        let plan = net.start_plan(&situation("e0 e1 s", "", strict), &["s"]);
        let needs = &plan.steps[2].needs;
        assert_eq!((needs.len(), needs[0].any, &needs[0].steps), (1, !strict, &vec![0, 1]));
    }
    // One runs: wait for the other, whose failure does not matter.
    let plan = net.start_plan(&situation("e0 e1 s", "e0", false), &["s"]);
    assert_eq!((plan.steps[1].after.len(), plan.steps[1].needs.len()), (1, 0));
    // Stopping one of two stops the dependent only if all are required.
    assert_eq!(net.up_and_needing(&situation("", "e0 e1 s", true), "e0"), ["s"]);
    assert!(net.up_and_needing(&situation("", "e0 e1 s", false), "e0").is_empty());
    assert_eq!(net.up_and_needing(&situation("", "e0 s", false), "e0"), ["s"]);
}

#[test]
fn a_need_reaches_through_a_service_that_is_down() {
    let chain = graph("c:, t: need c, a: need t");
    assert_eq!(chain.up_and_needing(&situation("", "c a", true), "c"), ["a"]);
}
