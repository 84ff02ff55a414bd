//! What is stored of a customer, as the words of the domain.

use fulcrum_domain::customers::{CustomerKind, LifecycleStage};
use fulcrum_domain::values::Money;
use rust_decimal::Decimal;

/// The kind; a word of another release counts as a company.
pub(super) fn kind(word: &str) -> CustomerKind {
    word.parse().unwrap_or(CustomerKind::Company)
}

/// The stage; a word of another release counts as the first one.
pub(super) fn lifecycle_stage(word: &str) -> LifecycleStage {
    word.parse().unwrap_or(LifecycleStage::Acquisition)
}

/// An amount with its currency, if there is one.
pub(super) fn money(amount: Option<Decimal>, currency: Option<&str>) -> Option<Money> {
    let (amount, currency) = amount.zip(currency)?;
    Money::from_code(amount, currency).ok()
}
