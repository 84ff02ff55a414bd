//! The department tree as materialised paths.

use uuid::Uuid;

/// The ids from the root down to a department, each followed by a slash: `a/b/c/`. A subtree is a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartmentPath(String);

/// Deeper trees are refused: no company has them, and a path has to stay an index key.
const MAX_DEPTH: usize = 12;

impl DepartmentPath {
    /// The path of a department without a parent.
    pub fn root(id: Uuid) -> DepartmentPath {
        DepartmentPath(format!("{}/", id.simple()))
    }

    /// A stored path.
    pub fn from_stored(path: String) -> DepartmentPath {
        DepartmentPath(path)
    }

    /// The path of a department below this one; `None` when the tree would get too deep.
    pub fn child(&self, id: Uuid) -> Option<DepartmentPath> {
        (self.depth() < MAX_DEPTH).then(|| DepartmentPath(format!("{}{}/", self.0, id.simple())))
    }

    /// Number of departments on the path, itself included.
    pub fn depth(&self) -> usize {
        self.0.matches('/').count()
    }

    /// Whether `other` is this department or one below it.
    pub fn contains(&self, other: &DepartmentPath) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The stored form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_contains_itself_and_what_is_below_but_not_its_siblings() {
        let (a, b, c) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let root = DepartmentPath::root(a);
        let left = root.child(b).unwrap();
        let right = root.child(c).unwrap();
        assert!(root.contains(&root) && root.contains(&left) && !left.contains(&root));
        assert!(!left.contains(&right));
    }

    #[test]
    fn a_tree_that_is_too_deep_is_refused() {
        let mut path = DepartmentPath::root(Uuid::from_u128(1));
        for level in 2..=MAX_DEPTH {
            path = path.child(Uuid::from_u128(level as u128)).unwrap();
        }
        assert!(path.child(Uuid::from_u128(99)).is_none());
    }
}
