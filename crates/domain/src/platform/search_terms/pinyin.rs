//! Names as they are typed without a Chinese keyboard.

use ::pinyin::ToPinyin;

/// Most readings of one name.
const MAX_READINGS: usize = 8;

/// Second readings that names of people, places and companies use. The dictionary's own lists would not do: they
/// hold classical readings too, by which 信息技术有限公司 alone has six ambiguous characters, and the product of
/// those drives the real ones out. The first reading is always the dictionary's first.
pub(super) const SECOND_READINGS: &str = "\
    阿e 埔bu 堡pu 泊bo 柏bo 薄bo 蚌beng 参shen 藏zang 曾zeng 查zha 长chang 朝zhao 乘sheng 晟sheng 盛cheng \
    重chong 种chong 仇qiu 畜xu 传zhuan 褚zhu 单shan 弹tan 调tiao 都du 度duo 番pan 盖ge 给ji 莞wan 行hang \
    巷hang 浒xu 会kuai 贾gu 降xiang 将qiang 角jue 校jiao 解xie 卡qia 靓liang 乐yue 勒le 六lu 露lou 娜nuo \
    粘nian 屏bing 朴piao 茜xi 覃qin 区ou 圈juan 券xuan 厦xia 召shao 省xing 宿xiu 提di 拓ta 尉yu 系ji 血xie \
    轧zha 翟zhai 员yun 伽qie 桔jie 秘bi 澄deng 漯ta";

/// One way to read a whole name; what is not Chinese stays as it is.
pub(super) struct Reading {
    /// One character for each of the name.
    pub(super) initials: Vec<char>,
    /// Spelled out without tones, ü as v, the way it is typed.
    pub(super) spelling: Vec<char>,
}

/// Whether the character has a pinyin.
pub(super) fn is_han(c: char) -> bool {
    c.to_pinyin().is_some()
}

/// The ways to read a folded name, none if nothing in it is Chinese. With more than eight, those that are nearest to
/// the usual reading.
pub(super) fn readings(name: &[char]) -> Vec<Reading> {
    if !name.iter().any(|c| is_han(*c)) {
        return Vec::new();
    }
    let ambiguous: Vec<usize> = (0..name.len()).filter(|at| second(name[*at]).is_some()).take(7).collect();
    let mut choices: Vec<u32> = (0..1 << ambiguous.len()).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    choices.truncate(MAX_READINGS);
    let read = |choice: u32| {
        let is_second =
            |at: usize| ambiguous.iter().position(|p| *p == at).is_some_and(|bit| choice >> bit & 1 == 1);
        let syllables = name.iter().enumerate().map(|(at, c)| syllable(*c, is_second(at)));
        let (mut initials, mut spelling) = (Vec::new(), Vec::new());
        for syllable in syllables {
            initials.extend(syllable.chars().next());
            spelling.extend(syllable.chars());
        }
        Reading { initials, spelling }
    };
    choices.into_iter().map(read).collect()
}

fn second(c: char) -> Option<&'static str> {
    SECOND_READINGS.split(' ').find_map(|entry| entry.strip_prefix(c))
}

pub(super) fn syllable(c: char, is_second: bool) -> String {
    match (c.to_pinyin(), second(c)) {
        (Some(_), Some(reading)) if is_second => reading.to_owned(),
        (Some(reading), _) => reading.plain().replace('ü', "v").replace('ê', "e"),
        (None, _) => c.to_string(),
    }
}
