use super::*;

fn options() -> RunOptions {
    RunOptions {
        name: "hello".into(),
        calls: vec![Rule::always(&["read", "exit"])],
        limits: true,
        ..RunOptions::default()
    }
}

/// The whole configuration is in `src/config.json`, to be read by people; ASHLAR_BLESS=1 writes it anew.
#[test]
fn the_configuration_of_hello() {
    let config = json!({"Entrypoint": ["/usr/bin/hello"], "User": "65532:65532"});
    let made = spec(
        &config,
        "/var/lib/containers/0123",
        &Accounts::default(),
        &RunOptions { apparmor: Some("container-default".into()), ..options() },
    )
    .unwrap();
    let text = format!("{made:#}\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config.json");
    if std::env::var_os("ASHLAR_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "ASHLAR_BLESS=1 accepts the change");
}

#[test]
fn the_user_is_judged() {
    let none = Accounts::default();
    for user in ["", "0", "1000:0", "root", "4294967295:4294967295"] {
        let config = json!({"Entrypoint": ["/x"], "User": user});
        assert!(spec(&config, "/r", &none, &options()).is_err(), "{user}");
    }
    let config = json!({"Entrypoint": ["/x"]});
    let said = RunOptions { allow_root: true, ..options() };
    assert_eq!(spec(&config, "/r", &none, &said).unwrap()["process"]["user"]["uid"], 0);
    let other = RunOptions { user: Some("70".into()), ..options() };
    assert_eq!(spec(&config, "/r", &none, &other).unwrap()["process"]["user"], json!({"uid": 70, "gid": 65534}));
    let image = Accounts { passwd: "web:x:70:71::/:\n".into(), group: "log:x:72:web\n".into() };
    let named = json!({"Entrypoint": ["/x"], "User": "web"});
    let made = spec(&named, "/r", &image, &options()).unwrap();
    assert_eq!(made["process"]["user"], json!({"uid": 70, "gid": 71, "additionalGids": [72]}));
}

/// The configuration contains text from the image, which must not decide whether there are limits.
#[test]
fn words_of_an_image_are_no_limits() {
    let config = json!({"Entrypoint": ["/x", "cgroupsPath"], "User": "1:1", "Env": ["cgroupsPath=\"/x\""]});
    let unlimited = RunOptions { limits: false, ..options() };
    assert!(!has_limits(&spec(&config, "/r", &Accounts::default(), &unlimited).unwrap()));
    assert!(has_limits(&spec(&config, "/r", &Accounts::default(), &options()).unwrap()));
}

#[test]
fn nothing_in_an_image_loosens_anything() {
    let config = json!({"Entrypoint": ["/x"], "User": "1:1", "Privileged": true, "WorkingDir": "../..",
        "Capabilities": ["CAP_SYS_ADMIN"], "Env": "no list", "Volumes": {"/etc": {}}});
    let made = spec(&config, "/r", &Accounts::default(), &options()).unwrap();
    let plain = spec(&json!({"Entrypoint": ["/x"], "User": "1:1"}), "/r", &Accounts::default(), &options()).unwrap();
    assert_eq!(made, plain);
}
