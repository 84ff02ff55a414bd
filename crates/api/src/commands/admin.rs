//! `fulcrum admin`: what has to work before anybody can sign in.

use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand};
use fulcrum_domain::values::{Email, Phone, PhoneError};
use fulcrum_persistence::access::sessions::{self, Which};
use fulcrum_persistence::access::users::{self, User, Who};
use fulcrum_persistence::access::{departments, roles, tenants};
use fulcrum_persistence::platform::workers;
use fulcrum_persistence::{Clock, Db, StoreError, Tx};
use uuid::Uuid;

use super::installation::{self, Database, NewTenant, create_tenant, system, system_in};
use crate::access::departments::service::Departments;
use crate::access::departments::views::DepartmentInput;
use crate::auth::keys::random;
use crate::auth::passwords;
use crate::http::problem::Problem;
use crate::platform::webhooks;
use crate::records;
use crate::settings::{DatabaseSettings, SecretSettings};

/// What an administrator of the installation can do.
#[derive(Subcommand, Debug)]
pub enum Admin {
    /// Create a company with its roles, a first department and a first administrator
    CreateTenant(CreateTenant),
    /// Create a user
    CreateUser(CreateUser),
    /// Give a user a new password and end their sessions
    ResetPassword(ResetPassword),
    /// Encrypt stored secrets with a new key, or with the first one of --secret-key
    RotateSecretKey(RotateSecretKey),
}

