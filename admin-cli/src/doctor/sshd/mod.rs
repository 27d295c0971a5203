//! sshd: does every login go through PAM, and can a code be typed?

mod config;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::{Command, Stdio};

use super::finding::{Finding, Found, Kind, Place, quoted};
use super::tree::Tree;
use config::{Config, FILE, Section};

/// Where distributions have it; a path of the caller is not trusted.
const PROGRAMS: [&str; 2] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
/// Where a setting goes that is to come before all others.
const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-sekisho.conf";

/// What sshd says.
#[derive(Debug)]
pub(crate) struct Sshd {
    config: Config,
}

/// Finds out what sshd goes by; `None` if there is none here.
pub(crate) fn read(tree: &Tree, found: &mut Found) -> Option<Sshd> {
    let mut config = match Config::read(tree) {
        Ok(config) => config?,
        Err(error) => {
            found.unseen(
                "file",
                format!("{}: {error}", tree.shown(Path::new(FILE)).display()),
            );
            return None;
        }
    };
    if tree.is_live() {
        match printed() {
            Ok(printed) => config.take(&printed),
            Err(error) => found.unseen("sshd", error),
        }
    }
    Some(Sshd { config })
}

/// What `sshd -T` prints: it knows its own defaults, and needs root for its keys.
fn printed() -> Result<String, String> {
    let program = PROGRAMS.into_iter().find(|path| Path::new(path).exists());
    let program = program.ok_or("sshd")?;
    let done = Command::new(program)
        .arg("-T")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr);
        return Err(text.lines().next().unwrap_or("sshd -T").to_owned());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

impl Sshd {
    /// The PAM service that it asks.
    pub(crate) fn service(&self) -> String {
        let value = self.config.global.own("pamservicename");
        value.map_or("sshd".to_owned(), |value| value.text.clone())
    }

    /// Whether nobody gets in who has not shown a key as well.
    pub(crate) fn wants_keys(&self) -> bool {
        let global = Logins::of(&self.config, None);
        let matches = self.config.matches.iter();
        let all = matches.map(|section| Logins::of(&self.config, Some(section)));
        all.chain([global]).all(|logins| logins.wants_keys())
    }

    /// `asks`: whether its PAM service asks for a code at all.
    pub(crate) fn look(&self, tree: &Tree, asks: bool, found: &mut Found) {
        if !asks {
            return;
        }
        let mut look = Look { tree, found };
        look.logins(&Logins::of(&self.config, None));
        for section in &self.config.matches {
            look.logins(&Logins::of(&self.config, Some(section)));
        }
    }
}

/// What holds for some logins.
struct Logins<'a> {
    config: &'a Config,
    /// The `Match` that they fit.
    section: Option<&'a Section>,
}

impl<'a> Logins<'a> {
    fn of(config: &'a Config, section: Option<&'a Section>) -> Self {
        Self { config, section }
    }

    fn value(&self, keyword: &str, default: &'a str) -> (&'a str, Option<&'a Place>) {
        let section = self.section.and_then(|section| section.own(keyword));
        match section.or_else(|| self.config.global.own(keyword)) {
            Some(value) => (&value.text, value.place.as_ref()),
            None => (default, None),
        }
    }

    fn is_on(&self, keyword: &str, default: &'a str) -> bool {
        self.value(keyword, default).0.eq_ignore_ascii_case("yes")
    }

    /// Whether a `Match` says something of this itself; what it takes from all logins is told there.
    fn is_said(&self, keyword: &str) -> bool {
        self.section
            .is_none_or(|section| section.own(keyword).is_some())
    }

    /// The lists of `AuthenticationMethods`; none for `any`.
    fn methods(&self) -> Vec<Vec<&'a str>> {
        let (text, _) = self.value("authenticationmethods", "any");
        let lists = text.split_whitespace().filter(|list| *list != "any");
        lists.map(|list| list.split(',').collect()).collect()
    }

    fn wants_keys(&self) -> bool {
        let methods = self.methods();
        let keys = |method: &&str| method.split(':').next() == Some("publickey");
        !methods.is_empty() && methods.iter().all(|list| list.iter().any(keys))
    }

    /// Methods that are on and never come to PAM's prompts.
    fn without_pam(&self) -> Vec<&'static str> {
        let all = [
            ("pubkeyauthentication", "yes", "publickey"),
            ("gssapiauthentication", "no", "gssapi-with-mic"),
            ("hostbasedauthentication", "no", "hostbased"),
        ];
        let on = all
            .into_iter()
            .filter(|(keyword, default, _)| self.is_on(keyword, default));
        on.map(|(_, _, name)| name).collect()
    }
}

struct Look<'a> {
    tree: &'a Tree,
    found: &'a mut Found,
}

