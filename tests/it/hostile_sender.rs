//! A sender on the gateway's side of the network that sends anything but good requests.

use std::time::{Duration, Instant};

use sekisho_radius_protocol::packet::PACKET_MAX;
use sekisho_tests::radius::{Nas, Raw, Request, random, seal, sign_report};
use sekisho_tests::{Installation, Network, Token, Verdict};

const SOON: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_millis(400);
/// How many mutated packets there are, all in all.
const MUTANTS: usize = 1_000_000;
/// How many of them between two signs of life. They fit into the server's receive buffer, so that
/// the server has really looked at each.
const BATCH: usize = 2_500;
/// One of so many has a right Message-Authenticator, and is judged as far as it is understood.
const SEALED: u64 = 64;
/// So many good logins between them.
const LOGINS: usize = 40;

fn hana() -> Token {
    Token::new("hana", "SKTS00000001")
}

#[test]
fn malformed_packets_get_silence_and_change_nothing() {
    let hana = hana();
    let mut made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let good = || Raw::access(9, "hana").password(code.as_bytes());
    let mut short_of_length = good().sealed().build().octets;
    short_of_length.pop();
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("shorter than its Length".into(), short_of_length),
        (
            "an attribute of length 0".into(),
            good().octets(&[89, 0]).sealed().build().octets,
        ),
        (
            "an attribute of length 1".into(),
            good().octets(&[89, 1]).sealed().build().octets,
        ),
        (
            "an attribute of length 0 at the end".into(),
            sealed_before(good(), &[89, 0]),
        ),
        (
            "an attribute of length 1 at the end".into(),
            sealed_before(good(), &[89, 1]),
        ),
        (
            "an attribute that overruns".into(),
            sealed_before(good(), &[89, 9, 1]),
        ),
        (
            "a lone octet at the end".into(),
            sealed_before(good(), &[89]),
        ),
        (
            "a Message-Authenticator of 17".into(),
            good().with(80, &[0; 15]).build().octets,
        ),
        (
            "a Message-Authenticator of 19".into(),
            good().with(80, &[0; 17]).build().octets,
        ),
        (
            "a Message-Authenticator of zeros".into(),
            good().with(80, &[0; 16]).build().octets,
        ),
        (
            "two Message-Authenticators".into(),
            good().with(80, &[0; 16]).sealed().build().octets,
        ),
        (
            "EAP without Message-Authenticator".into(),
            Raw::access(9, "hana")
                .with(79, &[2, 1, 0, 9, 1, b'h', b'a', b'n', b'a'])
                .build()
                .octets,
        ),
        ("no attributes".into(), Raw::new(1, 9).build().octets),
        (
            "nothing to judge".into(),
            Raw::access(9, "hana").build().octets,
        ),
    ];
    for length in 0..20 {
        cases.push((format!("{length} octets"), vec![1; length]));
    }
    for length in [0u16, 19, 4097, u16::MAX] {
        let mut octets = good().sealed().build().octets;
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        cases.push((format!("Length {length}"), octets));
    }
    for code in (0..=255u8).filter(|code| ![1, 12].contains(code)) {
        cases.push((
            format!("code {code}"),
            Raw::new(code, 9).with(1, b"hana").sealed().build().octets,
        ));
    }
    let before = made.events().len();
    let nas = made.nas();
    for (what, octets) in &cases {
        nas.send_octets(octets);
        // Something that is answered at once, so that nobody needs to wait for silence each time.
        let status = Request::status(200);
        nas.send(&status);
        let reply = nas
            .receive(SOON)
            .unwrap_or_else(|| panic!("{what}: it is dead"));
        assert_eq!(reply[1], 200, "{what} was answered: {reply:?}");
    }
    assert_eq!(nas.receive(QUIET), None);
    assert_eq!(made.events().len(), before);
    assert!(made.radius().runs());
    assert_eq!(made.nas().login("hana", &code), Verdict::Accept);
}

/// A packet with a right seal and `tail` behind it, which does not spoil its hash.
fn sealed_before(packet: Raw, tail: &[u8]) -> Vec<u8> {
    packet.sealed().octets(tail).build().octets
}

