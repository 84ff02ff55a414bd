//! The second table: how the time of an operation grows with the company, and with the number of companies.

use crate::load;
use crate::operations;
use crate::report::{Report, Spread};
use crate::rounds::{requests, wanted};
use crate::stand::{Plan, Stand};
use crate::{Arguments, Failed};

/// Companies beside the one that is measured, and customers of each.
const TENANTS: u32 = 1000;
const EACH: u32 = 100;

/// Times of all operations in one database.
pub struct Column {
    /// What is in it.
    pub title: String,
    /// Customers of the company that is measured.
    pub scale: u32,
    /// Companies.
    pub tenants: u32,
    /// Operation, median of the p50 in milliseconds, whether it has to stay the same.
    pub times: Vec<(&'static str, f64, bool)>,
}

/// Measures one request at a time: what is asked is how much there is to do, not how much is done at once.
pub fn measure(arguments: &Arguments, plan: &Plan, report: &mut Report) -> Result<(), Failed> {
    for scale in &arguments.growth {
        let stand = Stand::start(plan, &format!("growth-{scale}"), *scale)?;
        report.growth.push(column(arguments, &stand, format!("{scale} customers"), *scale, 1)?);
        if *scale == 100_000 {
            stand.fill(&["--scale", &EACH.to_string(), "--tenants", &TENANTS.to_string()])?;
            let title = format!("{scale} customers, {TENANTS} tenants");
            report.growth.push(column(arguments, &stand, title, *scale, TENANTS)?);
        }
    }
    Ok(())
}

fn column(
    arguments: &Arguments,
    stand: &Stand,
    title: String,
    scale: u32,
    tenants: u32,
) -> Result<Column, Failed> {
    let oha = load::oha()?;
    let token = stand.token()?;
    let mut times = Vec::new();
    for operation in operations::all(stand, &token)?.iter().filter(|one| wanted(arguments, one)) {
        let requests = requests(stand, operation, &token);
        let once = |seconds| {
            load::alone(&oha, &stand.folder, &requests, seconds)
                .map_err(|error| format!("{}: {error}", operation.name))
        };
        once(1.0)?;
        let mut p50 = Vec::new();
        for _ in 0..3 {
            p50.push(once(arguments.seconds)?);
        }
        times.push((operation.name, Spread::of(p50.into_iter()).median, operation.flat));
    }
    eprintln!("{title}: {times:?}");
    Ok(Column { title, scale, tenants, times })
}
