//! Every code that a program may have to switch on, with its words in both languages.

use actix_web::http::StatusCode;
use strum::{EnumIter, EnumString, IntoStaticStr};

use super::locale::Locale;

macro_rules! problems {
    ($($name:ident $status:literal { $en_title:literal, $en:literal; $zh_title:literal, $zh:literal })+) => {
        /// What is wrong with a request, or with us.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, IntoStaticStr)]
        #[strum(serialize_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum Code { $($name),+ }

        impl Code {
            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                let status = match self { $(Code::$name => $status),+ };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The kind of problem in words.
            pub fn title(self, locale: Locale) -> &'static str {
                match (self, locale) { $((Code::$name, Locale::En) => $en_title, (Code::$name, Locale::Zh) => $zh_title),+ }
            }

            /// What to do about it; `{name}` stands for a parameter.
            pub fn detail(self, locale: Locale) -> &'static str {
                match (self, locale) { $((Code::$name, Locale::En) => $en, (Code::$name, Locale::Zh) => $zh),+ }
            }
        }
    };
}

impl Code {
    /// The stable word on the wire.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

problems! {
    MalformedBody 400 {
        "The body can't be read", "The body is not valid JSON: {reason}";
        "无法读取请求正文", "请求正文不是有效的 JSON：{reason}"
    }
    MalformedForm 400 {
        "The form can't be read", "The body is not a valid multipart/form-data form: {reason}";
        "无法读取表单", "请求正文不是有效的 multipart/form-data 表单：{reason}"
    }
    InvalidParameters 400 {
        "Some parameters are not right", "The parameters named in errors have to be mended.";
        "参数有误", "请修正 errors 中列出的参数。"
    }
    InvalidCursor 400 {
        "The cursor doesn't fit", "The cursor was not made by this list with these filters and this order. Begin with the first page.";
        "游标无效", "该游标不属于此列表、筛选条件或排序。请从第一页重新开始。"
    }
    InvalidHeader 400 {
        "A header can't be read", "The header {header} is not right: {reason}";
        "请求头有误", "请求头 {header} 有误：{reason}"
    }
    InvalidGrant 400 {
        "The grant is not right", "grant_type has to be client_credentials.";
        "授权类型有误", "grant_type 必须为 client_credentials。"
    }
    InvalidScope 400 {
        "The scope is more than the client has", "scope may name permissions of the client, separated by spaces.";
        "授权范围超出", "scope 只能包含该客户端拥有的权限，以空格分隔。"
    }
    InvalidPath 400 {
        "The path can't be read", "The path is not valid UTF-8 after percent-decoding.";
        "路径无法读取", "路径解码后不是有效的 UTF-8。"
    }
    Unauthenticated 401 {
        "Not signed in", "Send a valid access token or API key in the Authorization header.";
        "未登录", "请在 Authorization 请求头中提供有效的访问令牌或 API 密钥。"
    }
    TokenExpired 401 {
        "The access token has expired", "Get a new one with the refresh token, or sign in again.";
        "访问令牌已过期", "请使用刷新令牌换取新令牌，或重新登录。"
    }
    InvalidCredentials 401 {
        "Signing in failed", "Tenant, e-mail address and password don't fit together.";
        "登录失败", "租户、邮箱或密码不正确。"
    }
    InvalidRefreshToken 401 {
        "The session has ended", "The refresh token is not valid any more. Sign in again.";
        "会话已结束", "刷新令牌已失效，请重新登录。"
    }
    InvalidClient 401 {
        "The client is not known", "client_id and client_secret don't fit together.";
        "客户端认证失败", "client_id 与 client_secret 不匹配。"
    }
    PermissionDenied 403 {
        "Not permitted", "This needs the permission {permission}.";
        "没有权限", "此操作需要权限 {permission}。"
    }
    WouldEscalate 403 {
        "More than you have", "Nobody can hand on a permission or a data scope that they don't have: {excess}.";
        "超出自身权限", "不能授予自己没有的权限或数据范围：{excess}。"
    }
    ReadOnly 403 {
        "Yours to see, not to change", "This record belongs to somebody outside of your data scope. Its owner or who leads them can change it.";
        "仅可查看", "该记录属于您数据范围之外的人员，只有其负责人或主管可以修改。"
    }
    NotForClients 403 {
        "Only for people", "API clients have no sessions, no password and no inbox.";
        "仅限用户", "API 客户端没有会话、密码和收件箱。"
    }
    NotFound 404 {
        "Not found", "There is no such record, or it is not yours to see.";
        "未找到", "记录不存在，或您无权查看。"
    }
    NoSuchPath 404 {
        "No such path", "There is nothing at this path. The contract is at /openapi.json.";
        "路径不存在", "此路径不存在。接口文档见 /openapi.json。"
    }
    MethodNotAllowed 405 {
        "Method not allowed", "This path answers to {allow}.";
        "不支持的方法", "此路径支持：{allow}。"
    }
    NotAcceptable 406 {
        "Not acceptable", "The answer can only be given as application/json.";
        "无法提供所需格式", "仅支持 application/json。"
    }
    RequestTimeout 408 {
        "The request took too long to arrive", "Send it again.";
        "请求超时", "请重新发送。"
    }
    AlreadyExists 409 {
        "Already exists", "Another record has this {field}.";
        "已存在", "其他记录已使用相同的 {field}。"
    }
    LikelyDuplicate 409 {
        "It is likely to be there already", "The customers in duplicates are likely to be the same. Use one of them, or leave out on_duplicate=reject.";
        "可能已存在", "duplicates 中的客户很可能是同一客户。请使用其中之一，或不要使用 on_duplicate=reject。"
    }
    NotToBeMerged 409 {
        "These two can't be merged", "Both have to be there, and of the same kind ({reason}).";
        "无法合并", "两个客户都必须存在，且类型相同（{reason}）。"
    }
    HandoverStays 409 {
        "The handover can't be undone", "It can be undone once, within a day after it has finished, by who made it or who sees the whole company ({reason}).";
        "无法撤销交接", "交接完成后一天内，可由发起人或可查看全公司的人员撤销一次（{reason}）。"
    }
    ImportBusy 409 {
        "The import is not in a state for this", "It is {state}: only {allowed} can be done then.";
        "导入当前状态不允许此操作", "当前状态为 {state}：此时只能{allowed}。"
    }
    ImportNotMapped 409 {
        "There is nothing to bring in yet", "Say in settings.columns which column is customer.name; what is proposed stands in analysis.";
        "尚未设置导入列", "请在 settings.columns 中指定 customer.name 对应的列；建议见 analysis。"
    }
    MergedAlready 409 {
        "It is part of another customer", "Undo the merge to bring it back; merged_into names the customer that it is part of.";
        "已合并到其他客户", "请撤销合并以恢复该客户；merged_into 为其所属客户。"
    }
    MergeUndone 409 {
        "The merge can't be undone", "It can be undone once, while the customer that stayed is there ({reason}).";
        "无法撤销合并", "保留的客户仍存在时，可撤销一次（{reason}）。"
    }
    StillRunning 409 {
        "Still running", "The first request with this Idempotency-Key is still running. Try again in a moment.";
        "仍在处理", "使用此 Idempotency-Key 的首个请求仍在处理，请稍后重试。"
    }
    RecordDeleted 409 {
        "The record is deleted", "Restore it first.";
        "记录已删除", "请先恢复该记录。"
    }
    OperationEnded 409 {
        "The operation has ended", "What has {state} can't be stopped any more."; "操作已结束", "状态为 {state} 的操作无法停止。"
    }
    TooMany 409 {
        "There are too many", "There can be {max} of these at most."; "数量过多", "最多只能有 {max} 个。"
    }
    EventNotWanted 409 {
        "The webhook doesn't want this", "Events of the type {event_type} are not among its event_types any more."; "Webhook 未订阅", "该 Webhook 已不再订阅 {event_type} 事件。"
    }
    WebhookDisabled 409 {
        "The webhook is disabled", "Enable it first: nothing is delivered to it."; "Webhook 已停用", "请先启用该 Webhook，停用期间不会投递。"
    }
    InUse 409 {
        "Still in use", "Something still refers to this record: {by}.";
        "仍在使用", "仍有数据引用此记录：{by}。"
    }
    LastAdministrator 409 {
        "The last administrator", "Somebody has to keep the permission to manage users in the whole company.";
        "最后一位管理员", "必须至少保留一位可管理全公司用户的人员。"
    }
    BuiltIn 409 {
        "Comes with the system", "The key of a built-in role can't change, and it can't be deleted.";
        "系统内置", "内置角色不能删除，也不能更改标识。"
    }
    ReferenceGone 409 {
        "A reference leads nowhere", "A record that this one refers to has gone in the meantime.";
        "引用失效", "所引用的记录已不存在。"
    }
    ResyncNeeded 410 {
        "The cursor is of no use any more", "It is older than 30 days, or what you may see has changed since. Ask without a cursor, and read all records again.";
        "游标已失效", "游标已超过 30 天，或您的可见范围已变化。请不带游标重新开始，并重新读取全部记录。"
    }
    VersionMismatch 412 {
        "The record has changed", "You have version {expected}, the record is at {current_version}. Fetch it, look at what changed, and try again.";
        "记录已被修改", "您的版本为 {expected}，当前版本为 {current_version}。请重新获取后再试。"
    }
    NothingToMatch 412 {
        "There is no such record", "If-Match expects a record, and there is none with this id.";
        "没有匹配的记录", "If-Match 要求记录存在，但没有此标识的记录。"
    }
    ExistsAlready 412 {
        "It exists already", "If-None-Match: * means create only, and the record exists.";
        "记录已存在", "If-None-Match: * 表示仅创建，但记录已存在。"
    }
    TooLarge 413 {
        "The body is too large", "A body may have {limit} bytes at most.";
        "请求正文过大", "请求正文最多 {limit} 字节。"
    }
    UriTooLong 414 {
        "The address is too long", "Use the body of a POST for long filters.";
        "地址过长", "请使用 POST 正文传递较长的筛选条件。"
    }
    UnsupportedMediaType 415 {
        "Not this content type", "Send the body as {expected}.";
        "不支持的内容类型", "请以 {expected} 发送正文。"
    }
    RangeNotSatisfiable 416 {
        "There is no such part", "The file has {size} bytes."; "请求的范围无效", "该文件共 {size} 字节。"
    }
    ValidationFailed 422 {
        "Some fields are not right", "The fields named in errors have to be mended.";
        "字段有误", "请修正 errors 中列出的字段。"
    }
    IdempotencyKeyReused 422 {
        "The Idempotency-Key was used for something else", "Use a new key for a request with other content.";
        "Idempotency-Key 重复使用", "内容不同的请求请使用新的键。"
    }
    JobState 409 {
        "The job is in another state", "The job is {state}: only dead and discarded jobs are tried again, only waiting and dead ones are given up.";
        "任务状态不符", "任务当前状态为 {state}：只有 dead 或 discarded 的任务可以重试，只有 waiting 或 dead 的任务可以放弃。"
    }
    NotApplied 424 {
        "Not done", "Another item of the batch failed, and the batch is all or nothing.";
        "未执行", "批次中的其他项失败，且该批次要求全部成功。"
    }
    RateLimited 429 {
        "Too many requests", "Try again in {seconds} seconds.";
        "请求过多", "请在 {seconds} 秒后重试。"
    }
    TooManyFailures 429 {
        "Too many failed sign-ins", "Try again in {seconds} seconds.";
        "登录失败次数过多", "请在 {seconds} 秒后重试。"
    }
    Internal 500 {
        "Something went wrong", "This is our mistake. Name the request_id when you ask for help.";
        "系统错误", "这是我们的错误。求助时请提供 request_id。"
    }
    Overloaded 503 {
        "Busy", "Too many requests are waiting. Try again in a moment.";
        "系统繁忙", "等待的请求过多，请稍后重试。"
    }
    FileContentLost 500 {
        "The content of the file is lost", "It is not in the file store any more. The operator has to bring it back from a backup."; "文件内容已丢失", "文件存储中已没有该内容，请管理员从备份恢复。"
    }
    FileStoreUnavailable 503 {
        "The file store can't be reached", "Try again in a moment."; "文件存储暂不可用", "请稍后重试。"
    }
    DatabaseUnavailable 503 {
        "The database is not available", "Try again in a moment; nothing was changed unless an Idempotency-Key tells otherwise.";
        "数据库不可用", "请稍后重试；可用 Idempotency-Key 确认写入是否生效。"
    }
    WorkerSilent 503 {
        "The worker is silent", "The part of this process that does jobs has given no sign of life for a while.";
        "后台任务无响应", "此进程的后台任务已有一段时间没有响应。"
    }
}

macro_rules! field_codes {
    ($($name:ident { $en:literal; $zh:literal })+) => {
        /// What is wrong with a field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
        #[strum(serialize_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum FieldCode { $($name),+ }

        impl FieldCode {
            /// What is wrong, in words; `{name}` stands for a parameter.
            pub fn detail(self, locale: Locale) -> &'static str {
                match (self, locale) { $((FieldCode::$name, Locale::En) => $en, (FieldCode::$name, Locale::Zh) => $zh),+ }
            }
        }
    };
}

