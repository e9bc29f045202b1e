//! `--print-plan` of images and ISOs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use ashlar_core::plan::Keyed;
use serde_json::Value;

use crate::cli::StageForm;
use crate::report::Reporter;

/// Prints plans with their steps, as text or as one JSON object with each plan under its name.
pub fn print(reporter: &Reporter, plans: &[(Keyed, Vec<String>)], form: StageForm) -> Result<()> {
    if form == StageForm::Json {
        let plans = plans.iter().map(|(plan, _)| Ok((plan.label.as_str(), serde_json::from_str(&plan.text)?)));
        let plans = plans.collect::<Result<BTreeMap<&str, Value>>>()?;
        let text = serde_json::to_string_pretty(&plans)?;
        reporter.show(&plans, || text);
        return Ok(());
    }
    let mut text = String::new();
    for (plan, steps) in plans {
        writeln!(text, "# {} key {}", plan.label, plan.key)?;
        steps.iter().try_for_each(|step| writeln!(text, "{step}"))?;
    }
    reporter.say(text);
    Ok(())
}
