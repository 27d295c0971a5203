//! Servers that are away, hang, are somebody else's, or send what they should not: nothing is known
//! then, in bounded time, and nobody gets in.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::fake::Fake;
use super::slapd::{PASSWORD, Slapd};
use super::{AT, SEARCH, directory, timed};
use crate::first_factor::{Judged, Unavailable};

/// Short, so that tests are.
const QUICK: &str = "timeout-ms = 400\ntotal-ms = 1500\n";
/// In clear, for servers without a certificate.
const PLAIN: &str = "start-tls = false\nallow-plain = true\n";
/// Success, for message 1.
const YES: &[u8] = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";

/// A port at which nobody listens.
async fn closed() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    format!("ldap://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn directory_that_is_down_is_not_a_wrong_password() {
    let down = closed().await;
    for lines in [AT, SEARCH] {
        let ldap = directory(&[&down], &format!("{lines}{QUICK}{PLAIN}"));
        let (judged, took) = timed(&ldap, "hana", PASSWORD).await;
        assert_eq!(judged, Judged::Unavailable);
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!(ldap.groups("hana").await, Err(Unavailable));
    }
}

#[tokio::test]
async fn directory_that_hangs_takes_bounded_time_for_everybody() {
    let hanging = Fake::start(&[]).await;
    for lines in [PLAIN, ""] {
        let servers = vec![hanging.url.as_str(); 8];
        let ldap = directory(&servers, &format!("{AT}{QUICK}{lines}"));
        let ldap = Arc::new(ldap);
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let ldap = Arc::clone(&ldap);
                tokio::spawn(async move { timed(&ldap, "hana", PASSWORD).await })
            })
            .collect();
        for asked in asked {
            let (judged, took) = asked.await.unwrap();
            assert_eq!(judged, Judged::Unavailable);
            // Eight servers would take 3.2 s.
            assert!(took < Duration::from_millis(2_500), "{took:?}");
        }
    }
}

#[tokio::test]
async fn next_server_is_asked_and_the_good_one_is_remembered() {
    let slapd = Slapd::start();
    let (down, hanging) = (closed().await, Fake::start(&[]).await);
    let lines = format!(
        "{AT}timeout-ms = 700\ntotal-ms = 10000\n{}",
        slapd.trust("ca.pem")
    );
    let ldap = directory(&[&down, &hanging.url, &slapd.ldap()], &lines);
    let (judged, took) = timed(&ldap, "hana", PASSWORD).await;
    assert_eq!(judged, Judged::Right);
    assert!(took >= Duration::from_millis(700), "{took:?}");
    let (judged, took) = timed(&ldap, "hana", PASSWORD).await;
    assert_eq!(judged, Judged::Right);
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[tokio::test]
async fn directory_that_comes_back_is_asked_again() {
    let slapd = Slapd::start();
    let lines = format!("{SEARCH}timeout-ms = 2000\ntotal-ms = 2000\n");
    let ldap = directory(&[&slapd.ldapi()], &lines);
    assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Right);
    slapd.freeze();
    let (judged, took) = timed(&ldap, "hana", PASSWORD).await;
    assert_eq!(judged, Judged::Unavailable);
    assert!(took < Duration::from_secs(4), "{took:?}");
    slapd.thaw();
    assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Right);
    assert_eq!(
        timed(&ldap, "hana", "incorrect horse").await.0,
        Judged::Wrong
    );
}

#[tokio::test]
async fn certificate_of_another_is_not_taken() {
    let slapd = Slapd::start();
    for (server, trusted, judged) in [
        (slapd.ldaps("localhost"), "ca.pem", Judged::Right),
        (slapd.ldaps("localhost"), "other.pem", Judged::Unavailable),
        (slapd.ldap(), "other.pem", Judged::Unavailable),
        // The right authority, and a name that is not in the certificate.
        (slapd.ldaps("127.0.0.2"), "ca.pem", Judged::Unavailable),
        // No TLS where TLS should be.
        (
            slapd.ldap().replace("ldap:", "ldaps:"),
            "ca.pem",
            Judged::Unavailable,
        ),
    ] {
        let lines = format!("{AT}{}", slapd.trust(trusted));
        let ldap = directory(&[&server], &lines);
        assert_eq!(
            timed(&ldap, "hana", PASSWORD).await.0,
            judged,
            "{server} {trusted}"
        );
    }
}

