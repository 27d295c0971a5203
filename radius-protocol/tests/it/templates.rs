//! Attributes of an accept by template.

use std::sync::LazyLock;

use proptest::prelude::*;
use sekisho_radius_protocol::dictionary::{DataType, Dictionary};
use sekisho_radius_protocol::mppe::{Salt, reveal};
use sekisho_radius_protocol::packet::{PACKET_MAX, PacketWriter};
use sekisho_radius_protocol::template::{
    Cover, Expanded, OCTETS_MAX, Profile, TEMPLATES_MAX, Template, TemplateError, Templates,
    ValueError, Why,
};
use sekisho_radius_protocol::{AttributeType, Code, Packet, Secret};

use crate::nas::{AUTHENTICATOR, secret};

const EXTRA: &str = "
ATTRIBUTE Signed 200 signed
ATTRIBUTE Byte 201 byte
ATTRIBUTE Short 202 short
ATTRIBUTE Long 203 integer64
ATTRIBUTE Prefix 204 ipv4prefix
ATTRIBUTE Any 205 combo-ip
ATTRIBUTE Nested 206 tlv
VENDOR Wide 7 format=2,2
VENDOR Bare 8 format=4,0
VENDOR Long 9999 format=1,1,c
BEGIN-VENDOR Wide
ATTRIBUTE Wide-Text 258 string
END-VENDOR Wide
BEGIN-VENDOR Bare
ATTRIBUTE Bare-Text 0x00010203 string
END-VENDOR Bare
BEGIN-VENDOR Long
ATTRIBUTE Long-Text 1 string
END-VENDOR Long
";

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut dictionary = Dictionary::built_in();
    dictionary
        .read("extra", EXTRA, &mut |_, _| Err(String::new()))
        .expect("it is well-formed");
    dictionary
});

fn template(attribute: &str, value: &str, groups: &[&str]) -> Template {
    Template::new(attribute, value, groups, &DICTIONARY).expect(attribute)
}

#[track_caller]
fn refused(attribute: &str, value: &str) -> String {
    match Template::new::<&str>(attribute, value, &[], &DICTIONARY) {
        Err(error) => error.to_string(),
        Ok(template) => panic!("{template:?}"),
    }
}

struct Person {
    groups: Vec<String>,
    attributes: Vec<(String, String)>,
}

