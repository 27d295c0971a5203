//! PAM services: can anybody get in without the code?

mod control;
pub(crate) mod evaluate;
mod known;
pub(crate) mod options;
pub(crate) mod stack;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sekisho_settings::{Code, Settings};

use super::finding::{Finding, Found, Kind, Place, quoted};
use super::tree::Tree;
use evaluate::{Way, evaluate};
use stack::{Module, Service, Step, Trouble, Type};

/// Services by which people log in, or become somebody else.
const LOGINS: &[&str] = &[
    "cockpit",
    "doas",
    "gdm-autologin",
    "gdm-fingerprint",
    "gdm-password",
    "gdm-smartcard",
    "greetd",
    "i3lock",
    "kde",
    "kde-fingerprint",
    "kde-smartcard",
    "lightdm",
    "lightdm-autologin",
    "login",
    "lxdm",
    "ly",
    "mate-screensaver",
    "polkit-1",
    "proftpd",
    "remote",
    "sddm",
    "sddm-autologin",
    "sshd",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "swaylock",
    "vlock",
    "vsftpd",
    "xdm",
    "xrdp-sesman",
    "xscreensaver",
];
/// Services by which nobody logs in, or only root is served.
const NO_LOGINS: &[&str] = &[
    "atd",
    "chage",
    "chfn",
    "chgpasswd",
    "chpasswd",
    "chsh",
    "common-account",
    "common-auth",
    "common-password",
    "common-session",
    "common-session-noninteractive",
    "config-util",
    "cron",
    "crond",
    "cups",
    "fingerprint-auth",
    "gdm-launch-environment",
    "groupadd",
    "groupdel",
    "groupmems",
    "groupmod",
    "lightdm-greeter",
    "newusers",
    "other",
    "passwd",
    "password-auth",
    "postlogin",
    "runuser",
    "runuser-l",
    "sddm-greeter",
    "smartcard-auth",
    "system-auth",
    "systemd-user",
    "useradd",
    "userdel",
    "usermod",
];
/// Who judges passwords for gateways, unless the settings say otherwise.
const JUDGE: &str = "sekisho-password";
/// Services at which `auth` may not run at all, or a new token is put into use: there our `account`
/// line does what `auth` could not.
const ACCOUNTS: &[&str] = &[
    "cockpit",
    "gdm-password",
    "lightdm",
    "login",
    "sddm",
    "sshd",
    "xdm",
];

/// What the other checks want to know of the stacks.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    /// Every line of ours and of the services it stands in: the modules to look at.
    pub(crate) modules: Vec<(Place, Module)>,
    /// The services that ask for a code.
    pub(crate) asking: BTreeSet<String>,
}

/// Looks at every service.
pub(crate) fn look(
    tree: &Tree,
    settings: Option<&Settings>,
    keys_first: bool,
    found: &mut Found,
) -> Stacks {
    let names = stack::names(tree);
    let services: BTreeMap<String, Service> = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), stack::read(tree, &name)?)))
        .collect();
    if services.is_empty() {
        found.unseen("pam", "/etc/pam.d");
    }
    let included: BTreeSet<PathBuf> = services
        .values()
        .flat_map(|service| service.includes.clone())
        .collect();
    let mut look = Look {
        tree,
        settings,
        keys_first,
        other: services.get("other"),
        stacks: Stacks::default(),
        around: BTreeMap::new(),
        open: Vec::new(),
        found,
    };
    for (name, service) in &services {
        let is_service = look.is_named(name) || LOGINS.contains(&name.as_str());
        let file = stack::file_of(tree, name);
        if is_service || file.is_none_or(|file| !included.contains(&file)) {
            look.service(name, service);
        }
    }
    look.unknown_services(&services);
    look.other_is_open();
    look.tell();
    look.stacks
}

struct Look<'a> {
    tree: &'a Tree,
    settings: Option<&'a Settings>,
    /// Whether sshd lets nobody in who has not shown a key as well.
    keys_first: bool,
    other: Option<&'a Service>,
    stacks: Stacks,
    /// What leads around the code, and in which services: one line can stand in many.
    around: BTreeMap<(Kind, Place), Around>,
    /// Services of which nobody knows whether people log in by them, and that ask for no code.
    open: Vec<String>,
    found: &'a mut Found,
}

struct Around {
    services: BTreeSet<String>,
    line: String,
    mend: String,
}

