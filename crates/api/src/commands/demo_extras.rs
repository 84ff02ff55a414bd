//! What the demo company has beside its customers and its work: files, a webhook, and something in the inbox of its administrator.

use fulcrum_domain::platform::notifications::Content;
use fulcrum_persistence::access::tenants::Tenant;
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::paging::PageRequest;
use fulcrum_persistence::platform::webhooks;
use fulcrum_persistence::{Db, Tx};
use uuid::Uuid;

use super::demo::{acting_as, owners};
use super::{demo_file, demo_work, installation};
use crate::auth::keys::Keys;
use crate::http::locale::Locale;
use crate::http::problem::Problem;
use crate::platform::files::views::{DocumentKind, LinkInput};
use crate::platform::files::{FileStore, Upload, create as keep};
use crate::platform::imports::service as imports;
use crate::platform::imports::views::{ImportInput, ImportThen, ImportedObject};
use crate::platform::notifications::{NewNotification, notify};
use crate::platform::webhooks::create as create_webhook;
use crate::platform::webhooks::views::{EventType, WebhookInput};
use crate::subjects::SubjectType;

/// Files: name, kind of document, content.
const FILES: [(&str, &str, &str); 3] = [
    (
        "需求说明.md",
        "requirements_spec",
        "# 需求说明\n\n1. 与现有 ERP 双向同步订单与发货状态。\n2. 现场人员可离线填写拜访记录，联网后自动上传。\n3. 所有价格变动须留痕，可按客户追溯。\n",
    ),
    ("报价单.csv", "quote", "项目,数量,单价（元）\n实施服务,20,2800.00\n年度订阅,1,68000.00\n"),
    (
        "首次拜访纪要.txt",
        "minutes",
        "与会：采购负责人、技术负责人。\n结论：两周内提供试点方案，月底前确认预算。\n",
    ),
];

/// A spreadsheet as sales assistants have them, that is brought in when somebody does the jobs: three of its rows are wrong.
const IMPORT: (&str, &str) = (
    "展会名片.csv",
    "客户名称,统一社会信用代码,行业,联系人,职务,手机,邮箱,来源,客户等级,所在城市\n\
     绍兴古越酿造有限公司,,制造业,沈国强,总经理,13757511001,shen@guyue.example,展会,A,绍兴\n\
     绍兴古越酿造有限公司,,,钱敏,采购主管,１３７５７５１１００２,,,,\n\
     嘉兴南湖新材料股份有限公司,9133,制造业,陆伟,技术总监,13757311001,,展会,B,嘉兴\n\
     湖州太湖包装有限公司,,制造业,姚琴,采购经理,1375721,,展会,B,湖州\n\
     金华双龙电子商务有限公司,,批发和零售业,吴斌,运营总监,13757911001,wu@shuanglong.example,展会,C级,金华\n\
     ,,,朱丽,助理,13757011001,,展会,,衢州\n\
     台州湾模具有限公司,,制造业,林海,,13757611001、0576-88201234,,展会,B,台州\n",
);

/// The name of the webhook, by which it is known that all this is there.
const WEBHOOK: &str = "ERP（示例）";

