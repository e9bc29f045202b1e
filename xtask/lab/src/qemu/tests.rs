//! Command lines of machines.

use super::*;

fn machine(flash: bool, medium: Medium) -> Machine {
    let network = Network::User { port: 2222, web: None, restricted: true, pcap: "/run/pcap".into(), frames: None };
    Machine {
        flash: flash.then(|| Flash { code: "/fw/CODE.fd".into(), variables: "/run/vars.fd".into(), enforcing: false }),
        volume: Some("/run/a,b".into()),
        ..Machine::of(Start::Iso { file: "/out/a,b.iso".into(), medium }, network)
    }
}

#[test]
fn commands_of_every_sort_of_machine() {
    let cd = machine(true, Medium::Cd);
    let kernel = Start::Kernel {
        kernel: "/d/vmlinuz".into(),
        initrd: "/d/initrd".into(),
        cmdline: "root=/dev/vda ro".to_owned(),
        disk: "/d/disk".into(),
    };
    let extra = Some(Extra { file: "/d/state".into(), keep: true });
    let clock = Some("2039-02-03T04:05:06".to_owned());
    let machines = [
        machine(true, Medium::Disk),
        machine(false, Medium::Cd),
        machine(false, Medium::Virtio),
        Machine {
            network: Network::User {
                port: 2222,
                web: None,
                restricted: true,
                pcap: "/run/pcap".into(),
                frames: Some(FrameSockets { machine: "/run/m".into(), prober: "/run/s".into() }),
            },
            ..cd.clone()
        },
        Machine { network: Network::Silent, volume: None, clock, restarts: true, ..cd.clone() },
        Machine { extra: extra.clone(), restarts: true, watchdog: true, ordered: false, ..cd.clone() },
        Machine { network: Network::Absent, extra, debugger: Some("/run/a,b/gdb".into()), ..cd.clone() },
        Machine {
            start: kernel,
            volume: None,
            network: Network::User { port: 1, web: Some(2), restricted: false, pcap: "/run/pcap".into(), frames: None },
            ..cd.clone()
        },
    ];
    let lines: Vec<String> =
        std::iter::once(&cd).chain(&machines).map(|machine| machine.command().to_string()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn firmware_that_enforces_has_media_before_the_one_that_starts() {
    let mut machine = machine(true, Medium::Cd);
    machine.flash = machine.flash.map(|flash| Flash { enforcing: true, ..flash });
    machine.tried_first = vec!["/run/a,b".into(), "/run/c".into()];
    let line = machine.command().args.join(" ");
    assert!(line.contains("-machine q35,accel=tcg,smm=on ") && line.contains("property=secure,value=on"), "{line}");
    assert!(
        line.contains(
            "id=tried0,format=raw,snapshot=on,file=/run/a,,b -device virtio-blk-pci,drive=tried0,bootindex=0"
        )
    );
    assert!(line.contains("drive=tried1,bootindex=1") && line.contains("drive=medium,bootindex=2"), "{line}");
}

#[test]
fn a_machine_takes_commands_on_a_socket() {
    let control = Some("/run/a,b/qmp".into());
    let line = Machine { control, ..machine(false, Medium::Cd) }.command().args.join(" ");
    assert!(line.contains("-qmp unix:/run/a,,b/qmp,server=on,wait=off"), "{line}");
}

#[test]
fn a_person_gets_a_monitor_and_maybe_a_window() {
    let at = |display| Machine { display, ..machine(false, Medium::Cd) }.command().args.join(" ");
    let log = || Utf8PathBuf::from("/run/a,b/log");
    let shared = "-chardev stdio,id=console,mux=on,signal=off,logfile=/run/a,,b/log,logappend=off \
                  -serial chardev:console -mon chardev=console";
    let terminal = at(Display::Terminal(log()));
    assert!(terminal.contains(&format!("-display none {shared}")), "{terminal}");
    let window = at(Display::Window(log()));
    assert!(!window.contains("-display") && window.contains(shared), "{window}");
    assert!(window.contains("-sandbox on,") && !window.contains("spawn=deny"), "{window}");
}
