//! Why a step of a plan is not tried: for a person, and for the log.

use crate::depend::situation::Direction;
use crate::depend::Obstacle;

/// The reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// Known from the start.
    Obstacle(Obstacle),
    /// A service that it needs did not come up (or, in stopping, one that needs it did not go down).
    Need(String),
    /// A service that it needs is inactive: it is to start when that becomes active.
    Waits(String),
}

impl Blocked {
    /// What a person is told.
    pub fn message(&self, service: &str, direction: Direction) -> String {
        match self {
            Blocked::Obstacle(Obstacle::Missing(names)) => {
                format!("ERROR: {service} needs service(s) {}, which do not exist", names.join(", "))
            }
            Blocked::Obstacle(Obstacle::Circle(path)) => {
                format!("ERROR: cannot start {service}: services need each other in a circle: {}", path.join(" -> "))
            }
            Blocked::Need(other) if direction == Direction::Up => {
                format!("ERROR: cannot start {service} as {other} would not start")
            }
            Blocked::Need(other) => format!("ERROR: cannot stop {service} as {other} is still up"),
            Blocked::Waits(other) => format!("WARNING: {service} is scheduled to start when {other} has started"),
        }
    }

    /// The event in the log, one word. `verb`: `start` or `stop`.
    pub fn event(&self, verb: &str) -> String {
        match self {
            Blocked::Obstacle(Obstacle::Missing(names)) => format!("{verb}-blocked(missing:{})", names.join(",")),
            Blocked::Obstacle(Obstacle::Circle(path)) => format!("{verb}-blocked(cycle:{})", path.join(">")),
            Blocked::Need(other) => format!("{verb}-blocked(by:{other})"),
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
            assert_eq!(reason.message("web", Direction::Up), message);
            assert_eq!(reason.event("start"), event);
        }
        assert_eq!(
            Blocked::Need("web".into()).message("db", Direction::Down),
            "ERROR: cannot stop db as web is still up"
        );
    }
}
