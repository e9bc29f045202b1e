use super::*;

/// The steps of a start without and with a state.
fn plans() -> [Vec<Step>; 2] {
    let state = installed(Path::new("/dev/sda3"));
    [[START, MEMORY].concat(), [START, &state].concat()]
}

fn position(plan: &[Step], wanted: &Step) -> usize {
    plan.iter().position(|step| step == wanted).unwrap()
}

#[test]
fn the_plan_reads_like_this() {
    assert_eq!(text(), include_str!("../plan.txt"), "if this is meant, write the new text to plan.txt");
}

#[test]
fn only_a_device_file_system_allows_devices() {
    for step in plans().iter().flatten() {
        if let Step::Mount(mount) = step {
            let device = matches!(mount.kind, "devtmpfs" | "devpts");
            assert_eq!(mount.forbid == Programs, device, "{step}");
        }
    }
}

#[test]
fn what_is_moved_was_mounted_and_goes_before_the_switch() {
    for step in START {
        if let Step::Move(from) = step {
            let mounted = START.iter().position(|other| match other {
                Step::Mount(mount) => mount.at == *from,
                _ => false,
            });
            let moved = position(START, step);
            let switch = position(START, &Step::SwitchRoot);
            assert!(position(START, &Step::Image) < moved && moved < switch, "{step}");
            assert!(mounted.unwrap() < position(START, &Step::Image), "{step}");
        }
    }
}

#[test]
fn layers_come_after_what_they_lie_in() {
    for plan in plans() {
        let below = plan.iter().position(|step| match step {
            Step::Mount(mount) => mount.at == OVERLAY,
            Step::MountState(_) => true,
            _ => false,
        });
        for step in &plan {
            if let Step::Overlay(..) | Step::Keep(..) = step {
                assert!(below.unwrap() < position(&plan, step), "{step}");
            }
        }
        assert_eq!(plan.last(), Some(&Step::Exec));
    }
}

/// Without a state, a full home must not fill the file systems of the configuration and the daemons.
#[test]
fn what_users_fill_in_memory_holds_nothing_of_the_system() {
    let [plan, _] = plans();
    let is_in_memory = |path: &str| {
        plan.iter().any(|step| matches!(step, Step::Mount(mount) if mount.kind == "tmpfs" && mount.at == path))
    };
    for path in ["/home", "/tmp", "/dev/shm"] {
        assert!(is_in_memory(path), "{path}");
        assert!(!plan.iter().any(|step| matches!(step, Step::Overlay(at, _) if *at == path)), "{path}");
    }
}

#[test]
fn everything_that_changes_in_memory_lasts_with_a_state() {
    let layers = |plan: &[Step]| -> Vec<&'static str> {
        let layers = plan.iter().filter_map(|step| match step {
            Step::Overlay(at, _) => Some(*at),
            _ => None,
        });
        layers.collect()
    };
    let [memory, state] = plans();
    assert_eq!(layers(&memory), ["/etc", "/var", "/root"]);
    assert_eq!(layers(&state), ["/etc", "/var", "/root", "/home"]);
}

#[test]
fn the_initramfs_is_cleared_while_it_is_still_the_root_and_not_needed() {
    assert!(position(START, &Step::Image) < position(START, &Step::Clear));
    assert!(position(START, &Step::Clear) < position(START, &Step::SwitchRoot));
}

#[test]
fn failures_that_matter_stop_the_start() {
    for step in [Step::Image, Step::SwitchRoot, Step::Overlay("/etc", Devices), Step::Check, Step::MountState("")] {
        assert!(!step.may_fail(), "{step}");
    }
    let [memory, state] = plans();
    assert_eq!(memory.iter().filter(|step| step.may_fail()).count(), 5);
    assert_eq!(state.iter().filter(|step| step.may_fail()).count(), 9);
}
