//! `client add`: a gateway's lines, for us and for it.

use std::net::IpAddr;
use std::path::Path;

use sekisho_admin_cli::text;
use sekisho_settings::{DEFAULT_FILE, Prefix, Settings};
use serde_json::json;
use zeroize::Zeroizing;

use super::file::SettingsFile;
use super::gateway::Make;
use crate::Stop;
use crate::cli::{ClientAdd, FirstFactor, Global, Mode, name_of};
use crate::failure::{Failure, Kind};
use crate::output::{Output, heading};

/// Letters and digits, which every gateway takes, without those that look alike.
const LETTERS: &[u8; 57] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/// So many of them have 186 bits; the advice for RADIUS is 32 octets.
const SECRET_LETTERS: usize = 32;
/// What makes the daemons read the settings again.
const RESTART: &str = "systemctl restart sekisho-radiusd sekisho-verifierd";
/// What stands for the address of this server as long as nobody said it.
const SERVER: &str = "SERVER";

pub(crate) fn add(global: &Global, add: &ClientAdd, output: &mut Output) -> Result<(), Stop> {
    let path = global
        .settings
        .as_deref()
        .unwrap_or(Path::new(DEFAULT_FILE));
    let make = Make::of(add.gateway);
    let mode = add.mode.unwrap_or(Mode::Code);
    if !make.can(mode) {
        return Err(Failure::new(
            Kind::Invalid,
            text!("client-no-challenge", gateway = heading(make.name)),
            text!("client-no-challenge-way"),
        )
        .into());
    }
    refuse_everybody(add, &make)?;
    let secret = new_secret()?;
    let block = Zeroizing::new(block(add, &make, mode, &secret));
    match SettingsFile::read(path) {
        Ok(file) => {
            let whole = file.with(&block);
            Settings::parse(path, &whole).map_err(|error| of_new_lines(path, &error))?;
            if add.write {
                file.replace(&whole)?;
            }
        }
        Err(failure) if add.write => return Err(failure.into()),
        Err(_) => check_alone(path, add, &block)?,
    }
    let server = add.server.map(|server| server.to_string());
    let server = server.as_deref().unwrap_or(SERVER);
    let address = add.address.first().map(|first| first.address.to_string());
    let lines = make.lines(&add.name, &secret, server, &address.unwrap_or_default());
    if output.is_json() {
        return Ok(output.value(&json!({
            "name": add.name,
            "secret": secret.as_str(),
            "settings": block.as_str(),
            "gateway": lines,
            "file": path,
            "written": add.write,
        }))?);
    }
    for_people(add, &make, path, &block, &lines, output)
}

/// Who can not read the settings gets lines that are good in themselves.
fn check_alone(path: &Path, add: &ClientAdd, block: &str) -> Result<(), Failure> {
    // Whether there is a directory stands where we can not look.
    if add.first_factor == Some(FirstFactor::Ldap) {
        return Ok(());
    }
    let parsed = Settings::parse(path, block);
    parsed.map(drop).map_err(|error| of_new_lines(path, &error))
}

/// Whoever does not sign can be anybody of its network: that must not be everybody.
fn refuse_everybody(add: &ClientAdd, make: &Make) -> Result<(), Failure> {
    let too_many = |prefix: &&Prefix| prefix.length < shortest(prefix.address);
    let signs = make.message_authenticator(&add.address) != Some("off");
    match add.address.iter().find(too_many).filter(|_| !signs) {
        None => Ok(()),
        Some(prefix) => Err(Failure::new(
            Kind::Invalid,
            text!(
                "client-everybody",
                prefix = prefix.to_string(),
                gateway = heading(make.name)
            ),
            text!("client-everybody-way"),
        )),
    }
}

/// The shortest prefix of somebody who does not sign.
fn shortest(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 16,
        IpAddr::V6(_) => 32,
    }
}