#[test]
fn well_formed_nonsense_gets_one_reject_and_spends_nothing() {
    let hana = hana();
    let made = Installation::with(&[&hana]);
    let code = made.code(&hana, 0);
    let good = || Raw::access(9, "hana").password(code.as_bytes());
    let hidden_17 = |packet: Raw| {
        let mut hidden = packet.hide(code.as_bytes());
        hidden.push(0);
        packet.with(2, &hidden)
    };
    let cases = [
        ("two passwords", good().password(b"000000")),
        ("PAP and CHAP", good().chap(code.as_bytes())),
        ("a password of 17 octets", hidden_17(Raw::access(9, "hana"))),
        (
            "a CHAP-Password of 18 octets",
            Raw::access(9, "hana").with(3, &[7; 16]),
        ),
        ("ARAP", Raw::access(9, "hana").with(70, &[0; 16])),
        (
            "Authorize-Only without State",
            good().with(6, &[0, 0, 0, 17]),
        ),
        ("Call-Check", good().with(6, &[0, 0, 0, 10])),
        (
            "a State that we did not make",
            good().with(24, b"not of our making"),
        ),
        ("two States", good().with(24, b"one").with(24, b"two")),
    ];
    let nas = made.nas();
    for (what, packet) in cases {
        let request = packet.sealed().build();
        nas.send(&request);
        let reply = nas
            .receive(SOON)
            .unwrap_or_else(|| panic!("{what}: no reply"));
        assert_eq!(request.verdict(&reply), Verdict::Reject, "{what}");
    }
    assert_eq!(nas.receive(QUIET), None);
    assert_eq!(made.count("right-code"), 0);
    assert_eq!(made.nas().login("hana", &code), Verdict::Accept);
}

#[test]
fn what_looks_odd_and_is_right_gets_in() {
    let cases: [fn(Raw) -> Raw; 9] = [
        |packet| packet.with(200, b"unknown"),
        |packet| packet.with(241, b"\x01extended"),
        |packet| packet.with(246, b""),
        |packet| packet.with(5, b"123"),
        |packet| packet.with(4, b"12345"),
        |packet| packet.with(26, b"\0\0\x01\x37\xff\xff"),
        |packet| packet.with(26, b"\0\0"),
        |packet| packet.vendor(9, 1, b"text"),
        |packet| packet.with(32, b"").with(31, b""),
    ];
    let tokens: Vec<Token> = (0..cases.len() + 1)
        .map(|n| Token::new(&format!("user{n}"), &format!("SKTS{n:08}")))
        .collect();
    let made = Installation::with(&tokens.iter().collect::<Vec<_>>());
    let login =
        |token: &Token| Raw::access(3, &token.account).password(made.code(token, 0).as_bytes());
    for (number, (case, token)) in cases.iter().zip(&tokens).enumerate() {
        let request = case(login(token)).sealed().build();
        assert_eq!(
            made.nas().ask(&request, SOON),
            Verdict::Accept,
            "case {number}"
        );
    }
    let mut padded = login(&tokens[cases.len()]).sealed().build();
    padded.octets.extend([0; 4]);
    assert_eq!(
        made.nas().ask(&padded, SOON),
        Verdict::Accept,
        "padding is no part of a packet"
    );
}

#[test]
fn a_million_mutated_packets_stop_no_good_login() {
    let _network = Network::enter_unseen();
    let tokens: Vec<Token> = (0..LOGINS)
        .map(|n| Token::new(&format!("user{n}"), &format!("SKTS{n:08}")))
        .collect();
    let mut made = Installation::with(&tokens.iter().collect::<Vec<_>>());
    let mut hostile = Hostile::new(&made);
    let (batches, mut waited) = (MUTANTS / BATCH, Duration::ZERO);
    let mut logins = tokens.iter();
    let started = Instant::now();
    for batch in 0..batches {
        for _ in 0..BATCH {
            hostile.send_one();
        }
        let asked = Instant::now();
        assert_eq!(
            made.nas().insist(&Request::status(1), SOON),
            Verdict::Accept,
            "after {} packets",
            (batch + 1) * BATCH
        );
        hostile.expect_no_accept();
        if batch % (batches / LOGINS) == 0 {
            let token = logins.next().expect("one for each");
            let verdict = made.nas().login(&token.account, &made.code(token, 0));
            assert_eq!(verdict, Verdict::Accept, "login of {}", token.account);
        }
        waited = waited.max(asked.elapsed());
    }
    let took = started.elapsed();
    assert!(made.radius().runs() && made.verifier().runs());
    assert_eq!(made.count("right-code"), LOGINS);
    assert!(waited < SOON, "an honest gateway waited {waited:?}");
    assert!(took < Duration::from_secs(300), "{took:?}");
}

/// Sends mutants of good packets.
struct Hostile {
    login: Nas,
    accounting: Nas,
    sealed: Vec<Vec<u8>>,
    bare: Vec<Vec<u8>>,
    random: u64,
}

