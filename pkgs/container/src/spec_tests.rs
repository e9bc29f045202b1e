use super::*;

fn asked() -> Asked {
    Asked { name: "hello".into(), calls: vec!["read".into(), "exit".into()], limits: true, ..Asked::default() }
}

/// The whole configuration is in `src/config.json`, to be read by people; ASHLAR_BLESS=1 writes it anew.
#[test]
fn the_configuration_of_hello() {
    let config = json!({"Entrypoint": ["/usr/bin/hello"], "User": "65532:65532"});
    let made =
        spec(&config, "/var/lib/containers/0123", &Asked { apparmor: Some("container-default".into()), ..asked() })
            .unwrap();
    let text = format!("{made:#}\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config.json");
    if std::env::var_os("ASHLAR_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "ASHLAR_BLESS=1 accepts the change");
}

#[test]
fn root_must_be_said() {
    for user in ["", "0", "0:0", "1000:0", "root"] {
        let config = json!({"Entrypoint": ["/x"], "User": user});
        assert!(spec(&config, "/r", &asked()).is_err(), "{user}");
    }
    let config = json!({"Entrypoint": ["/x"]});
    let said = Asked { allow_root: true, ..asked() };
    assert_eq!(spec(&config, "/r", &said).unwrap()["process"]["user"]["uid"], 0);
    let other = Asked { user: Some("70".into()), ..asked() };
    assert_eq!(spec(&config, "/r", &other).unwrap()["process"]["user"], json!({"uid": 70, "gid": 65534}));
}

#[test]
fn nothing_in_an_image_loosens_anything() {
    let config = json!({"Entrypoint": ["/x"], "User": "1:1", "Privileged": true, "WorkingDir": "../..",
        "Capabilities": ["CAP_SYS_ADMIN"], "Env": "no list", "Volumes": {"/etc": {}}});
    let made = spec(&config, "/r", &asked()).unwrap();
    let plain = spec(&json!({"Entrypoint": ["/x"], "User": "1:1"}), "/r", &asked()).unwrap();
    assert_eq!(made, plain);
}