/// The file was good before, so it is the new lines that are not; they stand in no file.
fn of_new_lines(path: &Path, error: &sekisho_settings::Error) -> Failure {
    let mut failure = Failure::from_settings(error);
    let line = error
        .line()
        .map_or(String::new(), |line| format!(":{line}"));
    let place = format!("{}{line}: ", path.display());
    if let Some(message) = failure.message.strip_prefix(&place) {
        failure.message = text!("client-new-lines", message = message);
    }
    failure
}

fn for_people(
    add: &ClientAdd,
    make: &Make,
    path: &Path,
    block: &str,
    lines: &str,
    output: &mut Output,
) -> Result<(), Stop> {
    let shown = path.display().to_string();
    let (head, next) = match add.write {
        true => (
            text!("client-appended", path = shown),
            text!("client-next", command = RESTART),
        ),
        false => (
            text!("client-for", what = shown),
            text!("client-then", command = RESTART),
        ),
    };
    output.text(&format!("# {head}\n{block}# {next}\n\n"))?;
    output.line(&format!(
        "# {}",
        text!("client-for", what = heading(make.name))
    ))?;
    if add.server.is_none() {
        output.line(&format!("# {}", text!("client-server-word", word = SERVER)))?;
    }
    Ok(output.text(lines)?)
}

/// The lines for our settings. They begin with an empty line: something stands before them.
fn block(add: &ClientAdd, make: &Make, mode: Mode, secret: &str) -> String {
    let addresses: Vec<String> = add
        .address
        .iter()
        .map(|a| format!("\"{}\"", bare(a)))
        .collect();
    // A name with quotes or a backslash in it is written as what it is.
    let name = toml_text(&add.name);
    let mut block = format!(
        "\n[[radius.client]]\nname = {name}\naddress = [{}]\nsecret = \"{secret}\"\n",
        addresses.join(", ")
    );
    let mut key = |key: &str, value: Option<&str>| {
        if let Some(value) = value {
            block += &format!("{key} = {value}\n");
        }
    };
    let quoted = |text: String| format!("\"{text}\"");
    let mode_name = name_of(mode).filter(|_| mode != Mode::Code).map(quoted);
    key("mode", mode_name.as_deref());
    let first = add.first_factor.filter(|first| *first != FirstFactor::None);
    key(
        "first-factor",
        first.and_then(name_of).map(quoted).as_deref(),
    );
    let methods = make.method(mode).map(|method| format!("[\"{method}\"]"));
    key("methods", methods.as_deref());
    let signs = make.message_authenticator(&add.address);
    key(
        "message-authenticator",
        signs.map(|word| format!("\"{word}\"")).as_deref(),
    );
    if !make.can_end_sessions() {
        block += "disconnect.enabled = false\n";
    }
    if let Some((attribute, value)) = make.groups() {
        block += &format!(
            "# {}\n#[[radius.client.reply]]\n#attribute = \"{attribute}\"\n#value = \"{value}\"\n",
            text!("client-groups")
        );
    }
    block
}

/// An address without a prefix length that says nothing.
pub(super) fn bare(prefix: &Prefix) -> String {
    match prefix.is_host() {
        true => prefix.address.to_string(),
        false => prefix.to_string(),
    }
}

fn toml_text(text: &str) -> String {
    // JSON's escapes are TOML's, for what a name may hold.
    serde_json::Value::from(text).to_string()
}

