//! stub
#![allow(missing_docs)]
pub enum TermClass { Start, Inside, PinyinStart, PinyinInside }
pub struct Term { pub class: TermClass, pub text: String }
pub fn fold(s: &str) -> String { s.into() }
pub fn query_tokens(_q: &str) -> Vec<String> { vec![] }
pub fn name_terms(_n: &str) -> Vec<Term> { vec![] }
pub fn phone_terms(_n: &str) -> Vec<String> { vec![] }
pub fn email_terms(_n: &str) -> Vec<String> { vec![] }
pub fn code_terms(_n: &str) -> Vec<String> { vec![] }
pub fn prefix_upper_bound(p: &str) -> String { p.into() }
