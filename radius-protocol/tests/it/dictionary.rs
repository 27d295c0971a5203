//! Dictionaries in FreeRADIUS's text format.

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;
use sekisho_radius_protocol::dictionary::{
    DataType, Dictionary, DictionaryError, ENTRIES_MAX, Hiding, Number, Problem, Source,
    VendorFormat,
};

fn alone(name: &str, _: &str) -> Result<Source, String> {
    Err(format!("{name} is not there"))
}

fn read(text: &str) -> Result<Dictionary, DictionaryError> {
    let mut dictionary = Dictionary::new();
    dictionary.read("d", text, &mut alone)?;
    Ok(dictionary)
}

#[track_caller]
fn refused(text: &str) -> (usize, Problem) {
    let error = read(text).expect_err("this is wrong");
    assert_eq!(error.file, "d");
    (error.line, error.problem)
}

const EXAMPLE: &str = "
# A comment.
ATTRIBUTE\tFilter-Id\t\t11\tstring   # and one behind
attribute Tunnel-Type 64 integer has_tag
ATTRIBUTE Tunnel-Password 69 string has_tag,encrypt=2
ATTRIBUTE Exotic 0x1F octets[16] concat, array

VENDOR Example 32473
BEGIN-VENDOR Example
ATTRIBUTE Example-Level 1 integer
ATTRIBUTE Example-Address 2 combo-ip
END-VENDOR Example
ATTRIBUTE Example-Old 3 string Example

VALUE Example-Level High 0x10
VALUE Tunnel-Type VLAN 13
VALUE Unknown-Attribute Whatever 1
";

#[test]
fn attributes_values_and_vendors_are_read() {
    let dictionary = read(EXAMPLE).unwrap();
    let number = |name: &str| dictionary.attribute(name).unwrap().number;
    assert_eq!(number("filter-ID"), Number::Standard(11));
    assert_eq!(number("exotic"), Number::Standard(31));
    for (name, kind) in [
        ("Example-Level", 1),
        ("Example-Address", 2),
        ("Example-Old", 3),
    ] {
        let expected = Number::Vendor {
            vendor: 32473,
            kind,
        };
        assert_eq!(number(name), expected);
        assert_eq!(dictionary.by_number(expected).unwrap().name, name);
    }
    assert_eq!(dictionary.vendor("EXAMPLE"), Some(32473));
    assert_eq!(dictionary.value("example-level", "high"), Some(16));
    assert_eq!(dictionary.value("Tunnel-Type", "vlan"), Some(13));
    assert_eq!(dictionary.value("Tunnel-Type", "other"), None);
    let tunnel = dictionary.attribute("Tunnel-Password").unwrap();
    assert!(tunnel.has_tag);
    assert_eq!(tunnel.hiding, Hiding::Salted);
    assert_eq!(dictionary.len(), 7);
    assert_eq!(dictionary.notes(), []);
}

#[test]
fn types_are_known_by_their_old_and_new_names() {
    for (names, expected) in [
        (&["string", "text", "String"][..], DataType::Text),
        (&["octets", "octets[8]"], DataType::Octets),
        (&["integer", "uint32"], DataType::Integer(4)),
        (&["short", "uint16"], DataType::Integer(2)),
        (&["byte", "uint8"], DataType::Integer(1)),
        (&["integer64", "uint64"], DataType::Integer(8)),
        (&["ipaddr", "ipv4addr"], DataType::Address),
        (&["ipv6addr"], DataType::Ipv6Address),
        (&["ipv6prefix"], DataType::Ipv6Prefix),
        (&["date"], DataType::Date),
        (&["tlv"], DataType::Other("tlv".to_owned())),
    ] {
        for name in names {
            let dictionary = read(&format!("ATTRIBUTE A 1 {name}")).unwrap();
            assert_eq!(dictionary.attribute("A").unwrap().data_type, expected);
        }
    }
}

#[test]
fn formats_of_vendors_are_read() {
    for (format, kind_octets, length_octets, continues) in [
        ("", 1, 1, false),
        ("format=1,1", 1, 1, false),
        ("format=1,1,c", 1, 1, true),
        ("format=2,2", 2, 2, false),
        ("format=4,0", 4, 0, false),
    ] {
        let dictionary = read(&format!("VENDOR V 7 {format}")).unwrap();
        let expected = VendorFormat {
            kind_octets,
            length_octets,
            continues,
        };
        assert_eq!(dictionary.format(7), expected);
    }
    for format in [
        "format=3,1",
        "format=1",
        "format=1,3",
        "format=1,1,d",
        "form=1,1",
    ] {
        let (line, problem) = refused(&format!("\nVENDOR V 7 {format}"));
        assert_eq!((line, problem), (2, Problem::Format(format.to_owned())));
    }
}

