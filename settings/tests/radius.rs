//! What the settings of gateways may ask for together; what they may not is refused with line and
//! way out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sekisho_settings::{
    Client, CodeAt, FirstFactor, GroupSource, MessageAuthenticator, Method, Mode, Quirk, Settings,
};

const CLIENT: &str =
    "[[radius.client]]\nname = \"vpn\"\naddress = [\"192.0.2.1\"]\nsecret = \"0123456789abcdef\"\n";
const SEARCH: &str = "base = \"dc=example\"\nbind-dn = \"cn=s\"\nbind-password = \"p\"\n";

/// A directory that users are searched for in; `more` is added.
fn directory(more: &str) -> String {
    format!("[radius.ldap]\nservers = [\"ldaps://dc1.example\"]\n{SEARCH}{more}")
}

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(Path::new("s.toml"), text).map_err(|error| error.to_string())
}

fn client(keys: &str) -> Client {
    let settings = parse(&format!("{}{CLIENT}{keys}", directory(""))).expect(keys);
    settings.radius.client[0].get_ref().clone()
}

fn check(text: &str, line: &str, part: &str) {
    let message = parse(text).expect_err(text);
    assert!(
        message.starts_with(&format!("s.toml{line}: ")),
        "{text}: {message}"
    );
    assert!(message.contains(part), "{text}: {message}");
    assert_eq!(message.lines().count(), 2, "{message}");
}

#[test]
fn a_client_that_says_nothing_sends_a_code_by_pap_and_signs() {
    let client = client("");
    assert_eq!(client.mode, Mode::Code);
    assert_eq!(client.first_factor, FirstFactor::None);
    assert_eq!(client.methods, [Method::Pap]);
    assert_eq!(client.message_authenticator, MessageAuthenticator::Require);
    assert_eq!(
        (client.code_length.value(), client.code_at),
        (6, CodeAt::End)
    );
    assert_eq!(client.groups, [GroupSource::Store]);
    assert!(
        client.quirks.is_empty() && client.reply.is_empty() && client.nas_identifier.is_empty()
    );
    assert!(client.limit_proxy_state && client.status_server && client.disconnect.enabled);
    assert_eq!(client.disconnect.port.value(), 3_799);
}

