//! What people at the prompt of a Linux login read, from the file that it is made of.

/// A language of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Tongue {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::English, Self::Japanese];

    /// Its tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// Yes, as it is typed.
    pub fn yes(self) -> &'static str {
        match self {
            Self::English => "yes",
            Self::Japanese => "はい",
        }
    }

    /// No, as it is typed.
    pub fn no(self) -> &'static str {
        match self {
            Self::English => "no",
            Self::Japanese => "いいえ",
        }
    }

    /// The message of this name at a Linux login, up to its first variable.
    #[track_caller]
    pub fn pam(self, name: &str) -> &'static str {
        let text = self.whole(name);
        text.split_once('{').map_or(text, |(before, _)| before)
    }

    /// The same behind its last variable.
    #[track_caller]
    pub fn pam_end(self, name: &str) -> &'static str {
        let text = self.whole(name);
        text.rsplit_once('}').map_or(text, |(_, behind)| behind)
    }

    #[track_caller]
    fn whole(self, name: &str) -> &'static str {
        let file = match self {
            Self::English => include_str!("../../texts/locales/en/pam.ftl"),
            Self::Japanese => include_str!("../../texts/locales/ja/pam.ftl"),
        };
        let found = file.lines().find_map(|line| {
            let (id, text) = line.split_once(" = ")?;
            (id == name).then_some(text)
        });
        found.unwrap_or_else(|| panic!("no text {name} in {self:?}"))
    }
}