impl Look<'_> {
    /// Whether the settings want a code of it, at least of some.
    fn is_wanted(&self, name: &str) -> bool {
        let Some(service) = self.settings.and_then(|s| s.pam.service.get(name)) else {
            return true;
        };
        let rules = service.rule.iter().map(|rule| rule.code);
        rules.chain([service.code]).any(|code| code != Code::Never)
    }

    fn is_named(&self, name: &str) -> bool {
        self.settings
            .is_some_and(|settings| settings.pam.service.contains_key(name))
    }

    /// The lines of one type, or those of `other`.
    fn stack(&self, service: &Service, of: Type) -> Vec<Step> {
        let stack = service.stack(of);
        let other = || self.other.and_then(|other| other.stack(of));
        stack.or_else(other).unwrap_or_default()
    }

    fn service(&mut self, name: &str, service: &Service) {
        if !self.is_wanted(name) {
            return;
        }
        let auth = self.stack(service, Type::Auth);
        let account = self.stack(service, Type::Account);
        let asks = auth.iter().any(known::is_ours);
        if asks || self.is_named(name) || LOGINS.contains(&name) {
            self.trouble(name, service);
        }
        if !asks {
            return self.not_asked(name, &auth);
        }
        self.stacks.asking.insert(name.to_owned());
        for step in auth.iter().chain(&account) {
            self.module(step);
        }
        self.code_alone(name, &auth);
        self.around(name, &auth, Type::Auth);
        let password = self.stack(service, Type::Password);
        self.around(name, &password, Type::Password);
        if account.iter().any(known::is_ours) {
            self.around(name, &account, Type::Account);
        } else if ACCOUNTS.contains(&name) || (self.in_grace() && LOGINS.contains(&name)) {
            self.no_account(name, service);
        }
        self.no_password(name, service);
        self.no_session(name, service);
    }

    fn trouble(&mut self, name: &str, service: &Service) {
        for trouble in &service.trouble {
            let finding = match trouble {
                Trouble::Include(place, file) => {
                    Finding::new(Kind::PamInclude, self.edit(&place.file, place.line))
                        .at(place.clone())
                        .with("what", file.as_str())
                }
                Trouble::Line(place, line) => {
                    Finding::new(Kind::PamLine, self.edit(&place.file, place.line))
                        .at(place.clone())
                        .with("what", line.as_str())
                }
            };
            self.found.add(finding.with("service", name));
        }
    }

    fn edit(&self, file: &Path, line: Option<usize>) -> String {
        let line = line.map(|line| format!("+{line} ")).unwrap_or_default();
        format!("editor {line}{}", self.tree.word(file))
    }

    /// A `sed` that changes a file in place; of a file that a package brings, a copy in `/etc`, which goes
    /// before it.
    fn sed(&self, scripts: &[String], file: &Path) -> String {
        let scripts: Vec<String> = scripts
            .iter()
            .map(|script| format!("-e {}", quoted(script)))
            .collect();
        let scripts = scripts.join(" ");
        let word = self.tree.word(file);
        if file.starts_with("/etc") {
            return format!("sed -i {scripts} {word}");
        }
        let name = file.file_name().map(Path::new).unwrap_or(file);
        let copy = self.tree.word(&Path::new("/etc/pam.d").join(name));
        format!("sed {scripts} {word} >{copy}")
    }

    fn not_asked(&mut self, name: &str, auth: &[Step]) {
        let kind = if self.is_named(name) {
            Kind::PamNotAsked
        } else if LOGINS.contains(&name) {
            Kind::PamDefaultNotAsked
        } else {
            let judge = self.settings.map(|s| s.radius.pam.service.as_str());
            let known = NO_LOGINS.contains(&name) || judge.unwrap_or(JUDGE) == name;
            if !known && evaluate(auth, known::part_for_code(name)).succeeds {
                self.open.push(name.to_owned());
            }
            return;
        };
        let Some(file) = stack::file_of(self.tree, name) else {
            return;
        };
        let line = auth.iter().map(|step| step.top.line).max().unwrap_or(1);
        let script = format!("{line}a\\auth       requisite    {}", known::OURS);
        let finding = Finding::new(kind, self.sed(&[script], &file));
        self.found.add(finding.at_file(&file).with("service", name));
    }

    /// Remembers the modules, and looks at what is written behind ours.
    fn module(&mut self, step: &Step) {
        let Some(module) = &step.module else {
            return;
        };
        let entry = (step.place.clone(), module.clone());
        if !self.stacks.modules.contains(&entry) {
            self.stacks.modules.push(entry);
        }
        if !known::is_ours(step) {
            return;
        }
        if let Some(option) = options::wrong(&module.options) {
            let finding = Finding::new(
                Kind::PamOption,
                self.edit(&step.place.file, step.place.line),
            );
            self.found
                .add(finding.at(step.place.clone()).with("option", option));
        }
        let settings = self.settings.map(|settings| &settings.verifier.socket);
        let socket = options::socket(&module.options).map(Path::new);
        let default = Path::new(sekisho_verifier_socket::DEFAULT_SOCKET);
        if let Some(settings) = settings
            && settings != socket.unwrap_or(default)
        {
            let finding = Finding::new(
                Kind::PamSocket,
                self.edit(&step.place.file, step.place.line),
            );
            let shown = |path: &Path| path.display().to_string();
            self.found.add(
                finding
                    .at(step.place.clone())
                    .with("socket", shown(socket.unwrap_or(default)))
                    .with("settings", shown(settings)),
            );
        }
    }

    /// Every way around our line.
    fn around(&mut self, name: &str, steps: &[Step], of: Type) {
        let answer = evaluate(steps, known::part_for_code(name));
        for (index, way) in answer.ways {
            let step = &steps[index];
            let kind = match (of, way) {
                (Type::Account, _) => Kind::PamAccountSkipped,
                (Type::Password, _) => Kind::PamPasswordSkipped,
                (_, Way::Skips) if known::is_condition(step) => Kind::PamExempted,
                (_, Way::Skips) => Kind::PamSkipped,
                (_, Way::Ignores) => Kind::PamIgnored,
                (_, Way::Resets) => Kind::PamReset,
            };
            let mend = self.mend(name, steps, index, way, of);
            let entry = self.around.entry((kind, step.place.clone()));
            let around = entry.or_insert_with(|| Around {
                services: BTreeSet::new(),
                line: line_of(step, of),
                mend,
            });
            around.services.insert(name.to_owned());
        }
    }

    fn mend(&self, name: &str, steps: &[Step], index: usize, way: Way, of: Type) -> String {
        let step = &steps[index];
        let file = &step.place.file;
        let line = step.place.line.unwrap_or(1);
        let Some(module) = &step.module else {
            return self.edit(file, step.place.line);
        };
        let written = |control: &str, module: &Module| {
            let words = [of.name(), control, &module.path].into_iter();
            let words = words.chain(module.options.iter().map(String::as_str));
            words.collect::<Vec<_>>().join("  ")
        };
        match way {
            Way::Ignores => {
                let line = format!("{line}c\\{}", written("requisite", module));
                self.sed(&[line], file)
            }
            Way::Resets => {
                let line = format!("{line}c\\{}", written("required", module));
                self.sed(&[line], file)
            }
            Way::Skips => {
                let own = stack::file_of(self.tree, name);
                if let Some(own) = own.filter(|own| own != file && step.top.includes) {
                    return self.sed(&[format!("{}s/include/substack/", step.top.line)], &own);
                }
                // Judges nobody: nothing is lost with it.
                if ["pam_permit.so", "pam_rootok.so"].contains(&module.name()) {
                    return self.sed(&[format!("{line}d")], file);
                }
                if let Some(control) = shorter(steps, index) {
                    let line = format!("{line}c\\{}", written(&control, module));
                    return self.sed(&[line], file);
                }
                let later = steps[index..]
                    .iter()
                    .find(|later| known::is_ours(later) && later.place.file == *file);
                match later.and_then(|ours| ours.module.as_ref().zip(ours.place.line)) {
                    // Our line moves before it.
                    Some((ours, its_line)) => {
                        let control = match ours.control_word.as_str() {
                            "required" => "required",
                            _ => "requisite",
                        };
                        let before = format!("{line}i\\{}", written(control, ours));
                        self.sed(&[before, format!("{its_line}d")], file)
                    }
                    None => self.edit(file, Some(line)),
                }
            }
        }
    }

    fn code_alone(&mut self, name: &str, auth: &[Step]) {
        if name == "sshd" && self.keys_first {
            return;
        }
        // Where even a failed code is let in there is worse to tell.
        if evaluate(auth, known::part_for_code(name)).succeeds
            || !evaluate(auth, known::part_for_password(name)).succeeds
        {
            return;
        }
        if let Some(file) = stack::file_of(self.tree, name) {
            let first = auth.iter().find(|step| known::is_ours(step));
            let mend = self.edit(&file, first.map(|step| step.top.line));
            let finding = Finding::new(Kind::PamCodeAlone, mend);
            self.found.add(finding.at_file(&file).with("service", name));
        }
    }

    fn no_account(&mut self, name: &str, service: &Service) {
        self.lacks(Kind::PamNoAccount, name, service, Type::Account);
    }

    fn in_grace(&self) -> bool {
        self.settings.is_some_and(|s| s.pam.grace_until.is_some())
    }

    /// Without it nobody can put a token into use while logging in.
    fn no_password(&mut self, name: &str, service: &Service) {
        let password = self.stack(service, Type::Password);
        if self.in_grace() && LOGINS.contains(&name) && !password.iter().any(known::is_ours) {
            self.lacks(Kind::PamNoPassword, name, service, Type::Password);
        }
    }

    /// Without it the verifier never knows the login session that a second use belongs to.
    fn no_session(&mut self, name: &str, service: &Service) {
        let second = self.settings.and_then(|s| s.pam.second_use()).is_some();
        let session = self.stack(service, Type::Session);
        if second && ACCOUNTS.contains(&name) && !session.iter().any(known::is_ours) {
            self.lacks(Kind::PamNoSession, name, service, Type::Session);
        }
    }

    /// A line of ours is missing: it goes before the others of its type, that of a session behind.
    fn lacks(&mut self, kind: Kind, name: &str, service: &Service, of: Type) {
        let Some(file) = stack::file_of(self.tree, name) else {
            return;
        };
        let control = match of {
            Type::Session => "optional",
            // The module of the password behind it would want a new one as well.
            Type::Password => "[success=done ignore=ignore default=die]",
            _ => "requisite",
        };
        let text = format!("{:10} {control:12} {}", of.name(), known::OURS);
        let stack = service.stack(of).unwrap_or_default();
        let first = stack.iter().map(|step| step.top.line).min();
        let script = match first.filter(|_| of != Type::Session) {
            Some(line) => format!("{line}i\\{text}"),
            None => format!("$a\\{text}"),
        };
        let finding = Finding::new(kind, self.sed(&[script], &file));
        self.found.add(finding.at_file(&file).with("service", name));
    }

    /// The settings speak of a service that there is no file of: most likely misspelt.
    fn unknown_services(&mut self, services: &BTreeMap<String, Service>) {
        let Some(settings) = self.settings.filter(|_| !services.is_empty()) else {
            return;
        };
        let named = settings.pam.service.keys();
        let named = named.chain(&settings.pam.second_use_services);
        for name in named.filter(|name| !services.contains_key(*name)) {
            let mend = format!("ls {}", self.tree.word(Path::new("/etc/pam.d")));
            let finding = Finding::new(Kind::PamServiceUnknown, mend);
            self.found.add(finding.with("service", name.as_str()));
        }
    }

    /// `other` serves every program that has no file of its own.
    fn other_is_open(&mut self) {
        let auth = self.other.and_then(|other| other.stack(Type::Auth));
        let open =
            auth.is_some_and(|auth| evaluate(&auth, known::part_for_password("other")).succeeds);
        if let Some(file) = stack::file_of(self.tree, "other").filter(|_| open) {
            let types = ["auth", "account", "password", "session"];
            let lines = types.map(|kind| format!("{kind} required pam_deny.so\\n"));
            let mend = format!("printf '{}' >{}", lines.concat(), self.tree.word(&file));
            self.found
                .add(Finding::new(Kind::PamOtherOpen, mend).at_file(&file));
        }
    }

    fn tell(&mut self) {
        if !self.open.is_empty() {
            let mend = format!("ls {}", self.tree.word(Path::new("/etc/pam.d")));
            let finding = Finding::new(Kind::PamOthersNotAsked, mend);
            self.found
                .add(finding.with("services", self.open.join(", ")));
        }
        for ((kind, place), around) in std::mem::take(&mut self.around) {
            let services: Vec<String> = around.services.into_iter().collect();
            self.found.add(
                Finding::new(kind, around.mend)
                    .at(place)
                    .with("line", around.line)
                    .with("services", services.join(", ")),
            );
        }
    }
}