fn new_secret() -> Result<Zeroizing<String>, Failure> {
    let mut secret = Zeroizing::new(String::with_capacity(SECRET_LETTERS));
    let mut octets = Zeroizing::new([0; 2 * SECRET_LETTERS]);
    while secret.len() < SECRET_LETTERS {
        getrandom::fill(&mut *octets).map_err(|error| {
            Failure::new(
                Kind::Failed,
                text!("random-none", error = error.to_string()),
                text!("import-again-way"),
            )
        })?;
        // Octets above the last whole multiple would make some letters likelier than others.
        let fair = octets
            .iter()
            .filter(|&&octet| usize::from(octet) < 4 * LETTERS.len());
        let wanted = SECRET_LETTERS - secret.len();
        let letters = fair.take(wanted);
        secret
            .extend(letters.map(|&octet| char::from(LETTERS[usize::from(octet) % LETTERS.len()])));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::ValueEnum;

    use super::*;
    use crate::cli::Gateway;

    fn every(address: &str, mode: Mode, first_factor: Option<FirstFactor>) -> Vec<ClientAdd> {
        let of = |gateway: &Gateway| ClientAdd {
            name: "branch-012".into(),
            address: vec![address.parse().expect("an address")],
            gateway: *gateway,
            mode: Some(mode),
            first_factor,
            server: None,
            write: false,
        };
        Gateway::value_variants().iter().map(of).collect()
    }

    #[test]
    fn what_is_printed_for_each_gateway_can_be_loaded() {
        for address in ["192.0.2.7", "192.0.2.0/24", "2001:db8::7"] {
            for (mode, first) in [
                (Mode::Code, None),
                (Mode::PasswordAndCode, Some(FirstFactor::Stored)),
                (Mode::Challenge, Some(FirstFactor::Pam)),
            ] {
                for add in every(address, mode, first) {
                    let make = Make::of(add.gateway);
                    let block = block(&add, &make, mode, &"x".repeat(SECRET_LETTERS));
                    // With the group lines in force as well.
                    let text = block.replace("\n#[[", "\n[[").replace("\n#attr", "\nattr");
                    let text = text.replace("\n#value", "\nvalue");
                    for text in [block, text] {
                        let settings = Settings::parse(Path::new("s.toml"), &text);
                        settings.unwrap_or_else(|error| panic!("{text}\n{error}"));
                    }
                }
            }
        }
    }

    #[test]
    fn gateways_get_every_value_and_no_placeholder_is_left() {
        for add in every("192.0.2.7", Mode::Code, None) {
            let lines =
                Make::of(add.gateway).lines("branch-012", "s3cret", "192.0.2.1", "192.0.2.7");
            assert!(!lines.contains('@'), "{lines}");
            for value in ["s3cret", "192.0.2.1"] {
                assert!(lines.contains(value), "{value}: {lines}");
            }
            // People paste them into terminals.
            assert!(
                lines.is_ascii() && lines.lines().all(|line| line.len() <= 110),
                "{lines}"
            );
        }
    }

    #[test]
    fn the_guide_shows_what_is_printed() {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide");
        for add in every("192.0.2.7", Mode::Code, None) {
            if add.gateway == Gateway::Generic {
                continue;
            }
            let page = name_of(add.gateway).expect("a name") + ".md";
            let page = std::fs::read_to_string(guide.join(&page)).expect(&page);
            let lines =
                Make::of(add.gateway).lines("branch-012", "SECRET", "192.0.2.1", "192.0.2.7");
            for line in lines.lines().filter(|line| !line.is_empty()) {
                assert!(page.contains(&format!("\n    {line}\n")), "{line}");
            }
        }
    }

    #[test]
    fn secrets_are_new_and_every_gateway_takes_their_letters() {
        let secret = |_| new_secret().expect("random").to_string();
        let secrets: HashSet<String> = (0..100).map(secret).collect();
        assert_eq!(secrets.len(), 100);
        let mut used = HashSet::new();
        for secret in &secrets {
            assert_eq!(secret.len(), SECRET_LETTERS);
            assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric()));
            used.extend(secret.bytes());
        }
        assert!(used.len() > 50, "only {} letters", used.len());
    }

    #[test]
    fn a_name_can_not_write_other_settings() {
        let mut add = every("192.0.2.7", Mode::Code, None).remove(0);
        add.name = "a\"\nsecret=\"b".into();
        let block = block(&add, &Make::of(add.gateway), Mode::Code, "s3cret");
        let refused = Settings::parse(Path::new("s.toml"), &block).expect_err("no such name");
        assert!(
            refused.to_string().contains("name is not usable"),
            "{refused}"
        );
    }
}