impl Look<'_> {
    fn logins(&mut self, logins: &Logins<'_>) {
        if logins.is_said("usepam") && !logins.is_on("usepam", "no") {
            self.add(logins, Kind::SshdNoPam, "usepam", "no", "UsePAM yes");
        }
        let keyboard = "kbdinteractiveauthentication";
        if logins.is_said(keyboard) && !logins.is_on(keyboard, "yes") {
            let line = "KbdInteractiveAuthentication yes";
            self.add(logins, Kind::SshdKeyboardInteractive, keyboard, "yes", line);
        }
        self.methods(logins);
        let password = "passwordauthentication";
        if logins.is_said(password) && logins.is_on(password, "yes") && self.offers_password(logins)
        {
            let line = "PasswordAuthentication no";
            self.add(logins, Kind::SshdPasswordMethod, password, "yes", line);
        }
        let root = "permitrootlogin";
        let (text, _) = logins.value(root, "prohibit-password");
        if logins.is_said(root) && text.eq_ignore_ascii_case("yes") {
            let line = "PermitRootLogin prohibit-password";
            self.add(logins, Kind::SshdRootLogin, root, "yes", line);
        }
    }

    fn offers_password(&self, logins: &Logins<'_>) -> bool {
        let methods = logins.methods();
        methods.is_empty() || methods.iter().flatten().any(|method| *method == "password")
    }

    /// Is there a way in that does not come to PAM's prompts?
    fn methods(&mut self, logins: &Logins<'_>) {
        let keyword = "authenticationmethods";
        let methods = logins.methods();
        let line = "AuthenticationMethods keyboard-interactive";
        if !methods.is_empty() {
            let asks = |list: &[&str]| {
                let mut methods = list.iter().filter_map(|method| method.split(':').next());
                // The password method asks PAM too, and gives the password for the code.
                methods.any(|method| ["keyboard-interactive", "password"].contains(&method))
            };
            let skips = methods.iter().any(|list| !asks(list));
            if skips && logins.is_said(keyword) {
                let line = "AuthenticationMethods publickey,keyboard-interactive";
                self.add(logins, Kind::SshdMethods, keyword, "any", line);
            }
            return;
        }
        let said = [
            "pubkeyauthentication",
            "gssapiauthentication",
            "hostbasedauthentication",
        ];
        let said = said
            .into_iter()
            .chain([keyword])
            .any(|keyword| logins.is_said(keyword));
        let without = logins.without_pam();
        if said && !without.is_empty() {
            let list = without.join(", ");
            self.add_with(
                logins,
                Kind::SshdKeysAlone,
                keyword,
                "any",
                line,
                Some(list),
            );
        }
    }

    fn add(&mut self, logins: &Logins<'_>, kind: Kind, keyword: &str, default: &str, line: &str) {
        self.add_with(logins, kind, keyword, default, line, None);
    }

    fn add_with(
        &mut self,
        logins: &Logins<'_>,
        kind: Kind,
        keyword: &str,
        default: &str,
        line: &str,
        methods: Option<String>,
    ) {
        let (value, place) = logins.value(keyword, default);
        let name = line.split(' ').next().unwrap_or(keyword);
        let place = place.cloned();
        let place = place.or_else(|| logins.section.and_then(|s| s.matches.clone()).map(|m| m.0));
        let mend = self.mend(logins, place.as_ref(), keyword, line);
        let place = place.unwrap_or_else(|| Place::file(FILE));
        let mut finding = Finding::new(kind, mend)
            .at(place)
            .with("setting", format!("{name} {value}"));
        if let Some(methods) = methods {
            finding = finding.with("methods", methods);
        }
        self.found.add(finding);
    }

    /// The line is put right where it stands; what is said nowhere goes before all others.
    fn mend(
        &self,
        logins: &Logins<'_>,
        place: Option<&Place>,
        keyword: &str,
        line: &str,
    ) -> String {
        let reload = if self.tree.is_live() {
            " && systemctl reload ssh || systemctl reload sshd"
        } else {
            ""
        };
        let said = logins
            .section
            .map_or(&logins.config.global, |section| section);
        let change = match place.and_then(|place| Some((place, place.line?))) {
            Some((place, number)) if said.own(keyword).is_some() => {
                let script = quoted(&format!("{number}c\\{line}"));
                format!("sed -i {script} {}", self.tree.word(&place.file))
            }
            // Behind the Match.
            Some((place, number)) if logins.section.is_some() => {
                let script = quoted(&format!("{number}a\\{line}"));
                format!("sed -i {script} {}", self.tree.word(&place.file))
            }
            _ if self.reads_drop_ins(logins.config) => {
                let file = self.tree.word(Path::new(DROP_IN));
                format!("echo {} >>{file}", quoted(line))
            }
            _ => {
                let script = quoted(&format!("1i\\{line}"));
                format!("sed -i {script} {}", self.tree.word(Path::new(FILE)))
            }
        };
        change + reload
    }

    fn reads_drop_ins(&self, _config: &Config) -> bool {
        let text = self.tree.text(Path::new(FILE)).unwrap_or_default();
        text.lines().any(|line| {
            let line = line.trim().to_ascii_lowercase();
            line.starts_with("include") && line.contains("sshd_config.d/*.conf")
        })
    }
}
