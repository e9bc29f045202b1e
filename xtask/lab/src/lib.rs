//! The boot laboratory's decisions, as values computed without effects: machines and their volumes, conversations with their
//! consoles, probes from their network, scenarios, and the reports of graders about them.
#![forbid(unsafe_code)]

pub mod boot_timing;
pub mod cloud;
pub mod console;
pub mod grade;
pub mod overhead;
pub mod pcap;
pub mod probe;
pub mod qemu;
pub mod qmp;
pub mod reference;
pub mod scenario;
pub mod ssh;
