//! Which groups: names with `*` and `?`, as in a shell.

/// A pattern that a group's name may fit. Case matters, as it does in Unix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<char>);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Goes back to the last `*` alone, so the work is at most the product of both lengths.
    pub(super) fn fits(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut in_name) = (0, 0);
        // Where the last `*` stands, and how much of the name it has taken.
        let mut star: Option<(usize, usize)> = None;
        while in_name < name.len() {
            match self.0.get(at) {
                Some('*') => {
                    star = Some((at, in_name));
                    at += 1;
                }
                Some(&wanted) if wanted == '?' || wanted == name[in_name] => {
                    at += 1;
                    in_name += 1;
                }
                _ => match &mut star {
                    Some((star_at, taken)) => {
                        *taken += 1;
                        (at, in_name) = (*star_at + 1, *taken);
                    }
                    None => return false,
                },
            }
        }
        self.0[at..].iter().all(|&rest| rest == '*')
    }
}