impl FieldCode {
    /// The stable word on the wire.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

field_codes! {
    Required { "This has to be given."; "必填。" }
    UnknownField { "There is no such field."; "没有此字段。" }
    UnknownParameter { "There is no such parameter."; "没有此参数。" }
    Repeated { "This can be given only once."; "只能提供一次。" }
    Type { "This has to be {expected}."; "类型必须为 {expected}。" }
    TooLong { "At most {max} characters."; "最多 {max} 个字符。" }
    TooShort { "At least {min} characters."; "至少 {min} 个字符。" }
    TooManyItems { "At most {max} items."; "最多 {max} 项。" }
    TooFewItems { "At least {min} items."; "至少 {min} 项。" }
    Duplicate { "Two items are the same."; "存在重复项。" }
    TooLarge { "At most {max}."; "最大为 {max}。" }
    TooSmall { "At least {min}."; "最小为 {min}。" }
    NotAllowed { "One of: {allowed}."; "可选值：{allowed}。" }
    Pattern { "This has to match {pattern}."; "格式须符合 {pattern}。" }
    Format { "This is not a valid {format}."; "不是有效的 {format}。" }
    Invalid { "This is not right."; "不正确。" }
    Blank { "There is nothing in this."; "内容为空白。" }
    NulCharacter { "A NUL character can't be stored."; "不能包含 NUL 字符。" }
    NotFound { "There is no such record, or it is not yours to see."; "记录不存在，或您无权查看。" }
    Disabled { "This person's account is disabled."; "该用户已停用。" }
    CreditCodeLength { "A unified social credit code has {expected} characters (GB 32100-2015), not {actual}."; "统一社会信用代码应为 {expected} 位（GB 32100-2015），实际为 {actual} 位。" }
    CreditCodeCharacter { "The character {character} at position {position} doesn't occur in a unified social credit code."; "第 {position} 位的 {character} 不是有效字符。" }
    CreditCodeCheckDigit { "The check character doesn't fit; it would have to be {expected}."; "校验码不符，应为 {expected}。" }
    OnlyForCompanies { "Only companies have this."; "仅适用于企业客户。" }
    OnlyForIndividuals { "Only individuals have this."; "仅适用于个人客户。" }
    PhoneNotANumber { "This is not a telephone number."; "不是电话号码。" }
    PhoneInvalid { "There is no such number in the numbering plan; a foreign one needs its country code."; "号码不存在；境外号码请加国家代码。" }
    ExtensionNotSupported { "Extensions are not stored: leave it out."; "不支持分机号，请去掉。" }
    UnknownRegion { "There is no region {region}."; "没有地区 {region}。" }
    EmailInvalid { "This is not a mail address."; "不是有效的邮箱地址。" }
    EmailTooLong { "A mail address has at most {max} characters."; "邮箱地址最多 {max} 个字符。" }
    WebsiteInvalid { "This is not a web address."; "不是有效的网址。" }
    WebsiteScheme { "Only http and https."; "仅支持 http 和 https。" }
    WebsiteCredentials { "A web address can't hold a user name or password."; "网址中不能包含用户名或密码。" }
    WebsiteHost { "The host has to be a full name such as www.example.com."; "主机名须完整，如 www.example.com。" }
    WebsiteTooLong { "A web address has at most {max} characters."; "网址最多 {max} 个字符。" }
    AmountNotDecimal { "An amount is a decimal number such as 99.95."; "金额应为十进制数，如 99.95。" }
    AmountTooManyDecimals { "{currency} has {max} decimals at most."; "{currency} 最多 {max} 位小数。" }
    AmountTooLarge { "At most {max} digits before the point."; "小数点前最多 {max} 位。" }
    UnknownCurrency { "{currency} is not an ISO 4217 currency."; "{currency} 不是 ISO 4217 货币代码。" }
    FileNameMissing { "A file has to come with its name."; "文件须带有文件名。" }
    FileEmpty { "There is nothing in this file."; "文件为空。" }
    FileTypeNotTaken { "Files that end in {ending} are not taken here."; "不接受以 {ending} 结尾的文件。" }
    FileTypeLies { "By its name it is {said}, but it is declared as, or looks like, {found}."; "按文件名应为 {said}，但其声明或内容为 {found}。" }
    UrlInvalid { "This is not an address that can be called: it needs a host and no fragment."; "不是可调用的地址：须有主机名，且不含片段。" }
    UrlNotEncrypted { "Only https; http is for networks that the installation allows."; "仅支持 https；http 仅限系统允许的内网。" }
    AddressNotAllowed { "{address} is not on the public internet, or http is used where only https is allowed. The operator can allow networks (--webhook-networks)."; "{address} 不是公网地址，或在仅允许 https 处使用了 http。管理员可通过 --webhook-networks 允许内网。" }
    Condition { "Line {line}, column {column}: {reason}."; "第 {line} 行第 {column} 列：{reason}。" }
    Template { "This text can't be put together: {reason}"; "无法生成该文本：{reason}" }
    NotForType { "This doesn't go with the type {type}."; "不适用于类型 {type}。" }
    OneKindOfRecord { "The trigger has to be about records of one kind, one of: {allowed}."; "触发条件必须只涉及一种记录：{allowed}。" }
    RangeTooLong { "At most {days} days after from."; "距 from 最多 {days} 天。" }
    BeforeFrom { "This lies before from."; "早于 from。" }
    Schedule { "This is no schedule: {reason}"; "不是有效的计划：{reason}" }
    TimeZoneUnknown { "This is not an IANA time zone."; "不是 IANA 时区。" }
    InThePast { "This has to be in the future."; "必须是将来的时间。" }
    InTheFuture { "This can't be in the future."; "不能是将来的日期。" }
    TooDeep { "The department tree can't be deeper than 12."; "部门层级不能超过 12 级。" }
    Circle { "A department can't stand below itself."; "部门不能位于自身之下。" }
    WrongPassword { "This is not your current password."; "当前密码不正确。" }
    WeakPassword { "This password is too easy to guess."; "密码过于简单。" }
    FieldArchived { "This field is archived: its value can stay or be cleared, not changed."; "该字段已归档：其值可以保留或清除，不能修改。" }
    ChoiceGone { "Records may have {value}: archive the choice instead of leaving it out."; "可能已有记录使用 {value}：请归档该选项，而不是删除。" }
    TooManyDecimals { "At most {max} digits behind the point."; "小数点后最多 {max} 位。" }
    ByMerging { "Merging makes a pair `merged`, and undoing that opens it again."; "只有合并才会变为 merged，撤销合并后会重新打开。" }
    NotChangeable { "This can't change after creation."; "创建后不能更改。" }
    ScopeNeedsPerson { "A program owns no records: choose department, subtree or tenant."; "程序不拥有记录：请选择 department、subtree 或 tenant。" }
    RelevanceNeedsSearch { "Ordering by relevance needs q."; "按相关度排序需要提供 q。" }
    NotASpreadsheet { "Files that end in {ending} can't be brought in: save it as .xlsx or .csv."; "无法导入以 {ending} 结尾的文件：请另存为 .xlsx 或 .csv。" }
    SpreadsheetDamaged { "The file can't be read: open it in a spreadsheet program and save it anew as .xlsx or .csv."; "文件无法读取：请用表格软件打开后重新另存为 .xlsx 或 .csv。" }
    SpreadsheetTooLarge { "Unpacked, the file would be larger than spreadsheets are: save it as .csv."; "文件解压后过大：请另存为 .csv。" }
    SpreadsheetTooManyRows { "At most {max} rows can be brought in at once: divide the file."; "一次最多导入 {max} 行：请拆分文件。" }
    SpreadsheetEmpty { "There is no row with anything in it below the headers."; "表头下没有任何数据。" }
    EncodingUnknown { "There is no encoding {encoding}."; "没有编码 {encoding}。" }
    SheetUnknown { "There is no such sheet; there are: {sheets}."; "没有此工作表；现有：{sheets}。" }
    ColumnUnknown { "There is no such column: the sheet has {columns}."; "没有此列：表中共 {columns} 列。" }
    CellFailed { "The formula of this cell came to nothing: {text}."; "该单元格的公式计算出错：{text}。" }
    NotYesOrNo { "This is neither yes nor no (是, 否)."; "应为“是”或“否”。" }
    NotANumber { "This is not a number."; "不是数字。" }
    NotADay { "This is not a day; write it as 2026-03-05."; "不是有效的日期；请写为 2026-03-05。" }
    NameOfSeveral { "Several people have this name: write the mail address."; "有多人同名：请填写邮箱。" }
    TakenBy { "{number} has this already."; "{number} 已使用此值。" }
    Taken { "Another record has this already, or an earlier row."; "其他记录或前面的行已使用此值。" }
    PermissionNeeded { "This takes the permission {permission}."; "需要权限 {permission}。" }
    RecordRefused { "The record can't be like this: {reason}"; "记录不符合要求：{reason}" }
    NothingToSearch { "There is no letter and no digit in this."; "没有可搜索的文字或数字。" }
}