#[test]
fn what_no_reply_needs_is_passed_over_with_a_note() {
    let dictionary = read(
        "VENDOR V 7
         ATTRIBUTE Pair 1 string
         BEGIN-TLV Pair
         ATTRIBUTE Member 2 string
         BEGIN-TLV Member
         ATTRIBUTE Inner 3 string
         END-TLV Member
         END-TLV Pair
         ATTRIBUTE Extended 241.26 evs
         ATTRIBUTE Internal 1000 integer
         BEGIN-VENDOR V format=Extended-Vendor-Specific-5
         ATTRIBUTE V-Extended 1 string
         END-VENDOR V
         STRUCT Something
         ATTRIBUTE Odd 4 string peculiar",
    )
    .unwrap();
    let mut names: Vec<&str> = dictionary.attributes().map(|a| a.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Odd", "Pair"]);
    let lines: Vec<usize> = dictionary.notes().iter().map(|note| note.line).collect();
    assert_eq!(lines, [3, 9, 10, 11, 12, 14, 15]);
    assert_eq!(
        dictionary.notes()[6].to_string(),
        "d:15: flag \"peculiar\" of Odd"
    );
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    let long = format!("ATTRIBUTE {} 1 string", "a".repeat(129));
    for (text, line, problem) in [
        (
            "\nATTRIBUTES A 1 string",
            2,
            "unknown keyword \"ATTRIBUTES\"",
        ),
        ("ATTRIBUTE", 1, "ATTRIBUTE needs a name"),
        ("ATTRIBUTE A", 1, "ATTRIBUTE needs a number"),
        ("ATTRIBUTE A 1", 1, "ATTRIBUTE needs a type"),
        (
            "ATTRIBUTE A one string",
            1,
            "\"one\" is not a number that fits here",
        ),
        (
            "ATTRIBUTE A -1 string",
            1,
            "\"-1\" is not a number that fits here",
        ),
        (
            "ATTRIBUTE A 4294967296 string",
            1,
            "\"4294967296\" is not a number that fits here",
        ),
        ("VALUE A B", 1, "VALUE needs a number"),
        ("VALUE A B x", 1, "\"x\" is not a number that fits here"),
        ("VENDOR V", 1, "VENDOR needs a number"),
        ("BEGIN-VENDOR V", 1, "no VENDOR \"V\" before this line"),
        ("END-VENDOR V", 1, "END-VENDOR without a beginning"),
        ("END-TLV V", 1, "END-TLV without a beginning"),
        (
            "VENDOR V 1\nBEGIN-VENDOR V\n",
            2,
            "BEGIN-VENDOR without an end",
        ),
        ("BEGIN-TLV V", 1, "BEGIN-TLV without an end"),
        (
            "VENDOR V 1\nBEGIN-VENDOR V\nBEGIN-VENDOR V",
            3,
            "BEGIN-VENDOR without an end",
        ),
        ("$INCLUDE", 1, "$INCLUDE needs a file"),
        (
            "\n\n$INCLUDE other",
            3,
            "can not include \"other\": other is not there",
        ),
        (&long, 1, "name longer than 128 octets"),
    ] {
        let error = read(text).expect_err(text);
        assert_eq!(error.to_string(), format!("d:{line}: {problem}"));
    }
}

#[test]
fn files_are_included_and_errors_name_the_file_that_is_wrong() {
    let files = HashMap::from([
        ("one", "ATTRIBUTE One 1 string\n$INCLUDE two\n"),
        ("two", "ATTRIBUTE Two 2 string\n"),
        ("wrong", "\nATTRIBUTE\n"),
        ("loop", "$INCLUDE loop\n"),
    ]);
    let mut asked = Vec::new();
    let mut include = |name: &str, from: &str| {
        asked.push((name.to_owned(), from.to_owned()));
        match files.get(name) {
            Some(text) => Ok(Source {
                name: format!("/etc/{name}"),
                text: (*text).to_owned(),
            }),
            None => Err("no such file".to_owned()),
        }
    };
    let mut dictionary = Dictionary::new();
    dictionary
        .read("d", "$INCLUDE one\n$INCLUDE- none\n", &mut include)
        .unwrap();
    assert!(dictionary.attribute("One").is_some() && dictionary.attribute("Two").is_some());
    let wrong = dictionary.read("d", "$INCLUDE wrong", &mut include);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "/etc/wrong:2: ATTRIBUTE needs a name"
    );
    let endless = dictionary.read("d", "$INCLUDE loop", &mut include);
    assert_eq!(endless.unwrap_err().problem, Problem::TooManyFiles);
    assert_eq!(asked[0], ("one".to_owned(), "d".to_owned()));
    assert_eq!(asked[1], ("two".to_owned(), "/etc/one".to_owned()));
}