#[test]
fn what_fits_together_is_taken() {
    for keys in [
        "mode = \"password-and-code\"\nfirst-factor = \"stored\"\ncode-length = 8\ncode-at = \"start\"\n",
        "mode = \"password-and-code\"\nfirst-factor = \"ldap\"\nmethods = [\"pap\", \"eap-gtc\"]\n",
        "mode = \"challenge\"\n",
        "mode = \"challenge\"\nfirst-factor = \"pam\"\ngroups = [\"store\", \"unix\", \"ldap\"]\n",
        "methods = [\"pap\", \"chap\", \"ms-chap-v2\", \"eap-gtc\", \"eap-ms-chap-v2\"]\n",
        "message-authenticator = \"auto\"\n",
        "message-authenticator = \"off\"\nquirks = [\"omit-message-authenticator\"]\n",
        "quirks = [\"strip-realm\", \"strip-domain\"]\nnas-identifier = [\"gw-1\"]\n",
        "reject-delay-ms = 0\nrequests-per-second = 50\n",
        "[radius.client.disconnect]\naddress = \"192.0.2.1:1700\"\nsecret = \"another\"\n",
        "[radius.client.disconnect]\nenabled = false\n",
        "[[radius.client.reply]]\nattribute = \"Class\"\nvalue = \"OU={group};\"\ngroups = [\"vpn*\"]\n",
        "[[radius.client.reply]]\nattribute = \"26.12356.1\"\nvalue = \"{attribute:fw-group}\"\n",
        "[[radius.client.reply]]\nattribute = \"Vendor-Specific:12356:1\"\nvalue = \"{account}\"\n",
    ] {
        client(keys);
    }
    let quirks = client("quirks = [\"strip-realm\"]\n").quirks;
    assert_eq!(quirks, [Quirk::StripRealm]);
    for text in [
        directory("user-dn = \"uid={account},dc=example\"\n"),
        directory("group-base = \"dc=example\"\ngroup-filter = \"(member={dn})\"\n"),
        directory("filter = \"(&(objectClass=person)(sAMAccountName={account}))\"\n"),
        "[radius.ldap]\nservers = [\"ldapi://%2frun%2fldapi\", \"ldap://[2001:db8::1]:389\"]\n\
         user-dn = \"uid={account},dc=example\"\n"
            .into(),
        "[radius.ldap]\nservers = [\"ldap://dc1\"]\nstart-tls = false\nallow-plain = true\n\
         user-dn = \"uid={account},dc=example\"\n"
            .into(),
        // Nobody is on the way to this machine itself.
        "[radius.ldap]\nservers = [\"ldap://127.0.0.1:389\", \"ldap://localhost\", \"ldap://[::1]\"]\n\
         start-tls = false\nuser-dn = \"uid={account},dc=example\"\n"
            .into(),
        "[radius.group.staff]\nfw-group = \"employees\"\n[radius.group.\"VPN Users\"]\nvlan = \"12\"\n"
            .into(),
        "[radius]\naccounting-listen = []\n".into(),
        // A free port each.
        "[radius]\nlisten = [\"127.0.0.1:0\"]\naccounting-listen = [\"127.0.0.1:0\"]\n".into(),
        "[acceptance]\nanswer-again-seconds = 60\n".into(),
    ] {
        parse(&text).expect(&text);
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (keys, part) in [
        (
            "mode = \"password-and-code\"\n",
            "nobody judges the password",
        ),
        ("first-factor = \"stored\"\n", "sends nothing but the code"),
        (
            "mode = \"challenge\"\nmethods = [\"pap\", \"chap\"]\n",
            "the method chap",
        ),
        (
            "mode = \"challenge\"\nmethods = [\"ms-chap-v2\"]\n",
            "the method ms-chap-v2",
        ),
        (
            "mode = \"password-and-code\"\nfirst-factor = \"pam\"\nmethods = [\"eap-ms-chap-v2\"]\n",
            "the method eap-ms-chap-v2",
        ),
        ("methods = []\n", "has no methods"),
        ("methods = [\"pap\", \"pap\"]\n", "the method pap twice"),
        (
            "quirks = [\"strip-realm\", \"strip-realm\"]\n",
            "strip-realm twice",
        ),
        (
            "methods = [\"eap-gtc\"]\nquirks = [\"omit-message-authenticator\"]\n",
            "without a Message-Authenticator",
        ),
        ("groups = [\"unix\", \"unix\"]\n", "from one source twice"),
        ("nas-identifier = [\"\"]\n", "nas-identifier"),
        (
            "first-factor = \"ldap\"\nmode = \"challenge\"\n",
            "no [radius.ldap]",
        ),
        ("groups = [\"ldap\"]\n", "no [radius.ldap]"),
        (
            "[radius.client.disconnect]\naddress = \"192.0.2.1:0\"\n",
            "without a port",
        ),
    ] {
        check(&format!("\n{CLIENT}{keys}"), ":2", part);
    }
    let by_dn = "[radius.ldap]\nservers = [\"ldaps://dc1\"]\nuser-dn = \"uid={account}\"\n";
    let wants = "mode = \"challenge\"\nfirst-factor = \"ldap\"\n";
    parse(&format!("{by_dn}{CLIENT}{wants}")).expect("passwords need no search");
    let groups = format!("{by_dn}{CLIENT}{wants}groups = [\"ldap\"]\n");
    check(&groups, ":4", "nobody can look them up");
}

#[test]
fn auto_learns_from_one_host_only() {
    for address in ["192.0.2.0/24", "192.0.2.1\", \"192.0.2.2", "2001:db8::/64"] {
        let text = CLIENT.replace("192.0.2.1", address);
        check(
            &format!("{text}message-authenticator = \"auto\"\n"),
            ":1",
            "more than one host",
        );
    }
}

#[test]
fn a_template_holds_text_and_variables_only() {
    for (attribute, value, part) in [
        ("", "x", "no name"),
        ("a b", "x", "no name"),
        ("Class", "", "1 to 1024 octets"),
        ("Class", "OU={Group};", "{Group}"),
        ("Class", "OU={group;", "a brace"),
        ("Class", "{}", "no variable"),
        ("Class", "{attribute:}", "no variable"),
        ("Class", "{attribute:a b}", "no variable"),
        ("Class", "{attribute:FW}", "no variable"),
        ("Class", "a\\u0000b", "control character"),
    ] {
        let reply =
            format!("[[radius.client.reply]]\nattribute = \"{attribute}\"\nvalue = \"{value}\"\n");
        check(&format!("{CLIENT}{reply}"), ":1", part);
    }
    client("[[radius.client.reply]]\nattribute = \"Class\"\nvalue = \"{{x}}\"\n");
    let reply = "[[radius.client.reply]]\nattribute = \"Class\"\nvalue = \"x\"\ngroups = [\"\"]\n";
    check(&format!("{CLIENT}{reply}"), ":1", "the groups of Class");
}

#[test]
fn a_directory_sends_no_password_in_clear_and_finds_one_user() {
    for (text, part) in [
        ("servers = []\n", "not 1 to 8 servers"),
        ("servers = [\"dc1.example\"]\n", "no server"),
        ("servers = [\"ldaps://\"]\n", "no server"),
        ("servers = [\"http://dc1\"]\n", "no server"),
        (
            "servers = [\"ldap://dc1\"]\nstart-tls = false\n",
            "in clear",
        ),
        ("servers = [\"ldaps://dc1\"]\n", "how a user is found"),
        (
            "servers = [\"ldaps://dc1\"]\nbase = \"dc=e\"\n",
            "how a user is found",
        ),
        (
            "servers = [\"ldaps://dc1\"]\nuser-dn = \"uid=a\"\n",
            "the same user",
        ),
        (
            "servers = [\"ldaps://dc1\"]\nuser-dn = \"\"\n",
            "empty or too long",
        ),
        (
            "servers = [\"ldaps://dc1\"]\nuser-dn = \"uid={account}\"\nbind-dn = \"cn=s\"\n",
            "only one",
        ),
    ] {
        check(&format!("[radius.ldap]\n{text}"), "", part);
    }
    for (more, part) in [
        ("filter = \"(uid=hana)\"\n", "one user"),
        ("filter = \"uid={account}\"\n", "one user"),
        ("filter = \"(uid={account}))(\"\n", "one user"),
        ("group-base = \"dc=e\"\n", "without group-filter"),
        ("group-filter = \"(member={dn})\"\n", "nobody can search"),
        (
            "group-base = \"dc=e\"\ngroup-filter = \"(cn=x)\"\n",
            "the same groups",
        ),
        ("group-attribute = \"member of\"\n", "group-attribute"),
        ("ca-file = \"ca.pem\"\n", "ca-file"),
        ("timeout-ms = 3000\ntotal-ms = 1000\n", "more than total-ms"),
    ] {
        check(&directory(more), "", part);
    }
}

#[test]
fn the_password_of_a_directory_is_a_secret() {
    let text = directory("").replace("\"p\"", "4711");
    let message = parse(&text).expect_err("not in quotes");
    assert!(!message.contains("4711"), "{message}");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("sekisho.toml");
    for (mode, fine) in [(0o640, true), (0o644, false)] {
        fs::write(&path, directory("")).expect("write");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
        assert_eq!(Settings::load(&path).is_ok(), fine, "{mode:o}");
    }
}

#[test]
fn the_rest_of_the_radius_section_is_checked() {
    for (text, line, part) in [
        (
            "[radius]\nlisten = [\"0.0.0.0:1812\"]\naccounting-listen = [\"0.0.0.0:1812\"]\n",
            "",
            "both have 0.0.0.0:1812",
        ),
        ("[radius]\nchallenge-text = \"\"\n", "", "challenge-text"),
        (
            "[radius]\nchallenge-text = \"a\\nb\"\n",
            "",
            "challenge-text",
        ),
        ("[radius]\ndictionary = [\"d\"]\n", "", "radius.dictionary"),
        ("[radius.pam]\nsocket = \"s\"\n", "", "radius.pam.socket"),
        (
            "[radius.pam]\nservice = \"../x\"\n",
            "",
            "radius.pam.service",
        ),
        ("[radius.pam]\nservice = \"\"\n", "", "radius.pam.service"),
        ("[radius.group.\"\"]\nv = \"1\"\n", "", "no group has"),
        ("[radius.group.g]\n\"a b\" = \"1\"\n", "", "an attribute of"),
        ("[radius.group.g]\nv = \"\"\n", "", "an attribute of"),
        ("[radius.group.g]\nv = 1\n", ":2", "expected a string"),
    ] {
        check(text, line, part);
    }
}

#[test]
fn r22_new_numbers_are_bounded_too() {
    for (section, key, over) in [
        ("acceptance", "answer-again-seconds", 61),
        ("radius", "passwords-in-flight", 1_025),
        ("radius", "challenge-seconds", 601),
        ("radius", "challenge-rounds", 6),
        ("radius", "challenges-per-minute", 601),
        ("radius.pam", "timeout-ms", 20_001),
        ("radius.pam", "checks", 257),
    ] {
        for value in [0, -1, over, i64::MAX] {
            let text = format!("[{section}]\n{key} = {value}\n");
            check(&text, ":2", "a whole number from");
        }
    }
    for (key, over) in [
        ("code-length", 9),
        ("reject-delay-ms", 10_001),
        ("requests-per-second", 1_000_001),
    ] {
        for value in [-1, over] {
            let text = format!("{CLIENT}{key} = {value}\n");
            check(&text, ":5", "a whole number from");
        }
    }
}

#[test]
fn a_gateway_always_asks_for_a_code() {
    let rule = "[[radius.client.rule]]\nnetworks = [\"192.0.2.0/24\"]\ncode = \"always\"\n";
    for keys in ["code = \"never\"\n", "code = \"account-choice\"\n", rule] {
        for mode in ["", "mode = \"challenge\"\nfirst-factor = \"pam\"\n"] {
            let text = format!("{CLIENT}{mode}{keys}");
            check(&text, ":1", "client `vpn` has a code or a rule");
        }
    }
    client("code = \"always\"\n");
}
