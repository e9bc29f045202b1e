//! For tests: takes a batch as the kernel does, and returns what the kernel would list. It validates nothing.

use crate::expression::Expression;
use crate::list::Dump;
use crate::netlink::attribute;
use crate::netlink::dump;
use crate::netlink::message::{Kind, received};

/// What the kernel would list after a batch. Everything in it is new.
pub fn dump(batch: &[u8]) -> Dump {
    let mut all = Dump::default();
    let mut ids = Vec::new();
    for message in received(batch) {
        if let Some((family, bytes)) = message.of(Kind::NewTable) {
            all.tables.extend(dump::table(family, attribute::read(bytes)));
        }
        if let Some((family, bytes)) = message.of(Kind::NewChain) {
            all.chains.extend(dump::chain(family, attribute::read(bytes)));
        }
        if let Some((family, bytes)) = message.of(Kind::NewSet) {
            let from = attribute::read(bytes);
            if let Some(mut set) = dump::set(family, from) {
                let id = from.u32(10).unwrap_or(0);
                set.name = set.name.replace("%d", &id.to_string());
                ids.push((set.table.clone(), id));
                all.sets.push(set);
            }
        }
        if let Some((_, bytes)) = message.of(Kind::NewElements) {
            let from = attribute::read(bytes);
            let wanted = (from.text(1).unwrap_or_default(), from.u32(4).unwrap_or(0));
            let at = ids.iter().rposition(|known| *known == wanted);
            if let Some(set) = at.and_then(|at| all.sets.get_mut(at)) {
                set.elements.extend(dump::elements(from));
            }
        }
        if let Some((family, bytes)) = message.of(Kind::NewRule) {
            all.rules.extend(dump::rule(family, attribute::read(bytes)).map(|mut rule| {
                rule.expressions.iter_mut().for_each(name_sets);
                rule
            }));
        }
    }
    all
}

/// Anonymous sets are named after their number.
fn name_sets(expression: &mut Expression) {
    if let Expression::Lookup { set, id, .. } = expression {
        *set = set.replace("%d", &id.to_string());
    }
}
