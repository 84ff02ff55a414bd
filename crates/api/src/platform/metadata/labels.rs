//! What people call the fields of records and the words of vocabularies, for forms, spreadsheets and files.

use fulcrum_domain::values::IndustrySection;

use crate::http::locale::Locale;

/// Name, in English, in Chinese.
type Labels = [(&'static str, &'static str, &'static str)];

const CUSTOMER: &Labels = &[
    ("number", "Number", "客户编号"),
    ("kind", "Kind", "客户类型"),
    ("name", "Name", "客户名称"),
    ("credit_code", "Unified social credit code", "统一社会信用代码"),
    ("phone", "Telephone", "电话"),
    ("email", "E-mail", "邮箱"),
    ("website", "Website", "网址"),
    ("grade", "Grade", "客户等级"),
    ("vip", "VIP", "VIP"),
    ("lifecycle_stage", "Lifecycle stage", "生命周期阶段"),
    ("industry", "Industry", "行业"),
    ("industry_detail", "Industry in detail", "细分行业"),
    ("staff_count", "Employees", "员工人数"),
    ("annual_revenue", "Annual revenue", "年营业额"),
    ("source", "Source", "来源"),
    ("pain_points", "Pain points", "需求痛点"),
    ("tags", "Tags", "标签"),
    ("address", "Address", "地址"),
    ("born_on", "Birthday", "生日"),
    ("notes", "Notes", "备注"),
    ("external_ids", "Ids in other systems", "外部编号"),
    ("custom", "Own fields", "自定义字段"),
    ("owner_id", "Owner", "负责人"),
];

const CONTACT: &Labels = &[
    ("customer_id", "Customer", "所属客户"),
    ("name", "Name", "联系人"),
    ("title", "Title", "职务"),
    ("phones", "Telephone numbers", "联系电话"),
    ("emails", "E-mail addresses", "联系邮箱"),
    ("decision_role", "Role in the decision", "决策链角色"),
    ("is_primary", "Primary contact", "主要联系人"),
    ("born_on", "Birthday", "生日"),
    ("notes", "Notes", "备注"),
    ("external_ids", "Ids in other systems", "外部编号"),
    ("custom", "Own fields", "自定义字段"),
];

const ACTIVITY: &Labels = &[
    ("kind", "Kind", "类型"),
    ("subject", "Subject", "主题"),
    ("body", "What was said", "内容"),
    ("started_at", "Began at", "开始时间"),
    ("duration_seconds", "Duration in seconds", "时长（秒）"),
    ("direction", "Direction", "方向"),
    ("outcome", "Outcome", "结果"),
    ("owner_id", "Owner", "负责人"),
    ("links", "Records", "关联记录"),
    ("items", "Needs, objections and promises", "需求、异议与承诺"),
    ("participants", "Participants", "参与人"),
    ("external_ids", "Ids in other systems", "外部编号"),
];

const TASK: &Labels = &[
    ("title", "Title", "标题"),
    ("description", "Description", "说明"),
    ("state", "State", "状态"),
    ("priority", "Priority", "优先级"),
    ("assignee_id", "Assignee", "执行人"),
    ("due_at", "Due", "截止时间"),
    ("time_zone", "Time zone", "时区"),
    ("recurrence", "Comes again", "重复规则"),
    ("reminders", "Reminders", "提醒"),
    ("escalate_after_minutes", "Escalated after minutes", "逾期上报（分钟）"),
    ("checklist", "Checklist", "检查项"),
    ("subject_type", "Kind of record", "关联类型"),
    ("subject_id", "Record", "关联记录"),
    ("external_ids", "Ids in other systems", "外部编号"),
];

/// The labels of a kind of record.
pub fn of_object(object: &str) -> &'static Labels {
    match object {
        "customer" => CUSTOMER,
        "contact" => CONTACT,
        "activity" => ACTIVITY,
        "task" => TASK,
        _ => &[],
    }
}

const WORDS: &[(&str, &Labels)] = &[
    ("CustomerKind", &[("company", "Company", "企业"), ("individual", "Individual", "个人")]),
    ("Grade", &[("A", "A", "A 级"), ("B", "B", "B 级"), ("C", "C", "C 级")]),
    (
        "LifecycleStage",
        &[
            ("acquisition", "Acquisition", "获客"),
            ("conversion", "Conversion", "转化"),
            ("retention", "Retention", "留存"),
            ("repurchase", "Repurchase", "复购"),
            ("referral", "Referral", "转介绍"),
        ],
    ),
    (
        "DecisionRole",
        &[
            ("technical_evaluator", "Technical evaluator", "技术选型者"),
            ("budget_approver", "Budget approver", "预算审批者"),
            ("decision_maker", "Decision maker", "决策者"),
            ("user", "User", "使用者"),
            ("influencer", "Influencer", "影响者"),
        ],
    ),
    (
        "ContactLabel",
        &[
            ("mobile", "Mobile", "手机"),
            ("work", "Work", "工作"),
            ("home", "Home", "家庭"),
            ("other", "Other", "其他"),
        ],
    ),
    (
        "ActivityKind",
        &[
            ("call", "Call", "电话"),
            ("mail", "Mail", "邮件"),
            ("visit", "Visit", "拜访"),
            ("meeting", "Meeting", "会议"),
            ("note", "Note", "记录"),
        ],
    ),
    (
        "ActivityOutcome",
        &[
            ("successful", "Successful", "成功"),
            ("unsuccessful", "Unsuccessful", "未成功"),
            ("not_reached", "Not reached", "未联系上"),
            ("postponed", "Postponed", "改期"),
            ("cancelled", "Cancelled", "取消"),
        ],
    ),
    (
        "ActivityItemKind",
        &[("need", "Need", "需求"), ("objection", "Objection", "异议"), ("promise", "Promise", "承诺")],
    ),
    ("Direction", &[("inbound", "Inbound", "呼入"), ("outbound", "Outbound", "呼出")]),
    (
        "ParticipantKind",
        &[
            ("user", "Colleague", "同事"),
            ("contact", "Contact", "联系人"),
            ("other", "Somebody else", "其他人"),
        ],
    ),
    (
        "TaskPriority",
        &[
            ("low", "Low", "低"),
            ("normal", "Normal", "普通"),
            ("high", "High", "高"),
            ("urgent", "Urgent", "紧急"),
        ],
    ),
    (
        "TaskState",
        &[("open", "Open", "未完成"), ("done", "Done", "已完成"), ("cancelled", "Cancelled", "已取消")],
    ),
    ("SubjectType", &[("customer", "Customer", "客户"), ("contact", "Contact", "联系人")]),
];

/// What people call a word of a vocabulary, where it has a name of its own.
pub fn of_word(vocabulary: &str, word: &str, locale: Locale) -> Option<&'static str> {
    if vocabulary == "IndustrySection" {
        let section: IndustrySection = word.parse().ok()?;
        return Some(match locale {
            Locale::Zh => section.label_zh(),
            Locale::En => section.label_en(),
        });
    }
    let (_, words) = WORDS.iter().find(|(name, _)| *name == vocabulary)?;
    in_language(words, word, locale)
}

/// What people call a field.
pub fn of_field(object: &str, name: &str, locale: Locale) -> Option<&'static str> {
    in_language(of_object(object), name, locale)
}

fn in_language(labels: &'static Labels, name: &str, locale: Locale) -> Option<&'static str> {
    let (_, en, zh) = labels.iter().find(|(known, ..)| *known == name)?;
    Some(match locale {
        Locale::En => en,
        Locale::Zh => zh,
    })
}
