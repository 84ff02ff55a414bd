//! What people did, counted: for coaching.

use chrono::{DateTime, Days, NaiveDate, TimeZone, Utc};
use fulcrum_domain::access::Permission;
use fulcrum_domain::engagement::ActivityKind;
use fulcrum_persistence::Tx;
use fulcrum_persistence::access::users::{self, User};
use fulcrum_persistence::engagement::activity_figures::{self as store, Figure};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::App;
use crate::access::users::views::UserSummary;
use crate::http::catalog::FieldCode;
use crate::http::cursor::{List, list_view};
use crate::http::problem::{FieldError, Problem};
use crate::records;

/// Days of one request.
const LONGEST: u64 = 366;
/// The first and the last day that there can be figures of.
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
const LAST: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FigurePeriod {
    /// A day.
    Day,
    /// A week; it begins on Monday.
    Week,
    /// A month.
    Month,
}

/// Whose figures, of which time.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FigureQuery {
    /// The first day, in the caller's time zone.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// How long a period is; a week unless given.
    #[serde(default)]
    pub period: Option<FigurePeriod>,
    /// Of people in one of these departments.
    #[serde(default)]
    #[param(max_items = 50)]
    pub department_id: Vec<Uuid>,
    /// Where the page begins: `next_cursor` of the page before.
    #[serde(default)]
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// People of the page.
    #[serde(default = "fifty")]
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

fn fifty() -> i64 {
    50
}

/// Activities of one kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct KindFigures {
    /// Which kind.
    pub kind: ActivityKind,
    /// How many.
    #[schema(minimum = 0, example = 12)]
    pub count: i64,
    /// How long one took, of those that say so; null when none does.
    #[schema(required, minimum = 0, example = 540)]
    pub average_duration_seconds: Option<i64>,
    /// On how many different customers they were spent.
    #[schema(minimum = 0, example = 9)]
    pub customers: i64,
}

/// What somebody did in a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodFigures {
    /// The first day of the period, which may lie before `from`.
    pub starts_on: NaiveDate,
    /// How many activities in all.
    #[schema(minimum = 0, example = 17)]
    pub count: i64,
    /// By kind; kinds without activities are left out.
    #[schema(max_items = 5)]
    pub kinds: Vec<KindFigures>,
}

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonFigures {
    /// Who.
    pub user: UserSummary,
    /// How many activities in all.
    #[schema(minimum = 0, example = 31)]
    pub count: i64,
    /// By period; periods without activities are left out.
    #[schema(max_items = 366)]
    pub periods: Vec<PeriodFigures>,
}

list_view!(
    /// A page of people with what they did.
    FigureList of PersonFigures
);

/// A page of the people within the data scope with what they did, those who did nothing among them. Disabled accounts count, too.
///
/// # Errors
/// 400 when the days don't follow each other or the cursor is not one of this list, 403 without the permission to see people.
pub fn list(tx: &mut Tx, app: &App, query: &FigureQuery) -> Result<FigureList, Problem> {
    records::require(&tx.actor, Permission::UsersRead)?;
    if query.from < FIRST {
        return Err(wrong(FieldError::new("from", FieldCode::TooSmall).with("min", FIRST.to_string())));
    }
    if query.to < query.from {
        return Err(wrong(FieldError::new("to", FieldCode::TooSmall).with("min", query.from.to_string())));
    }
    // The calendar itself has an end, too.
    let last = query.from.checked_add_days(Days::new(LONGEST - 1)).unwrap_or(NaiveDate::MAX).min(LAST);
    if query.to > last {
        return Err(wrong(FieldError::new("to", FieldCode::TooLarge).with("max", last.to_string())));
    }
    let unpaged = FigureQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, "activity_figures", &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let filter = users::Filter { department_ids: query.department_id.clone(), ..users::Filter::default() };
    let people = users::list(tx, &filter, &page)?;
    let place = |row: &User| (row.created_at, row.id);
    let (people, next_cursor) = list.cut_created(&app.keys, people, query.limit, place, User::clone);
    let ids: Vec<Uuid> = people.iter().map(|person| person.id).collect();
    let times = (midnight(tx, query.from), midnight(tx, query.to + Days::new(1)));
    let period: &str = query.period.unwrap_or(FigurePeriod::Week).into();
    let figures = store::of(tx, &ids, times, period, tx.actor.time_zone.name())?;
    let data = people.into_iter().map(|person| of_person(person, &figures)).collect();
    Ok(FigureList { data, next_cursor, total_count: None })
}

fn wrong(error: FieldError) -> Problem {
    Problem::bad_parameters(vec![error])
}

/// When a day begins where the caller is: where clocks go forward at midnight, at the first instant that there is.
fn midnight(tx: &Tx, day: NaiveDate) -> DateTime<Utc> {
    let zone = tx.actor.time_zone;
    let hours = (0..24).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
    let mut instants = hours.filter_map(|local| zone.from_local_datetime(&local).earliest());
    instants.next().map_or_else(|| day.and_time(Default::default()).and_utc(), |first| first.to_utc())
}

fn of_person(person: User, figures: &[Figure]) -> PersonFigures {
    let mut periods: Vec<PeriodFigures> = Vec::new();
    for figure in figures.iter().filter(|figure| figure.owner_id == person.id) {
        let Ok(kind) = figure.kind.parse() else { continue };
        let kind = KindFigures {
            kind,
            count: figure.count,
            average_duration_seconds: (figure.measured > 0).then(|| figure.seconds / figure.measured),
            customers: figure.customers,
        };
        match periods.last_mut().filter(|period| period.starts_on == figure.starts_on) {
            Some(period) => {
                period.count += kind.count;
                period.kinds.push(kind);
            }
            None => periods.push(PeriodFigures {
                starts_on: figure.starts_on,
                count: kind.count,
                kinds: vec![kind],
            }),
        }
    }
    PersonFigures {
        count: periods.iter().map(|period| period.count).sum(),
        user: UserSummary { id: person.id, name: person.name, email: person.email },
        periods,
    }
}
