//! The AppArmor features of the kernel, as text: the profiles were compiled for exactly these.

use std::collections::BTreeMap;

/// One line per feature, `path = value`, as in `hardening/2-access/features`.
pub fn render(features: &BTreeMap<String, String>) -> String {
    features.iter().map(|(path, value)| format!("{path} = {value}\n")).collect()
}

/// Every difference between the features the profiles were compiled for and the kernel's, one per line.
pub fn differences(expected: &str, features: &BTreeMap<String, String>) -> Vec<String> {
    let lines = expected.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut expected: BTreeMap<&str, &str> = lines.map(|line| line.split_once(" = ").unwrap_or((line, ""))).collect();
    let mut found = Vec::new();
    for (path, value) in features {
        match expected.remove(path.as_str()) {
            Some(same) if same == value => {}
            Some(other) => found.push(format!("{path}: compiled for `{other}`, the kernel has `{value}`")),
            None => found.push(format!("{path}: the kernel has `{value}`, which the profiles do not know")),
        }
    }
    found.extend(
        expected.into_iter().map(|(path, value)| format!("{path}: compiled for `{value}`, the kernel has none")),
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> BTreeMap<String, String> {
        [("capability", "0xffffff"), ("file/mask", "create read"), ("policy/set_load", "yes")]
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn what_is_rendered_is_equal() {
        let text = render(&kernel());
        assert_eq!(text, "capability = 0xffffff\nfile/mask = create read\npolicy/set_load = yes\n");
        assert_eq!(differences(&format!("# a comment\n\n{text}"), &kernel()), [""; 0]);
    }

    #[test]
    fn differences_are_named_in_both_directions() {
        let expected = "capability = 0xffffff\nfile/mask = create\nnetwork_v8/af_mask = inet\n";
        let found = differences(expected, &kernel());
        assert_eq!(
            found,
            [
                "file/mask: compiled for `create`, the kernel has `create read`",
                "policy/set_load: the kernel has `yes`, which the profiles do not know",
                "network_v8/af_mask: compiled for `inet`, the kernel has none",
            ]
        );
    }
}
