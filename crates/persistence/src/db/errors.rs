//! Database errors, sorted once by what a caller can do about them.

use diesel::result::{DatabaseErrorKind, Error};

/// What can go wrong behind the door.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// No such row, or none that the actor may see.
    #[error("not found")]
    NotFound,
    /// A unique key is taken.
    #[error("the unique key {constraint} is taken")]
    Unique {
        /// Name of the index or constraint.
        constraint: String,
    },
    /// A reference leads nowhere, or something still refers to this row.
    #[error("the reference {constraint} does not hold")]
    ForeignKey {
        /// Name of the constraint.
        constraint: String,
    },
    /// Two transactions got in each other's way; the same work can be tried again.
    #[error("the transaction lost against another one")]
    Conflict,
    /// A statement or a lock took longer than allowed.
    #[error("the database took too long")]
    Timeout,
    /// It was not this request's turn in time.
    #[error("too many requests are waiting for the database")]
    Overloaded,
    /// No connection could be had in time: the database is away.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// The connection was lost.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A mistake of ours.
    #[error("database error: {0}")]
    Internal(String),
}

/// What libpq and the server say when a connection ends; diesel passes most of them on as text.
const CONNECTION_IS_GONE: [&str; 10] = [
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "connection not open",
    "could not receive data",
    "could not send data",
    "SSL connection has been closed",
    "the database system is",
    "Connection refused",
    "connection to server",
];

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound => StoreError::NotFound,
            Error::DatabaseError(kind, info) => {
                let constraint = || info.constraint_name().unwrap_or_default().to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation => StoreError::Unique { constraint: constraint() },
                    DatabaseErrorKind::ForeignKeyViolation => {
                        StoreError::ForeignKey { constraint: constraint() }
                    }
                    // A standby that hasn't been promoted yet, or a primary that no longer is one.
                    DatabaseErrorKind::ReadOnlyTransaction => StoreError::Unavailable(text),
                    DatabaseErrorKind::SerializationFailure => StoreError::Conflict,
                    DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                        StoreError::Unavailable(text)
                    }
                    _ if text.contains("deadlock detected") => StoreError::Conflict,
                    _ if text.contains("timeout") && text.starts_with("canceling statement") => {
                        StoreError::Timeout
                    }
                    _ if CONNECTION_IS_GONE.iter().any(|gone| text.contains(gone)) => {
                        StoreError::Unavailable(text)
                    }
                    _ => StoreError::Internal(text),
                }
            }
            Error::BrokenTransactionManager => StoreError::Unavailable(text),
            _ => StoreError::Internal(text),
        }
    }
}