impl Person {
    fn hanako() -> Self {
        Self {
            groups: ["staff", "vpn-admins", "vpn-users"]
                .map(str::to_owned)
                .into(),
            attributes: [
                ("framed-ip", "10.9.0.1"),
                ("limit", "3600"),
                ("empty", ""),
                ("limit", "1"),
                ("bell", "a\u{7}"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        }
    }

    fn expand(&self, templates: Vec<Template>) -> Expanded {
        let secret = secret();
        let cover = Cover {
            secret: &secret,
            request: &AUTHENTICATOR,
            salt: Salt::for_templates([1, 2]),
        };
        let profile = Profile {
            account: "hanako",
            groups: &self.groups,
            attributes: &self.attributes,
        };
        Templates::new(templates)
            .expect("they fit")
            .expand(&profile, cover)
    }
}

#[track_caller]
fn gives(attribute: &str, value: &str, groups: &[&str], expected: &[u8]) {
    let expanded = Person::hanako().expand(vec![template(attribute, value, groups)]);
    assert_eq!(expanded.octets, expected, "{attribute} = {value}");
    assert_eq!(expanded.left_out, []);
}

#[track_caller]
fn leaves_out(attribute: &str, value: &str, expected: Why) {
    let expanded = Person::hanako().expand(vec![template(attribute, value, &[])]);
    assert_eq!(expanded.octets, b"");
    assert_eq!(expanded.left_out.len(), 1);
    assert_eq!(expanded.left_out[0].attribute, attribute);
    assert_eq!(expanded.left_out[0].why, expected);
}

#[test]
fn variables_stand_for_account_groups_and_attributes() {
    gives("Filter-Id", "all", &[], b"\x0b\x05all");
    gives("Filter-Id", "{account}", &[], b"\x0b\x08hanako");
    gives("Filter-Id", "{{{account}}", &[], b"\x0b\x0a{hanako}");
    gives(
        "Class",
        "OU={group};",
        &["vpn-u*"],
        b"\x19\x0fOU=vpn-users;",
    );
    gives(
        "Class",
        "{group}",
        &["vpn-*"],
        b"\x19\x0cvpn-admins\x19\x0bvpn-users",
    );
    gives(
        "Session-Timeout",
        "{attribute:LIMIT}",
        &[],
        &[27, 6, 0, 0, 0x0e, 0x10],
    );
    gives(
        "Framed-IP-Address",
        "{attribute:framed-ip}",
        &[],
        &[8, 6, 10, 9, 0, 1],
    );
}

#[test]
fn template_for_groups_is_for_those_who_are_in_one() {
    gives(
        "Filter-Id",
        "admin",
        &["nobody", "vpn-a*"],
        b"\x0b\x07admin",
    );
    gives("Filter-Id", "admin", &["nobody"], b"");
    gives("Filter-Id", "{group}", &["nobody"], b"");
    gives("Filter-Id", "x", &["VPN-*"], b"");
    gives("Filter-Id", "x", &["?taff"], b"\x0b\x03x");
}

#[test]
fn missing_variable_leaves_the_attribute_out() {
    gives("Filter-Id", "a{attribute:none}", &[], b"");
    gives("Filter-Id", "{attribute:empty}", &[], b"");
    let nobody = Person {
        groups: vec![],
        attributes: vec![],
    };
    let expanded = nobody.expand(vec![template("Class", "{group}", &[])]);
    assert_eq!(expanded, Expanded::default());
}

#[test]
fn every_type_is_written() {
    gives("Service-Type", "Framed-User", &[], &[6, 6, 0, 0, 0, 2]);
    gives("Service-Type", "framed-user", &[], &[6, 6, 0, 0, 0, 2]);
    gives("Session-Timeout", "0x10", &[], &[27, 6, 0, 0, 0, 16]);
    gives(
        "Framed-IPv6-Address",
        "2001:db8::1",
        &[],
        &[
            168, 18, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ],
    );
    gives(
        "Framed-IPv6-Prefix",
        "2001:db8:ffff::/36",
        &[],
        &[97, 9, 0, 36, 0x20, 1, 0xd, 0xb8, 0xf0],
    );
    gives("Class", "0x00ff", &[], &[25, 4, 0, 255]);
    gives("Class", "関", &[], "\u{19}\u{5}関".as_bytes());
    gives(
        "Event-Timestamp",
        "1800000000",
        &[],
        &[55, 6, 0x6b, 0x49, 0xd2, 0],
    );
    gives(
        "Event-Timestamp",
        "2027-01-15T08:00:00Z",
        &[],
        &[55, 6, 0x6b, 0x49, 0xd2, 0],
    );
    gives(
        "Event-Timestamp",
        "1970-01-01T00:00:00Z",
        &[],
        &[55, 6, 0, 0, 0, 0],
    );
    gives(
        "Event-Timestamp",
        "2000-02-29T00:00:00Z",
        &[],
        &[55, 6, 0x38, 0xbb, 0x0c, 0],
    );
    gives("Signed", "-2", &[], &[200, 6, 255, 255, 255, 254]);
    gives("Byte", "255", &[], &[201, 3, 255]);
    gives("Short", "256", &[], &[202, 4, 1, 0]);
    gives(
        "Long",
        "4294967296",
        &[],
        &[203, 10, 0, 0, 0, 1, 0, 0, 0, 0],
    );
    gives("Prefix", "10.1.2.3/16", &[], &[204, 8, 0, 16, 10, 1, 0, 0]);
    gives("Any", "10.0.0.1", &[], &[205, 6, 10, 0, 0, 1]);
    gives("Tunnel-Type", "VLAN", &[], &[64, 6, 0, 0, 0, 13]);
    gives("Tunnel-Type:1", "VLAN", &[], &[64, 6, 1, 0, 0, 13]);
    gives("Tunnel-Private-Group-Id", "7", &[], &[81, 3, b'7']);
    gives("Tunnel-Private-Group-Id:31", "7", &[], &[81, 4, 31, b'7']);
}

#[test]
fn vendors_are_written_in_their_format() {
    let fortinet = b"\x1a\x0c\x00\x00\x30\x44\x01\x06good";
    gives("Fortinet-Group-Name", "good", &[], fortinet);
    for name in [
        "26.12356.1",
        "Vendor-Specific:12356:1",
        "vendor-specific.12356.1",
        "Attr-26.12356.1",
    ] {
        gives(name, "good", &[], fortinet);
    }
    gives(
        "26.4242.9",
        "good",
        &[],
        b"\x1a\x0c\x00\x00\x10\x92\x09\x06good",
    );
    gives(
        "26.4242.9",
        "0x67",
        &[],
        b"\x1a\x09\x00\x00\x10\x92\x09\x03g",
    );
    gives("25", "c", &[], b"\x19\x03c");
    gives("199", "0x01", &[], b"\xc7\x03\x01");
    gives(
        "Wide-Text",
        "ab",
        &[],
        b"\x1a\x0c\x00\x00\x00\x07\x01\x02\x00\x06ab",
    );
    gives(
        "Bare-Text",
        "ab",
        &[],
        b"\x1a\x0c\x00\x00\x00\x08\x00\x01\x02\x03ab",
    );
    gives(
        "Cisco-AVPair",
        "shell:priv-lvl=15",
        &[],
        b"\x1a\x19\x00\x00\x00\x09\x01\x13shell:priv-lvl=15",
    );
}

#[test]
fn tunnel_passwords_are_hidden_each_under_its_own_salt() {
    let templates = vec![
        template("Tunnel-Password", "secret one", &[]),
        template("Tunnel-Password:2", "secret one", &[]),
    ];
    let expanded = Person::hanako().expand(templates);
    assert_eq!(expanded.left_out, []);
    let (first, second) = expanded.octets.split_at(expanded.octets.len() / 2);
    for (octets, tag) in [(first, 0), (second, 2)] {
        assert_eq!(octets[..3], [69, 21, tag]);
        let clear = reveal(&secret(), &AUTHENTICATOR, &octets[3..]).unwrap();
        assert_eq!(*clear, b"secret one");
    }
    assert_ne!(first[3..], second[3..]);
}

#[test]
fn what_only_the_protocol_may_set_is_refused() {
    for name in [
        "Proxy-State",
        "State",
        "Message-Authenticator",
        "EAP-Message",
        "User-Password",
        "CHAP-Password",
        "CHAP-Challenge",
        "MS-MPPE-Send-Key",
        "MS-MPPE-Recv-Key",
        "MS-CHAP2-Success",
        "MS-CHAP-MPPE-Keys",
        "Vendor-Specific",
    ] {
        assert_eq!(
            refused(name, "0x00"),
            format!("{name} can not be set by a template")
        );
    }
    for number in ["2", "3", "24", "26.311.16", "33", "60", "79", "80"] {
        assert!(refused(number, "0x00").ends_with("can not be set by a template"));
    }
    gives(
        "MS-MPPE-Encryption-Policy",
        "Encryption-Required",
        &[],
        &[26, 12, 0, 0, 1, 55, 7, 6, 0, 0, 0, 2],
    );
}

#[test]
fn mistakes_of_the_operator_are_told_when_the_template_is_read() {
    for (attribute, value, expected) in [
        ("Klass", "x", "no dictionary knows the attribute \"Klass\""),
        (
            "Klass:1",
            "x",
            "no dictionary knows the attribute \"Klass:1\"",
        ),
        ("256", "x", "\"256\" is not the number of an attribute"),
        ("0", "x", "\"0\" is not the number of an attribute"),
        ("26", "x", "\"26\" is not the number of an attribute"),
        ("26.1", "x", "\"26.1\" is not the number of an attribute"),
        (
            "26.x.1",
            "x",
            "\"26.x.1\" is not the number of an attribute",
        ),
        ("25.1", "x", "\"25.1\" is not the number of an attribute"),
        (
            "26.12356.256",
            "x",
            "26.12356.256 is in a format of its vendor that can not be written",
        ),
        (
            "Long-Text",
            "x",
            "Long-Text is in a format of its vendor that can not be written",
        ),
        (
            "Nested",
            "x",
            "Nested is of type tlv, which can not be written",
        ),
        (
            "241",
            "x",
            "241 is of type extended, which can not be written",
        ),
        ("Class:1", "x", "\"1\" is not a tag that this attribute has"),
        (
            "Tunnel-Type:0",
            "VLAN",
            "\"0\" is not a tag that this attribute has",
        ),
        (
            "Tunnel-Type:32",
            "VLAN",
            "\"32\" is not a tag that this attribute has",
        ),
        (
            "Class",
            "{group",
            "a brace without an end; write {{ for a brace",
        ),
        (
            "Class",
            "{user}",
            "no variable \"user\": there are {account}, {group} and {attribute:NAME}",
        ),
        (
            "Class",
            "{attribute:}",
            "no variable \"attribute:\": there are {account}, {group} and {attribute:NAME}",
        ),
        ("Class", "", "the value is empty"),
        ("Class", "0x1", "not hexadecimal digits in pairs"),
        ("Class", "0x+1", "not hexadecimal digits in pairs"),
        (
            "Session-Timeout",
            "soon",
            "neither a number nor a name of the dictionary",
        ),
        ("Session-Timeout", "4294967296", "the number is too large"),
        ("Tunnel-Type:1", "16777216", "the number is too large"),
        ("Byte", "256", "the number is too large"),
        ("Framed-IP-Address", "10.0.0", "not an address of this kind"),
        ("Framed-IP-Address", "::1", "not an address of this kind"),
        (
            "Framed-IPv6-Prefix",
            "2001:db8::",
            "not a prefix of this kind",
        ),
        (
            "Framed-IPv6-Prefix",
            "2001:db8::/129",
            "not a prefix of this kind",
        ),
        (
            "Event-Timestamp",
            "2026-02-29T00:00:00Z",
            "neither seconds since 1970 nor a time like 2026-11-22T17:00:00Z",
        ),
        (
            "Event-Timestamp",
            "2106-02-07T06:28:16Z",
            "the number is too large",
        ),
    ] {
        assert_eq!(refused(attribute, value), expected, "{attribute} = {value}");
    }
    assert_eq!(
        refused("Filter-Id", &"x".repeat(254)),
        "the value is too long"
    );
    assert_eq!(
        refused("Cisco-AVPair", &"x".repeat(248)),
        "the value is too long"
    );
    assert_eq!(
        refused("Tunnel-Password", &"x".repeat(240)),
        "the value is too long"
    );
    assert_eq!(
        refused("Class", &"x".repeat(1025)),
        "value longer than 1024 octets"
    );
    template("Filter-Id", &"x".repeat(253), &[]);
    template("Cisco-AVPair", &"x".repeat(247), &[]);
    template("Tunnel-Password", &"x".repeat(239), &[]);
}

#[test]
fn value_of_an_account_that_does_not_fit_is_left_out_and_told() {
    leaves_out(
        "Session-Timeout",
        "{account}",
        Why::Value(ValueError::Number),
    );
    leaves_out(
        "Framed-IP-Address",
        "{account}",
        Why::Value(ValueError::Address),
    );
    leaves_out(
        "Filter-Id",
        "{attribute:bell}",
        Why::Value(ValueError::ControlCharacter),
    );
    let long = format!("{}{{account}}", "x".repeat(250));
    leaves_out("Filter-Id", &long, Why::Value(ValueError::TooLong));
}

/// A name that looks like hexadecimal digits is a name.
#[test]
fn only_the_template_itself_says_that_octets_are_hexadecimal() {
    let person = Person {
        groups: vec!["0x41".to_owned()],
        attributes: vec![],
    };
    let expanded = person.expand(vec![template("Class", "{group}", &[])]);
    assert_eq!(expanded.octets, b"\x19\x060x41");
    let expanded = person.expand(vec![template("Class", "0x{account}", &[])]);
    assert_eq!(
        expanded.left_out[0].why,
        Why::Value(ValueError::Hexadecimal)
    );
}

#[test]
fn never_more_than_one_packet_is_given_and_the_rest_is_told() {
    let person = Person {
        groups: (0..1000).map(|n| format!("group-{n:04}")).collect(),
        attributes: vec![],
    };
    let expanded = person.expand(vec![
        template("Filter-Id", "first", &[]),
        template("Class", "OU={group};", &[]),
        template("Filter-Id", "last, and too long for what is left", &[]),
    ]);
    assert!(expanded.octets.len() <= OCTETS_MAX);
    assert!(expanded.octets.len() > OCTETS_MAX - 16);
    assert!(expanded.octets.starts_with(b"\x0b\x07first"));
    let told: Vec<(&str, Why)> = expanded
        .left_out
        .iter()
        .map(|left| (left.attribute.as_str(), left.why))
        .collect();
    assert_eq!(told, [("Class", Why::NoRoom), ("Filter-Id", Why::NoRoom)]);
}

#[test]
fn constants_that_can_not_all_be_sent_are_refused() {
    let large = template("Filter-Id", &"x".repeat(253), &[]);
    assert!(Templates::new(vec![large.clone(); 15]).is_ok());
    assert!(matches!(
        Templates::new(vec![large.clone(); 16]),
        Err(TemplateError::NoRoom(4080))
    ));
    let conditional = template("Filter-Id", &"x".repeat(253), &["a"]);
    assert!(Templates::new(vec![conditional; 16]).is_ok());
    let small = template("Filter-Id", "x", &[]);
    assert!(matches!(
        Templates::new(vec![small; TEMPLATES_MAX + 1]),
        Err(TemplateError::TooMany)
    ));
}

#[test]
fn groups_are_looked_up_only_when_a_template_needs_them() {
    for (templates, expected) in [
        (vec![], false),
        (vec![template("Class", "{account}", &[])], false),
        (vec![template("Class", "{group}", &[])], true),
        (vec![template("Class", "x", &["a"])], true),
    ] {
        assert_eq!(Templates::new(templates).unwrap().need_groups(), expected);
    }
}

/// A pattern of many stars must not take the time of their power.
#[test]
fn patterns_take_little_time() {
    let person = Person {
        groups: vec!["a".repeat(250)],
        attributes: vec![],
    };
    let pattern = format!("{}b", "a*".repeat(100));
    let expanded = person.expand(vec![template("Class", "x", &[&pattern])]);
    assert_eq!(expanded.octets, b"");
    for (pattern, fits) in [
        ("*", true),
        ("", false),
        ("a*", true),
        ("*a", true),
        ("**a**", true),
        ("a", false),
        ("*b*", false),
    ] {
        let expanded = person.expand(vec![template("Class", "x", &[pattern])]);
        assert_eq!(!expanded.octets.is_empty(), fits, "{pattern}");
    }
}

#[test]
fn types_print_as_dictionaries_name_them() {
    assert_eq!(DataType::Integer(4).to_string(), "integer");
    assert_eq!(DataType::AnyAddress.to_string(), "combo-ip");
}

proptest! {
    #[test]
    fn no_template_panics(
        attribute in prop_oneof![
            "[ -~]{0,20}",
            "(26|Vendor-Specific|[0-9]{1,3})[.:][0-9]{1,6}[.:][0-9]{1,3}",
            Just("Class".to_owned()), Just("Tunnel-Password:3".to_owned()),
            Just("Session-Timeout".to_owned()), Just("Framed-IPv6-Prefix".to_owned()),
            Just("Event-Timestamp".to_owned()),
        ],
        value in prop_oneof!["(?s).{0,40}", "[{}a-z:0-9x/T-]{0,30}"],
        groups in proptest::collection::vec("[a-c*?]{0,6}", 0..3),
    ) {
        if let Ok(template) = Template::new(&attribute, &value, &groups, &DICTIONARY) {
            let expanded = Person::hanako().expand(vec![template]);
            reads_back(&expanded.octets);
        }
    }

    #[test]
    fn whatever_an_account_is_called_the_packet_stays_well_formed(
        account in "(?s).{0,300}",
        groups in proptest::collection::vec("(?s).{0,260}", 0..40),
        value in "(?s).{0,300}",
    ) {
        let secret = Secret::new(*b"s").unwrap();
        let cover = Cover { secret: &secret, request: &AUTHENTICATOR, salt: Salt::for_templates([0, 0]) };
        let attributes = [("a".to_owned(), value)];
        let profile = Profile { account: &account, groups: &groups, attributes: &attributes };
        let templates = Templates::new(vec![
            template("Class", "OU={group};", &[]),
            template("Filter-Id", "{account}", &[]),
            template("Tunnel-Password:1", "{attribute:a}", &[]),
            template("Session-Timeout", "{attribute:a}", &[]),
            template("Fortinet-Group-Name", "{group}", &["*a*"]),
        ]).unwrap();
        reads_back(&templates.expand(&profile, cover).octets);
    }
}

/// The attributes fill their octets exactly, none is empty, and all go into one packet.
fn reads_back(octets: &[u8]) {
    let mut buffer = [0; PACKET_MAX];
    let mut writer =
        PacketWriter::reply(&mut buffer, Code::ACCESS_ACCEPT, 7, &AUTHENTICATOR).expect("room");
    let mut rest = octets;
    while let [kind, length, ..] = *rest {
        let (attribute, after) = rest.split_at(usize::from(length));
        writer
            .attribute(AttributeType(kind), &attribute[2..])
            .expect("it fits");
        rest = after;
    }
    assert!(rest.is_empty());
    let length = writer.seal(&secret());
    assert!(Packet::parse(&buffer[..length]).is_ok());
}
