use super::*;
use crate::types::{Interface, Network};

#[test]
fn a_fixed_address_replaces_the_one_before() {
    let fixed = |address: &str, router: Option<&str>, dns: &[&str]| Fixed {
        interface: Interface::read("eth0").unwrap(),
        network: Network::read(address).unwrap(),
        router: router.map(|text| text.parse().unwrap()),
        dns: dns.iter().map(|text| text.parse().unwrap()).collect(),
    };
    let first = dhcpcd("duid\n", &fixed("192.0.2.10/24", Some("192.0.2.1"), &["192.0.2.53", "2001:db8::53"]));
    assert_eq!(
        first,
        "duid\n# Fixed address; to the end of this file, written by ashlar-setup.\ninterface eth0\n\
         static ip_address=192.0.2.10/24\nstatic routers=192.0.2.1\nstatic domain_name_servers=192.0.2.53 2001:db8::53\n"
    );
    assert_eq!(
        dhcpcd(&first, &fixed("2001:db8::10/64", None, &[])),
        "duid\n# Fixed address; to the end of this file, written by ashlar-setup.\ninterface eth0\n\
         static ip6_address=2001:db8::10/64\n"
    );
}

#[test]
fn the_mark_is_the_last_step() {
    let config = Config { commands: vec![vec!["true".to_owned()]], ..Config::default() };
    let steps = plan(&config, &Facts::default()).unwrap();
    assert!(matches!(steps.last(), Some(Step::File { path, .. }) if path == MARKER));
}
