//! The industry a customer belongs to, by the national classification.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

/// A section (门类) of GB/T 4754-2017, Industrial classification for national economic activities: A agriculture,
/// B mining, C manufacturing, D electricity, heat, gas and water, E construction, F trade, G transport and post,
/// H accommodation and catering, I information technology, J finance, K real estate, L leasing and business services,
/// M research and technical services, N environment and public facilities, O household services and repair,
/// P education, Q health and social work, R culture and sports, S public administration, T international
/// organisations.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    AsRefStr,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
pub enum IndustrySection {
    /// 农、林、牧、渔业
    A,
    /// 采矿业
    B,
    /// 制造业
    C,
    /// 电力、热力、燃气及水生产和供应业
    D,
    /// 建筑业
    E,
    /// 批发和零售业
    F,
    /// 交通运输、仓储和邮政业
    G,
    /// 住宿和餐饮业
    H,
    /// 信息传输、软件和信息技术服务业
    I,
    /// 金融业
    J,
    /// 房地产业
    K,
    /// 租赁和商务服务业
    L,
    /// 科学研究和技术服务业
    M,
    /// 水利、环境和公共设施管理业
    N,
    /// 居民服务、修理和其他服务业
    O,
    /// 教育
    P,
    /// 卫生和社会工作
    Q,
    /// 文化、体育和娱乐业
    R,
    /// 公共管理、社会保障和社会组织
    S,
    /// 国际组织
    T,
}

impl IndustrySection {
    /// The section's letter.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The name in the standard.
    pub fn label_zh(self) -> &'static str {
        match self {
            Self::A => "农、林、牧、渔业",
            Self::B => "采矿业",
            Self::C => "制造业",
            Self::D => "电力、热力、燃气及水生产和供应业",
            Self::E => "建筑业",
            Self::F => "批发和零售业",
            Self::G => "交通运输、仓储和邮政业",
            Self::H => "住宿和餐饮业",
            Self::I => "信息传输、软件和信息技术服务业",
            Self::J => "金融业",
            Self::K => "房地产业",
            Self::L => "租赁和商务服务业",
            Self::M => "科学研究和技术服务业",
            Self::N => "水利、环境和公共设施管理业",
            Self::O => "居民服务、修理和其他服务业",
            Self::P => "教育",
            Self::Q => "卫生和社会工作",
            Self::R => "文化、体育和娱乐业",
            Self::S => "公共管理、社会保障和社会组织",
            Self::T => "国际组织",
        }
    }

    /// An English rendering; the standard names its sections in Chinese only.
    pub fn label_en(self) -> &'static str {
        match self {
            Self::A => "Agriculture, forestry, animal husbandry and fishery",
            Self::B => "Mining",
            Self::C => "Manufacturing",
            Self::D => "Production and supply of electricity, heat, gas and water",
            Self::E => "Construction",
            Self::F => "Wholesale and retail trade",
            Self::G => "Transport, storage and post",
            Self::H => "Accommodation and catering",
            Self::I => "Information transmission, software and information technology services",
            Self::J => "Finance",
            Self::K => "Real estate",
            Self::L => "Leasing and business services",
            Self::M => "Scientific research and technical services",
            Self::N => "Management of water conservancy, environment and public facilities",
            Self::O => "Household services, repair and other services",
            Self::P => "Education",
            Self::Q => "Health and social work",
            Self::R => "Culture, sports and entertainment",
            Self::S => "Public administration, social security and social organisations",
            Self::T => "International organisations",
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn one_letter_everywhere() {
        assert_eq!(IndustrySection::VARIANTS.len(), 20);
        for (section, letter) in IndustrySection::VARIANTS.iter().zip('A'..) {
            assert_eq!(section.as_str(), letter.to_string());
            assert_eq!(section.as_str().parse(), Ok(*section));
            assert_eq!(serde_json::to_value(section).unwrap(), letter.to_string());
        }
        assert!("U".parse::<IndustrySection>().is_err() && "a".parse::<IndustrySection>().is_err());
        assert_eq!(IndustrySection::I.label_zh(), "信息传输、软件和信息技术服务业");
        let schema = serde_json::to_value(IndustrySection::schema()).unwrap();
        assert_eq!(schema["enum"].as_array().map(Vec::len), Some(20));
    }
}