#[tokio::test]
async fn searcher_who_can_not_bind_is_not_a_wrong_password() {
    let slapd = Slapd::start();
    let lines = SEARCH.replace("seeker of people", "seeker of nobody");
    let ldap = directory(&[&slapd.ldapi()], &lines);
    assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Unavailable);
    assert_eq!(ldap.groups("hana").await, Err(Unavailable));
}

#[tokio::test]
async fn base_that_does_not_exist_is_not_a_wrong_password() {
    let slapd = Slapd::start();
    let lines = SEARCH.replace("ou=people", "ou=persons");
    let ldap = directory(&[&slapd.ldapi()], &lines);
    assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Unavailable);
}

#[tokio::test]
async fn starttls_is_not_done_without() {
    // A server that refuses, one that agrees to everything but TLS, and one that sends what looks
    // like the answer to a bind behind its consent.
    let refused = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00";
    let consent = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
    let behind = [&consent[..], YES].concat();
    let slapd = Slapd::start();
    for lines in [&[&refused[..]][..], &[YES, YES, YES], &[&behind, YES, YES]] {
        let fake = Fake::start(lines).await;
        let ldap = directory(
            &[&fake.url],
            &format!("{AT}{QUICK}{}", slapd.trust("ca.pem")),
        );
        assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Unavailable);
    }
}

#[tokio::test]
async fn strange_messages_end_one_login_and_nothing_else() {
    let deep = [0x30, 0x84, 0, 3, 0xff, 0xfc].repeat(40_000);
    let huge = [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff];
    let entry = b"\x30\x0b\x02\x01\x01\x64\x06\x04\x02dc\x30\x00";
    let other = YES.replace_id(9);
    for line in [
        &b""[..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x00",
        b"\x30\x80\x00\x00",
        b"\x30\x05\x02\x01\x01\x61\x00",
        &deep,
        &huge,
        entry,
        &other,
        // A bind that is answered as a search is: `ldap3` takes only the code.
        b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x31\x04\x00\x04\x00",
    ] {
        let fake = Fake::start(&[line]).await;
        let ldap = directory(&[&fake.url], &format!("{AT}{QUICK}{PLAIN}"));
        let (judged, took) = timed(&ldap, "hana", PASSWORD).await;
        assert_ne!(judged, Judged::Right, "{line:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        // The thread of directories lives.
        assert_ne!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Right);
    }
    let honest = Fake::start(&[YES]).await;
    let ldap = directory(&[&honest.url], &format!("{AT}{QUICK}{PLAIN}"));
    assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Right);
}

trait ReplaceId {
    /// The same message with another id.
    fn replace_id(&self, id: u8) -> Vec<u8>;
}

impl ReplaceId for [u8] {
    fn replace_id(&self, id: u8) -> Vec<u8> {
        let mut octets = self.to_vec();
        octets[4] = id;
        octets
    }
}

/// A search is answered as a bind is: `ldap3` panics, and only that login is lost.
#[tokio::test]
async fn panic_of_the_parser_ends_one_login_and_nothing_else() {
    let second = YES.replace_id(2);
    let fake = Fake::start(&[YES, &second]).await;
    let ldap = directory(&[&fake.url], &format!("{SEARCH}{QUICK}{PLAIN}"));
    for _ in 0..3 {
        let (judged, _) = timed(&ldap, "hana", PASSWORD).await;
        assert_eq!(judged, Judged::Unavailable);
    }
}

/// The codes with which servers refuse accounts, and those with which they refuse themselves.
#[tokio::test]
async fn codes_about_the_account_are_wrong_and_others_are_not() {
    for (code, judged) in [
        (0, Judged::Right),
        (19, Judged::Wrong),
        (32, Judged::Wrong),
        (34, Judged::Wrong),
        (48, Judged::Wrong),
        (49, Judged::Wrong),
        (50, Judged::Wrong),
        (53, Judged::Wrong),
        (1, Judged::Unavailable),
        (3, Judged::Unavailable),
        (7, Judged::Unavailable),
        (8, Judged::Unavailable),
        (10, Judged::Unavailable),
        (13, Judged::Unavailable),
        (14, Judged::Unavailable),
        (51, Judged::Unavailable),
        (52, Judged::Unavailable),
        (80, Judged::Unavailable),
    ] {
        let mut answer = YES.to_vec();
        answer[9] = code;
        let fake = Fake::start(&[&answer]).await;
        let ldap = directory(&[&fake.url], &format!("{AT}{QUICK}{PLAIN}"));
        assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, judged, "{code}");
    }
}
