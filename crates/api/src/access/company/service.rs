//! What can be done with the company itself.

use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::access::tenants::{self as store, Tenant};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::views::{CompanyInput, CompanyView};
use crate::access::grants;
use crate::engagement::tasks;
use crate::http::catalog::Code;
use crate::http::problem::Problem;
use crate::records::{Resource, Stamp};

/// The company as a record: the one that the actor belongs to.
pub enum Company {}

impl Resource for Company {
    type Row = Tenant;
    type Input = CompanyInput;
    type View = CompanyView;
    const SUBJECT: &'static str = "company";
    const COLLECTION: &'static str = "company";
    const DELETE: Permission = Permission::CompanyWrite;

    fn input_of(row: &Tenant) -> CompanyInput {
        CompanyInput { name: row.name.clone(), task_escalation_minutes: row.task_escalation_minutes }
    }

    fn view(row: &Tenant) -> CompanyView {
        CompanyView::from(row)
    }

    fn stamp(row: &Tenant) -> Stamp {
        Stamp::of(row.id, row.version, None)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Tenant, Problem> {
        let own = store::find(tx, id)?.filter(|company| company.id == tx.actor.tenant_id);
        own.ok_or_else(|| Problem::from(StoreError::NotFound))
    }

    fn lock(tx: &mut Tx, _: Uuid) -> Result<Tenant, Problem> {
        Ok(store::lock(tx)?)
    }

    /// Companies are made on the command line.
    fn insert(_: &mut Tx, _: CompanyInput) -> Result<Tenant, Problem> {
        Err(Problem::new(Code::NoSuchPath))
    }

    fn change(tx: &mut Tx, before: &Tenant, input: CompanyInput) -> Result<Tenant, Problem> {
        grants::within(tx, &[], DataScope::Tenant)?;
        let minutes = input.task_escalation_minutes;
        let mut after =
            Tenant { name: clean_line(&input.name), task_escalation_minutes: minutes, ..before.clone() };
        if (&after.name, minutes) == (&before.name, before.task_escalation_minutes) {
            return Ok(after);
        }
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        if minutes != before.task_escalation_minutes {
            tasks::escalate_after(tx, minutes)?;
        }
        Ok(after)
    }

    /// And they stay.
    fn set_deleted(_: &mut Tx, _: &Tenant, _: bool) -> Result<Tenant, Problem> {
        Err(Problem::new(Code::NoSuchPath))
    }
}
