//! Amounts of money.

use std::borrow::Cow;
use std::fmt;

use iso_currency::Currency;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::ValueError;

const MAX_INTEGER_DIGITS: usize = 15;

/// An amount in one currency. The amount is a decimal string, exact, with as many decimals as the currency has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "MoneyInput", deny_unknown_fields)]
#[schema(example = json!({"amount": "99.95", "currency": "CNY"}))]
pub struct Money {
    /// The amount in the currency's major unit (yuan, not fen).
    #[schema(
        value_type = String,
        pattern = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$",
        max_length = 21,
        example = "99.95"
    )]
    #[serde(serialize_with = "as_text")]
    amount: Decimal,
    /// ISO 4217 code.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$", min_length = 3, max_length = 3, example = "CNY")]
    #[serde(serialize_with = "as_code")]
    currency: Currency,
}

/// [`Money`] as it arrives, not looked at yet: for bodies whose errors are collected field by field. In the contract
/// it is the same schema as `Money`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyInput {
    /// See [`Money::new`].
    pub amount: String,
    /// See [`Money::new`].
    pub currency: String,
}

/// Why something is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)] // the messages say it
pub enum MoneyError {
    #[error("the amount has to be a plain decimal such as 99.95")]
    NotADecimal,
    #[error("{currency} has at most {max} decimals")]
    TooManyDecimals { currency: &'static str, max: u32 },
    #[error("an amount has at most {MAX_INTEGER_DIGITS} digits before the point")]
    TooLarge,
    #[error("no currency {currency:?}")]
    UnknownCurrency { currency: String },
}

impl MoneyError {
    /// The member of the object that is wrong: `amount` or `currency`.
    pub fn field(&self) -> &'static str {
        if matches!(self, Self::UnknownCurrency { .. }) { "currency" } else { "amount" }
    }
}

impl ValueError for MoneyError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotADecimal => "amount_not_decimal",
            Self::TooManyDecimals { .. } => "amount_too_many_decimals",
            Self::TooLarge => "amount_too_large",
            Self::UnknownCurrency { .. } => "unknown_currency",
        }
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotADecimal => Vec::new(),
            Self::TooManyDecimals { currency, max } => {
                vec![("currency", currency.to_string()), ("max", max.to_string())]
            }
            Self::TooLarge => vec![("max", MAX_INTEGER_DIGITS.to_string())],
            Self::UnknownCurrency { currency } => vec![("currency", currency.clone())],
        }
    }
}

impl Money {
    /// Takes the wire form: `amount` matches `^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$`, `currency` is an upper-case
    /// ISO 4217 code. Fewer decimals than the currency has are filled up with zeros.
    ///
    /// # Errors
    /// [`MoneyError`]; surplus decimals are refused even if they are zeros, metals and test codes (`XAU`, `XXX`) are
    /// no currencies here because they have no minor unit to count in.
    pub fn new(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        let currency = Currency::from_code(currency).ok_or_else(|| unknown(currency))?;
        let max = decimals_of(currency)?;
        let (integer, decimals) = split(amount).ok_or(MoneyError::NotADecimal)?;
        if integer.len() > MAX_INTEGER_DIGITS {
            return Err(MoneyError::TooLarge);
        }
        if decimals.len() > max as usize {
            return Err(MoneyError::TooManyDecimals { currency: currency.code(), max });
        }
        let amount = Decimal::from_str_exact(amount).map_err(|_| MoneyError::NotADecimal)?;
        Self::from_decimal(amount, currency)
    }

    /// Takes a number from a calculation or the database; it must fit the currency's minor unit without rounding,
    /// trailing zeros aside.
    ///
    /// # Errors
    /// [`MoneyError::TooManyDecimals`], [`MoneyError::TooLarge`], [`MoneyError::UnknownCurrency`].
    pub fn from_decimal(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let max = decimals_of(currency)?;
        let mut amount = amount.normalize();
        if amount.scale() > max {
            return Err(MoneyError::TooManyDecimals { currency: currency.code(), max });
        }
        if amount.abs() >= Decimal::from(10_u64.pow(MAX_INTEGER_DIGITS as u32)) {
            return Err(MoneyError::TooLarge);
        }
        amount.rescale(max);
        Ok(Self { amount, currency })
    }

    /// [`Money::from_decimal`] with the currency as it is stored, an ISO 4217 code.
    ///
    /// # Errors
    /// Those of [`Money::from_decimal`].
    pub fn from_code(amount: Decimal, currency: &str) -> Result<Self, MoneyError> {
        Self::from_decimal(amount, Currency::from_code(currency).ok_or_else(|| unknown(currency))?)
    }

    /// In the major unit; its scale is that of the currency.
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// What the amount counts.
    pub fn currency(&self) -> Currency {
        self.currency
    }
}