/// Adds what people do all day to a demo company, files to its first customers, a webhook that is disabled, and an inbox for `admin`.
/// Once.
///
/// # Errors
/// A sentence for a person.
pub fn add(db: &Db, slug: &str, keys: &Keys, store: &FileStore) -> Result<(), String> {
    let tenant = installation::tenant(db, slug)?;
    let system = installation::system_in(&tenant);
    demo_file::add(db, &tenant)?;
    demo_work::add(db, &tenant)?;
    let said = |problem: Problem| problem.to_string();
    let uploads = db.write_now(&system, |tx| planned(tx, &tenant)).map_err(said)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    if let Some(upload) = db.write_now(&system, |tx| planned_import(tx, &tenant)).map_err(said)? {
        let content = IMPORT.1.as_bytes();
        runtime.block_on(store.put(tenant.id, upload.id, content)).map_err(|error| error.to_string())?;
        db.write_now(&system, |tx| {
            tx.actor = acting_as(tx, &tenant, "admin@demo.test")?.0;
            keep(tx, &upload)?;
            let (object_type, then) = (ImportedObject::Customer, Some(ImportThen::Run));
            let input = ImportInput { object_type, file_id: upload.id, template_id: None, then };
            imports::begin(tx, &input, Locale::Zh).map(|_| ())
        })
        .map_err(said)?;
    }
    for (upload, content) in &uploads {
        runtime.block_on(store.put(tenant.id, upload.id, content)).map_err(|error| error.to_string())?;
    }
    if uploads.is_empty() {
        return Ok(());
    }
    db.write_now(&system, |tx| {
        let [(east, _), ..] = owners(tx, &tenant)?;
        tx.actor = east;
        for (upload, _) in &uploads {
            keep(tx, upload)?;
        }
        let admin = acting_as(tx, &tenant, "admin@demo.test")?.0;
        tx.actor = admin.clone();
        let webhook = WebhookInput {
            name: WEBHOOK.into(),
            url: "https://erp.example.com/hooks/fulcrum".into(),
            event_types: vec![EventType("customer.*".into()), EventType("contact.*".into())],
            filter: Some("actor_type != 'api_client'".into()),
            disabled: true,
        };
        create_webhook(tx, keys, webhook, &Ok(()))?;
        tx.actor = installation::system_in(&tenant);
        fill_inbox(tx, admin.user_id().unwrap_or_default())
    })
    .map(|_| ())
    .map_err(said)
}

/// The spreadsheet, unless one was brought in already.
fn planned_import(tx: &mut Tx, tenant: &Tenant) -> Result<Option<Upload>, Problem> {
    tx.actor = installation::system_in(tenant);
    let few = PageRequest { after: None, limit: 1 };
    if !fulcrum_persistence::platform::imports::list(tx, &[], &few)?.is_empty() {
        return Ok(None);
    }
    Upload::of(IMPORT.0, IMPORT.1.as_bytes(), None).map(Some)
}

/// What somebody is told in the demo company.
fn fill_inbox(tx: &mut Tx, user_id: Uuid) -> Result<(), Problem> {
    let whole = PageRequest { after: None, limit: 10_000 };
    let webhook = webhooks::list(tx, &whole)?.into_iter().find(|webhook| webhook.name == WEBHOOK);
    let welcome = Content::AutomationMessage {
        title: "欢迎使用演示公司".into(),
        body: "这里是您的收件箱。示例 Webhook 已停用：启用前请先填写您自己的接收地址。".into(),
    };
    let disabled = Content::WebhookDisabled { name: WEBHOOK.into(), reason: "failing".into() };
    let subject = webhook.map(|webhook| (webhooks::SUBJECT, webhook.id));
    for (key, content, subject) in [("demo/welcome", welcome, None), ("demo/webhook", disabled, subject)] {
        notify(tx, &NewNotification { user_id, content, key: key.into(), subject, customer_id: None })?;
    }
    Ok(())
}

/// The files, for the first customers of the eastern region; none when they are there already, or when there is nobody.
fn planned(tx: &mut Tx, tenant: &Tenant) -> Result<Vec<(Upload, &'static [u8])>, Problem> {
    let whole = PageRequest { after: None, limit: 10_000 };
    if webhooks::list(tx, &whole)?.iter().any(|webhook| webhook.name == WEBHOOK) {
        return Ok(vec![]);
    }
    let [(east, _), ..] = owners(tx, tenant)?;
    tx.actor = east;
    // One more than the limit is read.
    let few = PageRequest { after: None, limit: FILES.len() as i64 - 1 };
    let in_order = customers::Sort::Number { descending: false };
    let customers = customers::list(tx, &customers::Filter::default(), in_order, &few)?;
    let of = |(name, kind, content): (&str, &str, &'static str), customer: Uuid| {
        let link = LinkInput {
            subject_type: SubjectType::Customer,
            subject_id: customer,
            document_kind: Some(DocumentKind(kind.into())),
        };
        Ok((Upload::of(name, content.as_bytes(), Some(link))?, content.as_bytes()))
    };
    FILES.into_iter().zip(&customers).map(|(file, (customer, _))| of(file, customer.id)).collect()
}
