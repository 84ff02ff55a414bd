//! `fulcrum demo`: the company that everything can be tried on.

use std::sync::Arc;

use clap::Args;
use fulcrum_domain::access::Actor;
use fulcrum_persistence::access::roles;
use fulcrum_persistence::access::tenants::{self, Tenant};
use fulcrum_persistence::access::users::{self, Who};
use fulcrum_persistence::{Clock, Db, StoreError, Tx};
use uuid::Uuid;

use super::admin::add_user;
use super::demo_data::{self, DemoCustomer};
use super::demo_extras;
use super::demo_scale;
use super::installation;
use super::installation::{Database, NewTenant, create_tenant, system, system_in};
use crate::access::departments::service::Departments;
use crate::access::departments::views::DepartmentInput;
use crate::auth::passwords;
use crate::auth::service::actor_of;
use crate::customers::contacts::service::Contacts;
use crate::customers::customers::service::Customers;
use crate::http::problem::Problem;
use crate::platform::files::FileStore;
use crate::records;
use crate::settings::{DatabaseSettings, OutsideSettings, SecretSettings};

/// Everybody's password in the demo company.
pub const PASSWORD: &str = "fulcrum-demo";

/// Customers of the demo company.
pub const CUSTOMERS: usize = 500;

/// Where to make the demo company.
#[derive(Args, Debug)]
pub struct Demo {
    /// Slug of the tenant; it is made unless it is there.
    #[arg(long, default_value = "demo")]
    tenant: String,
    /// Fill the tenant up to so many customers, with about twice as many contacts: for measuring. Stop the
    /// server first.
    #[arg(long, value_name = "CUSTOMERS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    scale: Option<u32>,
    /// Make so many tenants of this size: the one named above, and others with -2, -3 … behind its name.
    #[arg(long, default_value_t = 1, requires = "scale", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tenants: u32,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    secret: SecretSettings,
    #[command(flatten)]
    outside: OutsideSettings,
}

impl Demo {
    /// Makes it.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        let database = Database::open(&self.database)?;
        database.migrate()?;
        let db = database.door(Clock::system());
        let Some(scale) = self.scale else {
            let made = fill(&db, &self.tenant, CUSTOMERS)?;
            let keys = installation::keys(&self.secret, &self.database.data)?;
            demo_extras::add(
                &db,
                &self.tenant,
                &keys,
                &FileStore::open(&self.outside, &self.database.data)?,
            )?;
            println!("{}", if made { "made the demo company" } else { "the demo company is there already" });
            return Ok(());
        };
        let filled = fill_companies(&db, &self.tenant, self.tenants, scale as usize);
        // Also when it failed halfway: what is there shall be found fast.
        fulcrum_persistence::platform::bulk::settle(&database.url).map_err(|error| error.to_string())?;
        println!("added {} customers", filled?);
        Ok(())
    }
}

/// Fills so many companies, `demo`, `demo-2`, …, up to so many customers each. Returns how many were added.
///
/// # Errors
/// A sentence for a person.
pub fn fill_companies(db: &Db, slug: &str, companies: u32, scale: usize) -> Result<usize, String> {
    (1..=companies)
        .map(|number| {
            let slug = if number == 1 { slug.to_owned() } else { format!("{slug}-{number}") };
            fill(db, &slug, 0)?;
            demo_scale::fill_up(db, &slug, scale)
        })
        .sum()
}

/// Departments: name and the name of the one above.
const DEPARTMENTS: [(&str, Option<&str>); 7] = [
    ("总经办", None),
    ("销售部", None),
    ("华东区", Some("销售部")),
    ("华北区", Some("销售部")),
    ("客服部", None),
    ("市场部", None),
    ("财务部", None),
];

/// People: name in the address, name, role, department.
const PEOPLE: [(&str, &str, &str, &str); 8] = [
    ("admin", "陈建国", "admin", "总经办"),
    ("manager", "王海涛", "sales_manager", "销售部"),
    ("rep.east", "李晓梅", "sales_rep", "华东区"),
    ("rep.north", "张伟", "sales_rep", "华北区"),
    ("agent", "刘洋", "service_agent", "客服部"),
    ("supervisor", "赵敏", "service_supervisor", "客服部"),
    ("marketing", "孙丽", "marketing", "市场部"),
    ("finance", "周文静", "finance", "财务部"),
];

/// Makes the demo company in one transaction, unless it is there. Returns whether it was made.
///
/// # Errors
/// A sentence for a person.
pub fn fill(db: &Db, slug: &str, count: usize) -> Result<bool, String> {
    db.write_now(&system(), |tx| {
        if tenants::find_by_slug(tx, Some(slug))?.is_some() {
            return Ok(false);
        }
        let tenant = create_tenant(
            tx,
            &NewTenant {
                slug: slug.into(),
                name: "科创信息".into(),
                time_zone: "Asia/Shanghai".into(),
                currency: "CNY".into(),
                region: "CN".into(),
                locale: "zh-CN".into(),
            },
        )?;
        tx.actor = system_in(&tenant);
        organisation(tx)?;
        customers(tx, &tenant, count)?;
        Ok(true)
    })
    .map_err(|problem: Problem| problem.to_string())
}

fn organisation(tx: &mut Tx) -> Result<(), Problem> {
    let mut made: Vec<(&str, Uuid)> = Vec::new();
    let find =
        |made: &[(&str, Uuid)], name: &str| made.iter().find(|(other, _)| *other == name).map(|(_, id)| *id);
    for (name, parent) in DEPARTMENTS {
        let parent_id = parent.and_then(|parent| find(&made, parent));
        let input = DepartmentInput { name: name.into(), parent_id, manager_id: None };
        made.push((name, records::create::<Departments>(tx, input)?.id));
    }
    // One password, one hash: a thousand companies don't take eight thousand of them.
    let password_hash = passwords::hash(PASSWORD)?;
    for (address, name, role, department) in PEOPLE {
        let department = find(&made, department).ok_or(StoreError::NotFound)?;
        add_user(tx, &format!("{address}@demo.test"), name, department, role, password_hash.clone())?;
    }
    Ok(())
}

/// The owners of the demo customers with their departments.
pub(super) type Owners = [(Arc<Actor>, Uuid); 3];

/// Who owns the demo customers.
pub(super) fn owners(tx: &mut Tx, tenant: &Tenant) -> Result<Owners, Problem> {
    let [east, north, manager] =
        ["rep.east", "rep.north", "manager"].map(|name| acting_as(tx, tenant, &format!("{name}@demo.test")));
    Ok([east?, north?, manager?])
}

fn customers(tx: &mut Tx, tenant: &Tenant, count: usize) -> Result<(), Problem> {
    let owners = owners(tx, tenant)?;
    for DemoCustomer { owner, customer, contacts } in demo_data::customers().take(count) {
        // As its owner, so that the log reads as it would in life.
        tx.actor = owners[owner].0.clone();
        let customer = records::create::<Customers>(tx, customer)?;
        for mut contact in contacts {
            contact.customer_id = customer.id;
            records::create::<Contacts>(tx, contact)?;
        }
    }
    tx.actor = system_in(tenant);
    Ok(())
}

pub(super) fn acting_as(tx: &mut Tx, tenant: &Tenant, email: &str) -> Result<(Arc<Actor>, Uuid), Problem> {
    let (user, role): (_, roles::Role) = users::with_role(tx, tenant.id, Who::Email(email.to_owned()))?;
    Ok((Arc::new(actor_of(tenant, &user, &role, Uuid::nil())?), user.department_id))
}