#[test]
fn later_definition_takes_the_place_of_an_earlier_one() {
    let dictionary = read("ATTRIBUTE A 1 string\nATTRIBUTE a 2 integer").unwrap();
    let definition = dictionary.attribute("A").unwrap();
    assert_eq!(definition.number, Number::Standard(2));
    assert_eq!(
        dictionary.notes()[0].to_string(),
        "d:2: a was 1 before and is 2 now"
    );
}

#[test]
fn dictionary_has_a_bound() {
    let mut text = String::new();
    for number in 0..=ENTRIES_MAX {
        text.push_str(&format!("VALUE A V{number} {number}\n"));
    }
    assert_eq!(refused(&text), (ENTRIES_MAX + 1, Problem::TooLarge));
}

#[test]
fn built_in_dictionary_knows_the_gateways() {
    let dictionary = Dictionary::built_in();
    assert_eq!(dictionary.notes(), []);
    for (name, number) in [
        ("Class", "25"),
        ("Filter-Id", "11"),
        ("Tunnel-Private-Group-Id", "81"),
        ("Framed-IPv6-Prefix", "97"),
        ("MS-Primary-DNS-Server", "26.311.28"),
        ("Cisco-AVPair", "26.9.1"),
        ("ASA-Group-Policy", "26.3076.25"),
        ("Fortinet-Group-Name", "26.12356.1"),
        ("Mikrotik-Group", "26.14988.3"),
        ("PaloAlto-User-Group", "26.25461.5"),
        ("Citrix-User-Groups", "26.66.16"),
        ("Juniper-Local-User-Name", "26.2636.1"),
        ("SonicWall-User-Group", "26.8741.3"),
        ("Aruba-User-Role", "26.14823.1"),
        ("CP-Gaia-User-Role", "26.2620.229"),
    ] {
        let definition = dictionary.attribute(name).expect(name);
        assert_eq!(definition.number.to_string(), number);
    }
    assert_eq!(dictionary.vendor("WatchGuard"), Some(3097));
}

/// Reads FreeRADIUS's files where they are, and compares every attribute that both know.
#[test]
fn files_of_freeradius_are_read_and_agree_with_the_built_in_ones() {
    let folder = Path::new("/usr/share/freeradius");
    let Ok(text) = std::fs::read_to_string(folder.join("dictionary")) else {
        return;
    };
    let mut include = |name: &str, _: &str| {
        let text = std::fs::read(folder.join(name)).map_err(|error| error.to_string())?;
        Ok(Source {
            name: name.to_owned(),
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    };
    let mut theirs = Dictionary::new();
    theirs.read("dictionary", &text, &mut include).unwrap();
    assert!(theirs.len() > 6000, "{}", theirs.len());
    let ours = Dictionary::built_in();
    let mut compared = 0;
    for definition in ours.attributes() {
        let Some(other) = theirs.attribute(&definition.name) else {
            continue;
        };
        assert_eq!(definition.number, other.number, "{}", definition.name);
        assert_eq!(definition.data_type, other.data_type, "{}", definition.name);
        assert_eq!(definition.has_tag, other.has_tag, "{}", definition.name);
        assert_eq!(definition.hiding, other.hiding, "{}", definition.name);
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
    assert_eq!(compared, ours.len());
    // Both in one, as an operator would have it.
    let mut both = Dictionary::built_in();
    both.read("dictionary", &text, &mut include).unwrap();
    assert!(both.attribute("Fortinet-Group-Name").is_some());
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_words_in_the_places_of_others_panic(
        lines in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    Just("ATTRIBUTE"), Just("VALUE"), Just("VENDOR"), Just("BEGIN-VENDOR"),
                    Just("END-VENDOR"), Just("BEGIN-TLV"), Just("END-TLV"), Just("$INCLUDE"),
                    Just("V"), Just("A"), Just("1"), Just("0xffffffffff"), Just("1.2.3"),
                    Just("string"), Just("format=1,1"), Just("has_tag,encrypt=9"), Just("#"),
                ], 1..6), 0..12),
    ) {
        let text: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
        let _ = read(&text.join("\n"));
    }
}