/// The control of a jump over our line, with a jump that ends at it; `None` if it does not jump.
fn shorter(steps: &[Step], index: usize) -> Option<String> {
    let level = steps[index].level;
    let between = steps[index + 1..]
        .iter()
        .take_while(|step| !known::is_ours(step))
        .filter(|step| step.level <= level)
        .count();
    let word = &steps[index].module.as_ref()?.control_word;
    let pairs = word.strip_prefix('[')?.strip_suffix(']')?;
    let mut jumps = false;
    let pairs: Vec<String> = pairs
        .split_whitespace()
        .map(|pair| {
            let (name, action) = pair.split_once('=').unwrap_or((pair, ""));
            if action.parse().is_ok_and(|lines: usize| lines > between) {
                jumps = true;
                return match between {
                    0 => format!("{name}=ok"),
                    lines => format!("{name}={lines}"),
                };
            }
            pair.to_owned()
        })
        .collect();
    jumps.then(|| format!("[{}]", pairs.join(" ")))
}

/// A step as it is written.
fn line_of(step: &Step, of: Type) -> String {
    let Some(module) = &step.module else {
        return String::new();
    };
    let mut line = format!("{} {} {}", of.name(), module.control_word, module.path);
    for option in &module.options {
        line += " ";
        line += option;
    }
    line
}