/// The key of the installation. Stop its servers first, and start them again afterwards.
#[derive(Args, Debug)]
pub struct RotateSecretKey {
    /// Make no new key, and forget the former ones: what was made with them isn't understood any more, and who signed in then
    /// has to do so again.
    #[arg(long)]
    forget_former: bool,
    #[command(flatten)]
    secret: SecretSettings,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// A company.
#[derive(Args, Debug)]
pub struct CreateTenant {
    /// Short name for signing in: lower-case letters, digits, hyphens.
    #[arg(long, value_parser = slug)]
    slug: String,
    /// Name of the company.
    #[arg(long)]
    name: String,
    /// Mail address of the first administrator.
    #[arg(long)]
    admin_email: String,
    /// IANA time zone.
    #[arg(long, default_value = "Asia/Shanghai")]
    time_zone: String,
    /// Base currency, ISO 4217.
    #[arg(long, default_value = "CNY")]
    currency: String,
    /// Region of telephone numbers without a country code, ISO 3166-1 alpha-2.
    #[arg(long, default_value = "CN", value_parser = region)]
    region: String,
    /// Language of names that the system gives: zh-CN or en.
    #[arg(long, default_value = "zh-CN", value_parser = ["zh-CN", "en"])]
    locale: String,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// A user.
#[derive(Args, Debug)]
pub struct CreateUser {
    /// Slug of the company.
    #[arg(long)]
    tenant: String,
    /// Mail address.
    #[arg(long)]
    email: String,
    /// Name.
    #[arg(long)]
    name: String,
    /// Key of the role.
    #[arg(long, default_value = "sales_rep")]
    role: String,
    /// Name of the department; the company's first one unless given.
    #[arg(long)]
    department: Option<String>,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

/// A user who can't sign in.
#[derive(Args, Debug)]
pub struct ResetPassword {
    /// Slug of the company.
    #[arg(long)]
    tenant: String,
    /// Mail address.
    #[arg(long)]
    email: String,
    /// Read the password from standard input instead of making one.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    database: DatabaseSettings,
}

impl Admin {
    /// Does it.
    ///
    /// # Errors
    /// A sentence for a person.
    pub fn run(&self) -> Result<(), String> {
        match self {
            Admin::CreateTenant(command) => command.run(),
            Admin::CreateUser(command) => command.run(),
            Admin::ResetPassword(command) => command.run(),
            Admin::RotateSecretKey(command) => command.run(),
        }
    }
}

impl RotateSecretKey {
    fn run(&self) -> Result<(), String> {
        let kept = self.secret.secret_key.is_none();
        let (_database, db) = door(&self.database)?;
        if db.write_now(&system(), workers::is_any_alive).map_err(|error: StoreError| error.to_string())? {
            return Err("a worker is running: stop all servers and workers first".into());
        }
        let data = &self.database.data;
        let renewed =
            (kept && !self.forget_former).then(|| installation::with_new_secret(data)).transpose()?;
        let keys = match &renewed {
            Some(renewed) => renewed.keys.clone(),
            None => installation::keys(&self.secret, data)?,
        };
        let (count, unreadable) = db
            .write_now(&system(), |tx| {
                let sealed = webhooks::seal_anew(tx, &keys)?;
                // Before the commit: with the new key in the file, both old and new are understood.
                if let Some(renewed) = &renewed {
                    renewed.keep().map_err(StoreError::Internal)?;
                }
                Ok(sealed)
            })
            .map_err(said)?;
        println!("{count} stored secrets are encrypted with the key {}", keys.key_id());
        if unreadable > 0 {
            println!(
                "{unreadable} can't be decrypted with any key that is known: rotate the secrets of those webhooks"
            );
        }
        match (kept, self.forget_former) {
            (true, true) => {
                installation::forget_former_secrets(data)?;
                println!("the former keys are forgotten");
            }
            (true, false) => println!(
                "the former key is kept for what was signed with it; with --forget-former it is forgotten, after the \
                 longest session (--session-days) best"
            ),
            (false, _) => println!(
                "the other keys of --secret-key can be taken away after the longest session (--session-days)"
            ),
        }
        Ok(())
    }
}

impl CreateTenant {
    fn run(&self) -> Result<(), String> {
        let password = password(self.password_stdin, &self.admin_email)?;
        let (_database, db) = door(&self.database)?;
        let new = NewTenant {
            slug: self.slug.clone(),
            name: self.name.clone(),
            time_zone: self.time_zone.clone(),
            currency: self.currency.clone(),
            region: self.region.clone(),
            locale: self.locale.clone(),
        };
        let email = address(&self.admin_email)?;
        db.write_now(&system(), |tx| {
            let tenant = create_tenant(tx, &new)?;
            tx.actor = system_in(&tenant);
            let department = DepartmentInput { name: self.name.clone(), parent_id: None, manager_id: None };
            let department = records::create::<Departments>(tx, department)?;
            add_user(tx, &email, "Administrator", department.id, "admin", passwords::hash(&password.text)?)
        })
        .map_err(said)?;
        println!("created the tenant {} with the administrator {email}", self.slug);
        password.show();
        Ok(())
    }
}

impl CreateUser {
    fn run(&self) -> Result<(), String> {
        let password = password(self.password_stdin, &self.email)?;
        let (_database, db) = door(&self.database)?;
        let tenant = installation::tenant(&db, &self.tenant)?;
        let email = address(&self.email)?;
        db.write_now(&system_in(&tenant), |tx| {
            let all = departments::list(tx, None, &whole())?;
            let wanted = |name: &str| self.department.as_deref().is_none_or(|department| department == name);
            let department = all.iter().find(|row| wanted(&row.name)).ok_or(StoreError::NotFound)?;
            add_user(tx, &email, &self.name, department.id, &self.role, passwords::hash(&password.text)?)
        })
        .map_err(|problem: Problem| match problem.code {
            crate::http::catalog::Code::NotFound => "there is no such department or role".into(),
            _ => said(problem),
        })?;
        println!("created the user {email} in {}", self.tenant);
        password.show();
        Ok(())
    }
}

fn whole() -> fulcrum_persistence::paging::PageRequest {
    fulcrum_persistence::paging::PageRequest { after: None, limit: 10_000 }
}

impl ResetPassword {
    fn run(&self) -> Result<(), String> {
        let password = password(self.password_stdin, &self.email)?;
        let (_database, db) = door(&self.database)?;
        let tenant = installation::tenant(&db, &self.tenant)?;
        let email = address(&self.email)?;
        db.write_now(&system_in(&tenant), |tx| {
            let (user, _) = users::with_role(tx, tenant.id, Who::Email(email.clone()))?;
            let user = users::lock_anybody(tx, user.id)?;
            let user = User {
                password_hash: Some(passwords::hash(&password.text)?),
                version: user.version + 1,
                updated_at: tx.now,
                ..user
            };
            users::replace(tx, &user)?;
            sessions::revoke(tx, tenant.id, user.id, Which::All, "password_reset")?;
            records::note::<crate::access::users::service::Users>(tx, "password_reset", &user)
        })
        .map_err(|problem: Problem| match problem.code {
            crate::http::catalog::Code::NotFound => format!("there is no user {email} in {}", self.tenant),
            _ => said(problem),
        })?;
        println!("{email} has a new password, and all their sessions have ended");
        password.show();
        Ok(())
    }
}

fn door(settings: &DatabaseSettings) -> Result<(Database, Db), String> {
    let database = Database::open(settings)?;
    database.migrate()?;
    let db = database.door(Clock::system());
    Ok((database, db))
}

fn address(text: &str) -> Result<String, String> {
    Email::parse(text).map(|email| email.key()).map_err(|error| format!("{text}: {error}"))
}

fn slug(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
    {
        Ok(text.to_owned())
    } else {
        Err("expected lower-case letters, digits and hyphens, such as acme-china".into())
    }
}

fn region(text: &str) -> Result<String, String> {
    match Phone::parse("110", text) {
        Err(PhoneError::UnknownRegion { .. }) => Err("expected a region such as CN or DE".into()),
        _ => Ok(text.to_owned()),
    }
}

fn said(problem: Problem) -> String {
    problem.to_string()
}

/// Adds a person with a role by its key.
///
/// # Errors
/// 404 for the role, 409 for the address.
pub fn add_user(
    tx: &mut Tx,
    email: &str,
    name: &str,
    department_id: Uuid,
    role: &str,
    password_hash: String,
) -> Result<Uuid, Problem> {
    let role = roles::find_by_key(tx, role)?;
    let locale = tenants::find(tx, tx.actor.tenant_id)?.map_or_else(|| "en".into(), |tenant| tenant.locale);
    let user = User {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        email: email.to_owned(),
        name: name.to_owned(),
        password_hash: Some(password_hash),
        department_id,
        role_id: role.id,
        locale,
        time_zone: None,
        disabled_at: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        deleted_at: None,
    };
    users::insert(tx, &user)?;
    records::note::<crate::access::users::service::Users>(tx, "created", &user)?;
    Ok(user.id)
}

struct Password {
    text: String,
    made: bool,
}

impl Password {
    fn show(&self) {
        if self.made {
            println!("password: {}  (shown only now)", self.text);
        }
    }
}

fn password(from_stdin: bool, email: &str) -> Result<Password, String> {
    if !from_stdin {
        use base64::Engine;
        let text = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(random::<15>());
        return Ok(Password { text, made: true });
    }
    if std::io::stdin().is_terminal() {
        eprintln!("password, then Ctrl-D:");
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if (text.chars().count() as u64) < passwords::SHORTEST {
        return Err(format!("a password has at least {} characters", passwords::SHORTEST));
    }
    if passwords::weakness(&text, email).is_some() {
        return Err("this password is too easy to guess".into());
    }
    Ok(Password { text, made: false })
}
