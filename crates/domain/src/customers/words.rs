//! The closed vocabularies of a customer's file.

use crate::words::words;

words!(
    /// What a customer is: a company or a person.
    CustomerKind, "snake_case" {
        /// A company (企业).
        Company,
        /// A person (个人).
        Individual,
    }
);
words!(
    /// Grade of a customer (客户分级).
    Grade, "UPPERCASE" {
        /// Most important.
        A,
        /// Important.
        B,
        /// Ordinary.
        C,
    }
);
words!(
    /// Where the customer stands in its life with the company.
    LifecycleStage, "snake_case" {
        /// 获客
        Acquisition,
        /// 转化
        Conversion,
        /// 留存
        Retention,
        /// 复购
        Repurchase,
        /// 转介绍
        Referral,
    }
);
words!(
    /// Role of a contact in the decision chain (决策链角色).
    DecisionRole, "snake_case" {
        /// Chooses the technology (技术选型者).
        TechnicalEvaluator,
        /// Approves the budget (预算审批者).
        BudgetApprover,
        /// Decides (决策者).
        DecisionMaker,
        /// Works with the product (使用者).
        User,
        /// Has a say (影响者).
        Influencer,
    }
);
words!(
    /// What a telephone number or a mail address is used for.
    ContactLabel, "snake_case" {
        /// Mobile telephone.
        Mobile,
        /// At work.
        Work,
        /// At home.
        Home,
        /// Anything else.
        Other,
    }
);
