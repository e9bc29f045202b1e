//! ssh-audit: talks to the server from outside and evaluates what it offers.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::Deserialize;

use super::Grade;
use ashlar_core::base::command::Command;

/// What pip may install, and nothing else.
pub const REQUIREMENTS: &str =
    "ssh-audit==3.9.0 --hash=sha256:3dad48d4678e0de31f6332cc7674f9d7dd1805f86babf3796f41c2fd879cb812\n";
/// The version in it.
pub const VERSION: &str = "3.9.0";
/// What the server must offer, exactly.
pub const POLICY: &str = "hardening/4-ssh/ssh-audit.policy";
/// The key exchange that a current client and the server agree on.
const KEY_EXCHANGE: &str = "mlkem768x25519-sha256";

/// Runs a command whose exit status repeats what its output says; only a failure to connect stays one.
fn told(command: Command) -> Command {
    let script = r#""$@" || test $? -gt 1"#;
    Command::new("sh").args(["-c", script, "sh", &command.program]).args(command.args)
}

/// Audits the server on a port of the loopback, by two connections: what is offered, and the one host key. The rate test is left out: dozens of connections a second are what the machine
/// refuses, by its packet filter and by sshd's penalties, and a refused connection says nothing about what is offered.
pub fn audit(program: &Utf8Path, port: u16) -> Command {
    let args = ["--json", "--skip-rate-test", "--timeout", "60", "--port"];
    told(Command::new(program.as_str()).args(args).args([&port.to_string(), "127.0.0.1"]))
}

/// Compares it with the policy.
pub fn policy(program: &Utf8Path, policy: &Utf8Path, port: u16) -> Command {
    let args = ["--json", "--skip-rate-test", "--timeout", "60", "--policy", policy.as_str(), "--port"];
    told(Command::new(program.as_str()).args(args).args([&port.to_string(), "127.0.0.1"]))
}

