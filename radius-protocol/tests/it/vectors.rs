//! RFC 2865 section 7: packets that others computed.

use sekisho_radius_protocol::authenticator::is_response_authentic;
use sekisho_radius_protocol::{AttributeType, Packet, Secret, user_password};

struct Example {
    name: String,
    request: Vec<u8>,
    password: Option<String>,
    reply: Vec<u8>,
}

fn examples() -> Vec<Example> {
    let lines: Vec<&str> = include_str!("../vectors/rfc2865.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    lines
        .chunks_exact(4)
        .map(|four| Example {
            name: four[0].to_owned(),
            request: octets(four[1]),
            password: (four[2] != "-").then(|| four[2].to_owned()),
            reply: octets(four[3]),
        })
        .collect()
}

fn octets(hex: &str) -> Vec<u8> {
    hex.split(' ')
        .map(|octet| u8::from_str_radix(octet, 16).expect("hexadecimal"))
        .collect()
}

#[test]
fn replies_of_rfc_2865_are_authentic_and_one_changed_bit_is_not() {
    let secret = Secret::new(*b"xyzzy5461").unwrap();
    assert_eq!(examples().len(), 4);
    for example in examples() {
        let request = Packet::parse(&example.request).unwrap().authenticator();
        let reply = Packet::parse(&example.reply).unwrap();
        assert!(
            is_response_authentic(&secret, &reply, &request),
            "{}",
            example.name
        );
        let mut changed = example.reply.clone();
        *changed.last_mut().unwrap() ^= 1;
        let changed = Packet::parse(&changed).unwrap();
        assert!(!is_response_authentic(&secret, &changed, &request));
    }
}

#[test]
fn passwords_of_rfc_2865_are_revealed_and_hidden() {
    let secret = Secret::new(*b"xyzzy5461").unwrap();
    for example in examples() {
        let request = Packet::parse(&example.request).unwrap();
        let hidden = request.first(AttributeType::USER_PASSWORD);
        assert_eq!(hidden.is_some(), example.password.is_some());
        let (Some(hidden), Some(password)) = (hidden, example.password) else {
            continue;
        };
        let revealed = user_password::reveal(&secret, &request.authenticator(), hidden.value);
        assert_eq!(revealed.unwrap().octets(), password.as_bytes());
        let again =
            user_password::hide(&secret, &request.authenticator(), password.as_bytes()).unwrap();
        assert_eq!(again.octets(), hidden.value, "{}", example.name);
    }
}
