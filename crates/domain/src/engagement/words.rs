//! The closed vocabularies of the day's work.

use crate::words::words;

words!(
    /// What somebody did.
    ActivityKind, "snake_case" {
        /// A telephone call (电话).
        Call,
        /// A mail (邮件).
        Mail,
        /// A visit at the customer (拜访).
        Visit,
        /// A meeting (会议).
        Meeting,
        /// Something to remember (备注).
        Note,
    }
);
words!(
    /// From whom it came.
    Direction, "snake_case" {
        /// From the customer (呼入).
        Inbound,
        /// From the company (呼出).
        Outbound,
    }
);
words!(
    /// What came of it.
    ActivityOutcome, "snake_case" {
        /// It went as hoped (达成).
        Successful,
        /// It didn't (未达成).
        Unsuccessful,
        /// Nobody answered or was there (未接通).
        NotReached,
        /// It was put off (改期).
        Postponed,
        /// It didn't take place (取消).
        Cancelled,
    }
);
words!(
    /// What was said that others have to know.
    ActivityItemKind, "snake_case" {
        /// What the customer needs (需求).
        Need,
        /// What the customer holds against it (异议).
        Objection,
        /// What was promised to the customer (承诺).
        Promise,
    }
);
words!(
    /// Who took part.
    ParticipantKind, "snake_case" {
        /// A colleague.
        User,
        /// Somebody at the customer.
        Contact,
        /// Somebody else, by name.
        Other,
    }
);
words!(
    /// How urgent a task is.
    TaskPriority, "snake_case" {
        /// When there is time (低).
        Low,
        /// As most are (普通).
        Normal,
        /// Before others (高).
        High,
        /// Before everything else (紧急).
        Urgent,
    }
);
words!(
    /// What became of a task.
    TaskState, "snake_case" {
        /// To be done (待办).
        Open,
        /// Done (已完成).
        Done,
        /// Not to be done any more (已取消).
        Cancelled,
    }
);
