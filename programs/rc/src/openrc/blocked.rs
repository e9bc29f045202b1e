//! Why a service does not start: for a person, and for the log. Stopping blocks nothing.

use crate::depend::Obstacle;

/// The reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// Known from the start.
    Obstacle(Obstacle),
    /// A service that it needs did not come up.
    Need(String),
    /// A service that it needs is inactive: it starts when that becomes active.
    Waits(String),
}

impl Blocked {
    /// The message.
    pub fn message(&self, service: &str) -> String {
        match self {
            Blocked::Obstacle(Obstacle::Missing(names)) => {
                format!("ERROR: {service} needs service(s) {}, which do not exist", names.join(", "))
            }
            Blocked::Obstacle(Obstacle::Circle(path)) => {
                format!("ERROR: cannot start {service}: services need each other in a circle: {}", path.join(" -> "))
            }
            Blocked::Need(other) => format!("ERROR: cannot start {service} as {other} would not start"),
            Blocked::Waits(other) => format!("WARNING: {service} is scheduled to start when {other} has started"),
        }
    }

    /// The event in the log, one word.
    pub fn event(&self) -> String {
        match self {
            Blocked::Obstacle(Obstacle::Missing(names)) => format!("start-blocked(missing:{})", names.join(",")),
            Blocked::Obstacle(Obstacle::Circle(path)) => format!("start-blocked(cycle:{})", path.join(">")),
            Blocked::Need(other) => format!("start-blocked(by:{other})"),
            Blocked::Waits(other) => format!("scheduled(waits:{other})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_sentence_for_people_and_a_word_in_the_log() {
        let names = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let cases = [
            (
                Blocked::Obstacle(Obstacle::Missing(names("x y"))),
                "ERROR: web needs service(s) x, y, which do not exist",
                "start-blocked(missing:x,y)",
            ),
            (
                Blocked::Obstacle(Obstacle::Circle(names("web db web"))),
                "ERROR: cannot start web: services need each other in a circle: web -> db -> web",
                "start-blocked(cycle:web>db>web)",
            ),
            (Blocked::Need("db".into()), "ERROR: cannot start web as db would not start", "start-blocked(by:db)"),
            (
                Blocked::Waits("db".into()),
                "WARNING: web is scheduled to start when db has started",
                "scheduled(waits:db)",
            ),
        ];
        for (reason, message, event) in cases {
            assert_eq!(reason.message("web"), message);
            assert_eq!(reason.event(), event);
        }
    }
}
