use proptest::prelude::*;

use super::*;

const WALL: Duration = Duration::from_secs(1_800_000_000);
const NONCE: [u8; NONCE_OCTETS] = [7; NONCE_OCTETS];
const BINDING: Binding<'static> = Binding {
    client: "vpn-1",
    account: "hanako",
};

fn keys(numbers: &[u32]) -> StateKeys {
    let keys: Vec<_> = numbers.iter().map(|&n| (n, [n as u8; 32])).collect();
    StateKeys::new(keys.iter().map(|(number, key)| (*number, key)))
}

fn content() -> Content {
    Content {
        id: [3; 16],
        round: 1,
        expires: WALL + Duration::from_secs(120),
        first: FirstFactor::Right,
        kind: Kind::Code,
    }
}

fn sealed() -> Vec<u8> {
    keys(&[1]).seal(&content(), &BINDING, &NONCE).unwrap()
}

#[test]
fn state_opens_with_the_key_that_sealed_it_and_no_other() {
    let old = keys(&[1]);
    let both = keys(&[2, 1]);
    let new = keys(&[2]);
    let state = old.seal(&content(), &BINDING, &NONCE).unwrap();
    assert_eq!(both.open(&state, &BINDING, WALL), Ok(content()));
    assert_eq!(new.open(&state, &BINDING, WALL), Err(DoesNotOpen));
    let state = both.seal(&content(), &BINDING, &NONCE).unwrap();
    assert_eq!(new.open(&state, &BINDING, WALL), Ok(content()));
    assert_eq!(old.open(&state, &BINDING, WALL), Err(DoesNotOpen));
    let none = StateKeys::default();
    assert_eq!(none.seal(&content(), &BINDING, &NONCE), None);
    assert_eq!(none.open(&state, &BINDING, WALL), Err(DoesNotOpen));
}

#[test]
fn state_opens_only_for_its_client_and_account() {
    let state = sealed();
    for (client, account, opens) in [
        ("vpn-1", "hanako", true),
        ("vpn-1", "HanaKo", true),
        ("vpn-1", "hanako2", false),
        ("vpn-1", "", false),
        ("vpn-2", "hanako", false),
        ("vpn-1h", "anako", false),
        ("", "vpn-1hanako", false),
    ] {
        let binding = Binding { client, account };
        let opened = keys(&[1]).open(&state, &binding, WALL);
        assert_eq!(opened.is_ok(), opens, "{client} {account}");
    }
}

#[test]
fn state_opens_until_it_expires() {
    for (seconds, opens) in [(0, true), (119, true), (120, false), (100_000, false)] {
        let wall = WALL + Duration::from_secs(seconds);
        let opened = keys(&[1]).open(&sealed(), &BINDING, wall);
        assert_eq!(opened.is_ok(), opens, "{seconds}");
    }
}

#[test]
fn no_octet_of_a_state_can_be_changed_added_or_left_out() {
    let state = sealed();
    for at in 0..state.len() {
        for bit in 0..8 {
            let mut changed = state.clone();
            changed[at] ^= 1 << bit;
            assert_eq!(keys(&[1]).open(&changed, &BINDING, WALL), Err(DoesNotOpen));
        }
        assert_eq!(
            keys(&[1]).open(&state[..at], &BINDING, WALL),
            Err(DoesNotOpen)
        );
    }
    let mut longer = state;
    longer.push(0);
    assert_eq!(keys(&[1]).open(&longer, &BINDING, WALL), Err(DoesNotOpen));
}

#[test]
fn no_octet_of_a_state_is_zero() {
    for nonce in 0..=u8::MAX {
        let state = keys(&[0]).seal(&content(), &BINDING, &[nonce; NONCE_OCTETS]);
        let state = state.unwrap();
        assert!(!state.contains(&0), "{state:?}");
        assert_eq!(keys(&[0]).open(&state, &BINDING, WALL), Ok(content()));
    }
    for octets in [
        &[][..],
        &[0],
        &[0, 0],
        &[1, 0, 2],
        &[0, 1, 0],
        &[9; 252],
        &[0; 252],
    ] {
        let text = without_zeros(octets);
        assert_eq!(text.len(), octets.len() + 1);
        assert!(!text.contains(&0));
        assert_eq!(with_zeros(&text).as_deref(), Some(octets));
    }
    for bad in [&[][..], &[0], &[2], &[3, 1], &[1, 0], &[2, 7, 0]] {
        assert_eq!(with_zeros(bad), None, "{bad:?}");
    }
}