impl Hostile {
    fn new(made: &Installation) -> Self {
        let login = || Raw::access(0, "mutant").password(b"123456");
        let eap = [2, 1, 0, 11, 1, b'm', b'u', b't', b'a', b'n', b't'];
        let proxied = (0..20).fold(login(), |packet, n| packet.with(33, &[n; 40]));
        let templates = [
            login(),
            Raw::access(0, "mutant").chap(b"123456"),
            Raw::access(0, "mutant").with(79, &eap),
            Raw::access(0, "mutant").with(79, &eap).with(24, &[9; 64]),
            Raw::access(0, "mutant")
                .vendor(311, 11, &[5; 16])
                .vendor(311, 25, &[6; 50]),
            login()
                .with(4, &[127, 0, 0, 1])
                .with(5, &[0, 0, 0, 1])
                .with(31, b"192.0.2.7")
                .with(32, b"gateway")
                .with(44, b"0123456789ABCDEF"),
            proxied,
            Raw::accounting(0, 1)
                .with(1, b"mutant")
                .with(44, b"0123456789ABCDEF")
                .with(4, &[127, 0, 0, 1]),
        ];
        Self {
            login: made.nas(),
            accounting: Nas::new(made.accounting_address()),
            sealed: templates
                .iter()
                .map(|raw| raw.clone().sealed().build().octets)
                .collect(),
            bare: templates.iter().map(|raw| raw.build().octets).collect(),
            random: u64::from_le_bytes(random()[..8].try_into().expect("8 octets")),
        }
    }

    /// xorshift64*: which packets there are matters, not whether they can be guessed.
    fn next(&mut self) -> u64 {
        self.random |= 1;
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit.max(1)
    }

    fn send_one(&mut self) {
        let template = self.below(self.bare.len());
        let knows_the_secret = self.next().is_multiple_of(SEALED);
        let mut octets = if knows_the_secret {
            self.bare[template].clone()
        } else {
            self.sealed[template].clone()
        };
        octets[1] = self.next() as u8;
        for _ in 0..=self.below(3) {
            self.mutate(&mut octets);
        }
        let accounting = template + 1 == self.bare.len();
        if knows_the_secret && (20..PACKET_MAX - 18).contains(&octets.len()) {
            if accounting {
                octets[0] = 4;
                sign_report(&mut octets);
            } else {
                reseal(&mut octets);
            }
        }
        if accounting {
            self.accounting.send_octets(&octets);
        } else {
            self.login.send_octets(&octets);
        }
    }

    fn mutate(&mut self, octets: &mut Vec<u8>) {
        let at = self.below(octets.len());
        match self.below(10) {
            0 | 1 => octets[at] ^= 1 << self.below(8),
            2 => octets[at] = [0, 1, 2, 3, 0x7f, 0xff][self.below(6)],
            3 => octets.truncate(at.max(1)),
            4 => octets.extend(vec![self.next() as u8; self.below(64)]),
            5 => octets[0] = self.next() as u8,
            6 => {
                let length = self.next() as u16;
                if octets.len() > 4 {
                    octets[2..4].copy_from_slice(&length.to_be_bytes());
                }
            }
            // The length of an attribute, so that all behind it is read in another way.
            7 if octets.len() > 24 => {
                let value = self.next() as u8;
                let first = octets[21];
                octets[21] = if at.is_multiple_of(2) {
                    value
                } else {
                    first.wrapping_add(1)
                };
            }
            8 if octets.len() > 20 => {
                // Attributes twice, in another order.
                let piece: Vec<u8> = octets[20..].to_vec();
                if octets.len() + piece.len() <= PACKET_MAX {
                    octets.splice(20..20, piece);
                    fix_length(octets);
                }
            }
            _ => {
                let kind = self.next() as u8;
                let length = self.below(40);
                octets.extend([kind, length as u8 + 2]);
                octets.extend(vec![0xa5; length]);
                fix_length(octets);
            }
        }
    }

    /// Whatever was answered: none of it let anybody in. An Access-Accept to what became a
    /// Status-Server would be right, but carries nothing but its seal, and no mutant is one.
    fn expect_no_accept(&self) {
        while let Some(reply) = self.login.receive(Duration::from_millis(1)) {
            assert_ne!(reply[0], 2, "a mutant was let in: {reply:?}");
        }
        while self.accounting.receive(Duration::from_millis(1)).is_some() {}
    }
}

fn fix_length(octets: &mut [u8]) {
    if octets.len() >= 4 {
        let length = octets.len() as u16;
        octets[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Gives a mutant what a gateway that knows the secret would give it.
fn reseal(octets: &mut Vec<u8>) {
    // A Status-Server is answered with Access-Accept; it is no mutant then.
    if octets[0] == 12 {
        octets[0] = 1;
    }
    octets.extend([80, 18]);
    let at = octets.len();
    octets.extend([0; 16]);
    fix_length(octets);
    seal(octets, at);
}