#[derive(Debug, Deserialize)]
struct Report {
    banner: Banner,
    kex: Vec<Algorithm>,
    key: Vec<Algorithm>,
    enc: Vec<Algorithm>,
    mac: Vec<Algorithm>,
    cves: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Banner {
    raw: String,
}

#[derive(Debug, Deserialize)]
struct Algorithm {
    algorithm: String,
    #[serde(default)]
    notes: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Judged {
    passed: bool,
    errors: Vec<serde_json::Value>,
}

/// The grade of the offer.
///
/// # Errors
/// When the report is not ssh-audit's.
pub fn grade(report: &str, accepted: &BTreeMap<String, String>) -> Result<Grade, String> {
    let report: Report = serde_json::from_str(report).map_err(|error| format!("ssh-audit's report: {error}"))?;
    let mut remarks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = (0, 0);
    let kinds = [("kex", &report.kex), ("key", &report.key), ("enc", &report.enc), ("mac", &report.mac)];
    if let Some((kind, _)) = kinds.iter().find(|(_, offered)| offered.is_empty()) {
        return Err(format!("ssh-audit's report: the server offers no {kind}"));
    }
    for (kind, algorithm) in
        kinds.into_iter().flat_map(|(kind, list)| list.iter().map(move |algorithm| (kind, algorithm)))
    {
        let notes = |level: &str| algorithm.notes.get(level).cloned().unwrap_or_default();
        let (fail, warn) = (notes("fail"), notes("warn"));
        count = (count.0 + fail.len(), count.1 + warn.len());
        if !fail.is_empty() || !warn.is_empty() {
            remarks.insert(format!("{kind} {}", algorithm.algorithm), [fail, warn].concat());
        }
    }
    for cve in &report.cves {
        let name = cve.get("name").and_then(|name| name.as_str()).unwrap_or("an unnamed CVE");
        remarks.insert(name.to_owned(), vec!["known for this version".to_owned()]);
    }
    let sentence = |id: &str| format!("{id}: {}", remarks.get(id).map(|texts| texts.join("; ")).unwrap_or_default());
    let findings = super::unexplained(remarks.keys().map(String::as_str), accepted, sentence);
    let first = report.kex.first().map_or("-", |algorithm| algorithm.algorithm.as_str());
    let score = format!(
        "{} failures, {} warnings, {} CVEs; {} prefers {first}",
        count.0,
        count.1,
        report.cves.len(),
        report.banner.raw.trim_start_matches("SSH-2.0-")
    );
    Ok(Grade::new("ssh-audit", VERSION, score, "no failure, no warning, no CVE".to_owned(), findings))
}

/// The grade against the policy.
///
/// # Errors
/// When the report is not ssh-audit's.
pub fn grade_policy(report: &str) -> Result<Grade, String> {
    let judged: Judged = serde_json::from_str(report).map_err(|error| format!("ssh-audit's verdict: {error}"))?;
    let mut findings: Vec<String> =
        judged.errors.iter().map(|error| format!("another offer than {POLICY}: {error}")).collect();
    if !judged.passed && findings.is_empty() {
        findings.push("it did not pass, without a word why".to_owned());
    }
    let score = if judged.passed { "passed".to_owned() } else { format!("{} differences", findings.len()) };
    Ok(Grade::new("ssh-audit policy", VERSION, score, "exactly the offer of the policy".to_owned(), findings))
}

/// The package with the client that is asked: the host's may be older than the key exchange.
pub const CLIENT: &str = "openssh-client";

/// Asks a client which key exchange it agrees on with the server, without a login.
pub fn agree(client: &Utf8Path, port: u16) -> Command {
    let options = ["-F", "none", "-v", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o"];
    let known = ["UserKnownHostsFile=/dev/null", "-o", "PubkeyAuthentication=no", "-o", "ConnectTimeout=60", "-p"];
    let ssh =
        Command::new(client.as_str()).args(options).args(known).args([&port.to_string(), "nobody@127.0.0.1", "true"]);
    // What it says is on standard error, and it is not let in.
    Command::new("sh").args(["-c", r#""$@" 2>&1 || true"#, "sh", &ssh.program]).args(ssh.args)
}

/// Asks the client for its version, which it prints on standard error.
pub fn version(client: &Utf8Path) -> Command {
    Command::new("sh").args(["-c", r#""$0" -V 2>&1"#, client.as_str()])
}

/// The grade of an agreement: `version` is the client's, `said` is what it prints with `-v`.
pub fn grade_agreement(version: &str, said: &str) -> Grade {
    // The first line: `OpenSSH_10.0p1, OpenSSL …`.
    let version = version.split([',', ' ']).next().unwrap_or_default().trim();
    let agreed =
        said.lines().find_map(|line| line.split_once("kex: algorithm: ")).map_or("nothing", |(_, name)| name.trim());
    let findings = if agreed == KEY_EXCHANGE { Vec::new() } else { vec![format!("they agree on {agreed}")] };
    Grade::new("key exchange with our client", version, agreed.to_owned(), KEY_EXCHANGE.to_owned(), findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of an OpenSSH with the settings of layer 4, as far as it is new enough.
    const GOOD: &str = include_str!("samples/ssh-audit.json");

    fn accepted(ids: &[&str]) -> BTreeMap<String, String> {
        ids.iter().map(|id| ((*id).to_owned(), "because".to_owned())).collect()
    }

    #[test]
    fn a_real_report_without_findings() {
        let grade = grade(GOOD, &accepted(&[])).unwrap();
        assert_eq!(grade.findings, Vec::<String>::new());
        assert_eq!(
            grade.score,
            "0 failures, 0 warnings, 0 CVEs; OpenSSH_9.2p1 Debian-2+deb12u10 prefers sntrup761x25519-sha512@openssh.com"
        );
    }

    #[test]
    fn weak_algorithms_are_named_and_can_be_explained() {
        let weak = GOOD.replacen(
            r#""notes": {"info": ["available since OpenSSH 6.2"]}"#,
            r#""notes": {"fail": ["broken"], "warn": ["slow"]}"#,
            1,
        );
        let weak = weak.replace(r#""cves": []"#, r#""cves": [{"name": "CVE-1"}]"#);
        let found = grade(&weak, &accepted(&["CVE-1"])).unwrap();
        assert!(found.score.starts_with("1 failures, 1 warnings, 1 CVEs"), "{}", found.score);
        assert_eq!(found.findings.len(), 1);
        assert!(
            found.findings[0].starts_with("enc aes256-gcm@openssh.com: broken; slow: not in"),
            "{:?}",
            found.findings
        );
        assert!(grade(&weak, &accepted(&["CVE-1", "enc aes256-gcm@openssh.com"])).unwrap().findings.is_empty());
        let nothing = r#"{"banner": {"raw": "x"}, "kex": [], "key": [], "enc": [], "mac": [], "cves": []}"#;
        assert!(grade(nothing, &accepted(&[])).unwrap_err().contains("offers no kex"));
        assert!(grade("cannot connect", &accepted(&[])).unwrap_err().starts_with("ssh-audit's report: "));
    }

    #[test]
    fn the_policy_decides() {
        let passed = r#"{"errors": [], "host": "127.0.0.1", "passed": true, "policy": "p (version 1)", "port": 1, "warnings": []}"#;
        assert_eq!(grade_policy(passed).unwrap().score, "passed");
        let failed = passed.replace("true", "false");
        assert_eq!(grade_policy(&failed).unwrap().findings.len(), 1);
        let errors = failed.replace(r#""errors": []"#, r#""errors": [{"mismatched_field": "Ciphers"}]"#);
        assert!(grade_policy(&errors).unwrap().findings[0].contains("Ciphers"));
        assert!(grade_policy("").is_err());
    }

    #[test]
    fn the_agreement_is_what_a_client_says() {
        let version = "OpenSSH_10.0p1, OpenSSL 3.5.7 1 Jul 2025\n";
        let said = "debug1: SSH2_MSG_KEXINIT sent\ndebug1: kex: algorithm: mlkem768x25519-sha256\n";
        let grade = |said| grade_agreement(version, said).lines();
        insta::assert_snapshot!(
            [grade(said), grade("refused"), grade("debug1: kex: algorithm: sntrup\n")].concat(),
            @r"
        met      key exchange with our client OpenSSH_10.0p1 mlkem768x25519-sha256; target: mlkem768x25519-sha256
        MISSED   key exchange with our client OpenSSH_10.0p1 nothing; target: mlkem768x25519-sha256
                 | they agree on nothing
        MISSED   key exchange with our client OpenSSH_10.0p1 sntrup; target: mlkem768x25519-sha256
                 | they agree on sntrup
        "
        );
    }

    #[test]
    fn commands_are_pinned() {
        let (program, client) = (Utf8Path::new("/store/graders/bin/ssh-audit"), Utf8Path::new("/client/usr/bin/ssh"));
        let lines = [audit(program, 2222), policy(program, POLICY.into(), 2222), agree(client, 2222), version(client)];
        insta::assert_snapshot!(lines.map(|line| line.to_string()).join("\n"));
    }

    proptest! {
        #[test]
        fn noise_never_panics(at in 0usize..2000, noise in "[\\[\\]{}\":,a-z0-9 ]{0,20}") {
            let mut text = GOOD.to_owned();
            text.replace_range(at.min(GOOD.len())..(at + noise.len()).min(GOOD.len()).max(at.min(GOOD.len())), &noise);
            let _result = (grade(&text, &accepted(&[])), grade_policy(&text));
        }
    }
}