fn unknown(currency: &str) -> MoneyError {
    MoneyError::UnknownCurrency { currency: currency.chars().take(10).collect() }
}

fn decimals_of(currency: Currency) -> Result<u32, MoneyError> {
    currency.exponent().map(u32::from).ok_or_else(|| unknown(currency.code()))
}

/// Digits before and after the point; `None` for exponents, a plus, separators, leading zeros, a lone point.
fn split(amount: &str) -> Option<(&str, &str)> {
    let unsigned = amount.strip_prefix('-').unwrap_or(amount);
    let (integer, decimals) = unsigned.split_once('.').map_or((unsigned, None), |(i, d)| (i, Some(d)));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let plain =
        digits(integer) && (integer == "0" || !integer.starts_with('0')) && decimals.is_none_or(digits);
    plain.then_some((integer, decimals.unwrap_or_default()))
}

/// `99.95 CNY`
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency.code())
    }
}

impl TryFrom<MoneyInput> for Money {
    type Error = MoneyError;
    fn try_from(input: MoneyInput) -> Result<Self, MoneyError> {
        Self::new(&input.amount, &input.currency)
    }
}

fn as_text<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(amount)
}

fn as_code<S: Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(currency.code())
}

impl PartialSchema for MoneyInput {
    fn schema() -> RefOr<Schema> {
        Money::schema()
    }
}

impl ToSchema for MoneyInput {
    fn name() -> Cow<'static, str> {
        Money::name()
    }
}

#[cfg(test)]
mod tests {
    use MoneyError::*;
    use proptest::prelude::*;

    use super::*;

    fn shown(amount: &str, currency: &str) -> Result<String, MoneyError> {
        Money::new(amount, currency).map(|money| money.to_string())
    }

    #[test]
    fn canonical_amounts() {
        for (amount, currency, canonical) in [
            ("99.9", "CNY", "99.90 CNY"),
            ("-0.00", "CNY", "0.00 CNY"),
            ("-12", "JPY", "-12 JPY"),
            ("1.234", "KWD", "1.234 KWD"),
            ("999999999999999.9999", "CLF", "999999999999999.9999 CLF"),
        ] {
            assert_eq!(shown(amount, currency).as_deref(), Ok(canonical));
        }
    }

    #[test]
    fn refusals() {
        for bad in ["", "+1", "1e3", "1.", ".5", "01", "-", "1,000.00", "１", " 1", "1_000", "NaN", "--1"] {
            assert_eq!(shown(bad, "CNY"), Err(NotADecimal), "{bad}");
        }
        assert_eq!(shown("1.5", "JPY"), Err(TooManyDecimals { currency: "JPY", max: 0 }));
        assert_eq!(shown("1.000", "CNY"), Err(TooManyDecimals { currency: "CNY", max: 2 }));
        assert_eq!(shown("1000000000000000", "CNY"), Err(TooLarge));
        for code in ["cny", "RMB", "", "XAU", "XXX"] {
            assert_eq!(shown("1", code).unwrap_err().field(), "currency", "{code}");
        }
        let sum = Decimal::from_str_exact("10.0000").unwrap();
        assert_eq!(Money::from_decimal(sum, Currency::CNY).unwrap().to_string(), "10.00 CNY");
        assert!(Money::from_decimal(Decimal::ONE / Decimal::from(3), Currency::CNY).is_err());
    }

    #[test]
    fn wire() {
        let json = r#"{"amount":"99.95","currency":"CNY"}"#;
        let money: Money = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&money).unwrap(), json);
        let surplus = r#"{"amount":"1","currency":"CNY","x":1}"#;
        for bad in [r#"{"amount":99.95,"currency":"CNY"}"#, r#"{"amount":"99.95"}"#, surplus] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
        let schema = serde_json::to_value(Money::schema()).unwrap();
        let amount = &schema["properties"]["amount"];
        assert_eq!(amount["pattern"], r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$");
        assert_eq!((&schema["additionalProperties"], &amount["type"]), (&false.into(), &"string".into()));
        assert_eq!(schema["required"], serde_json::json!(["amount", "currency"]));
        assert_eq!(schema, serde_json::to_value(MoneyInput::schema()).unwrap());
    }

    proptest! {
        #[test]
        fn round_trip(amount in "-?(0|[1-9][0-9]{0,14})\\.[0-9]{2}") {
            let money = Money::new(&amount, "CNY").unwrap();
            let json = serde_json::to_value(money).unwrap();
            prop_assert_eq!(serde_json::from_value::<Money>(json).unwrap(), money);
            prop_assert!(amount == "-0.00" || money.amount().to_string() == amount);
        }

        #[test]
        fn never_panics(amount in "\\PC*", currency in "\\PC*") {
            let _ = Money::new(&amount, &currency);
        }
    }
}