#[test]
fn response_with_the_longest_name_fits_into_a_state() {
    let with_name = |octets| Content {
        first: FirstFactor::None,
        kind: Kind::EapAcknowledge {
            eap: Extra {
                identifier: 3,
                offered: u8::MAX,
            },
            proved: Proved {
                challenge: [1; 16],
                peer_challenge: [2; 16],
                response: [3; 24],
                name: Some(vec![b'n'; octets].into()),
            },
        },
        ..content()
    };
    let longest = with_name(Proved::NAME_OCTETS_MAX);
    let state = keys(&[1]).seal(&longest, &BINDING, &NONCE).unwrap();
    assert_eq!(keys(&[1]).open(&state, &BINDING, WALL), Ok(longest));
    let sealed = keys(&[1]).seal(&with_name(200), &BINDING, &NONCE);
    assert_eq!(sealed, None);
}

#[test]
fn keys_and_what_they_seal_are_not_printed() {
    let proved = Proved {
        challenge: [1; 16],
        peer_challenge: [2; 16],
        response: [3; 24],
        name: None,
    };
    assert_eq!(format!("{proved:?}"), "Proved");
    assert_eq!(format!("{:?}", keys(&[1, 2])), "StateKeys(2 keys)");
    let ticket = FirstTicket::new(&[0xab; 64]).unwrap();
    assert_eq!(format!("{ticket:?}"), "FirstTicket(64 octets)");
    assert_eq!(FirstTicket::new(&[0; 65]), None);
}

fn first() -> impl Strategy<Value = FirstFactor> {
    prop_oneof![
        Just(FirstFactor::None),
        Just(FirstFactor::Right),
        Just(FirstFactor::Wrong),
        proptest::collection::vec(any::<u8>(), 0..=TICKET_OCTETS_MAX)
            .prop_map(|octets| FirstFactor::Ticket(FirstTicket::new(&octets).unwrap())),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    let eap = || {
        (any::<u8>(), any::<u8>()).prop_map(|(identifier, offered)| Extra {
            identifier,
            offered,
        })
    };
    prop_oneof![
        Just(Kind::Code),
        eap().prop_map(Kind::EapIdentity),
        eap().prop_map(Kind::EapGtcPassword),
        eap().prop_map(Kind::EapGtcCode),
        (eap(), any::<[u8; 16]>())
            .prop_map(|(eap, challenge)| Kind::EapMsChapV2 { eap, challenge }),
        (
            eap(),
            any::<([u8; 16], [u8; 16], [u8; 24])>(),
            proptest::option::of(proptest::collection::vec(any::<u8>(), 0..60))
        )
            .prop_map(|(eap, (challenge, peer_challenge, response), name)| {
                Kind::EapAcknowledge {
                    eap,
                    proved: Proved {
                        challenge,
                        peer_challenge,
                        response,
                        name: name.map(Into::into),
                    },
                }
            }),
    ]
}

proptest! {
    #[test]
    fn what_is_sealed_is_what_opens(
        id: [u8; 16],
        round: u8,
        seconds in 1u64..1 << 40,
        first in first(),
        kind in kind(),
        nonce: [u8; NONCE_OCTETS],
        client: String,
        account: String,
    ) {
        let expires = Duration::from_secs(seconds);
        let content = Content { id, round, expires, first, kind };
        let binding = Binding { client: &client, account: &account };
        let state = keys(&[9]).seal(&content, &binding, &nonce).unwrap();
        prop_assert!(state.len() <= VALUE_MAX);
        let before = expires - Duration::from_secs(1);
        prop_assert_eq!(keys(&[9]).open(&state, &binding, before), Ok(content));
    }

    #[test]
    fn no_octets_panic_the_decoder(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(content) = Content::decode(&octets) {
            let again = content.encode();
            prop_assert_eq!(again.as_slice(), octets.as_slice());
        }
        let _ = keys(&[1]).open(&octets, &BINDING, WALL);
    }
}
