//! Whose password is right, on a real slapd.

use super::slapd::{PASSWORD, Slapd};
use super::{AT, SEARCH, directory, judge, timed};
use crate::first_factor::Judged;

/// How the tests' users are found by settings that read alike otherwise.
fn both(slapd: &Slapd) -> [String; 2] {
    [AT, SEARCH].map(|how| format!("{how}{}", slapd.trust("ca.pem")))
}

#[tokio::test]
async fn bind_decides_over_every_way_to_the_directory() {
    let slapd = Slapd::start();
    let ways = [
        slapd.ldap(),
        slapd.ldaps("127.0.0.1"),
        slapd.ldaps("localhost"),
        slapd.ldapi(),
    ];
    for lines in both(&slapd) {
        for way in &ways {
            let ldap = directory(&[way], &lines);
            let (judged, _) = timed(&ldap, "hana", PASSWORD).await;
            assert_eq!(judged, Judged::Right, "{way} {lines}");
            let (judged, _) = timed(&ldap, "hana", "incorrect horse").await;
            assert_eq!(judged, Judged::Wrong, "{way} {lines}");
        }
    }
    let plain = format!("{AT}start-tls = false\nallow-plain = true\n");
    let ldap = directory(&[&slapd.ldap()], &plain);
    assert_eq!(timed(&ldap, "hana", PASSWORD).await.0, Judged::Right);
}

#[tokio::test]
async fn names_find_their_own_entry_or_none() {
    let slapd = Slapd::start();
    for lines in both(&slapd) {
        let ldap = directory(&[&slapd.ldapi()], &lines);
        for account in [
            "nobody",
            "*",
            "h*",
            "*)(uid=*",
            "hana)(uid=hana",
            "hana,ou=people,dc=example",
            "hana+cn=Hana",
            "\\68ana",
            "hana\\",
            "{account}",
            "uid=hana,ou=people,dc=example",
            // Without a password of its own.
            "bare",
        ] {
            let (judged, _) = timed(&ldap, account, PASSWORD).await;
            assert_eq!(judged, Judged::Wrong, "{account:?} {lines}");
        }
    }
}

#[tokio::test]
async fn two_entries_of_one_name_are_nobody() {
    let slapd = Slapd::start();
    let ldap = directory(&[&slapd.ldapi()], SEARCH);
    assert_eq!(timed(&ldap, "twin", PASSWORD).await.0, Judged::Wrong);
    let by_mail = format!("{SEARCH}filter = \"(mail={{account}})\"\n");
    let ldap = directory(&[&slapd.ldapi()], &by_mail);
    let (judged, _) = timed(&ldap, "hana@corp.example", PASSWORD).await;
    assert_eq!(judged, Judged::Right);
    let (judged, _) = timed(&ldap, "twin@corp.example", PASSWORD).await;
    assert_eq!(judged, Judged::Wrong);
}

/// This slapd says yes to a bind without a password, as RFC 4513 section 5.1.2 lets it.
#[tokio::test]
async fn r40_bind_without_a_password_is_never_sent() {
    let slapd = Slapd::start();
    for lines in both(&slapd) {
        let ldap = || directory(&[&slapd.ldapi()], &lines);
        for (account, password) in [
            ("hana", &b""[..]),
            ("hana", b"\0"),
            ("hana", b"correct horse\0"),
            ("", b"correct horse"),
            ("hana\0", b"correct horse"),
            ("hana", &[b'p'; 129]),
            ("hana", b"\xff\xfe"),
        ] {
            let judged = judge(ldap(), account, password).await;
            assert_eq!(judged, Judged::Wrong, "{account:?} {password:?}");
            // Nor past the checks that come first.
            let judged = ldap().judge(account, password).await;
            assert_eq!(judged, Judged::Wrong, "{account:?} {password:?}");
        }
        assert_eq!(
            judge(ldap(), "hana", PASSWORD.as_bytes()).await,
            Judged::Right
        );
    }
}

#[tokio::test]
async fn referrals_are_not_followed() {
    let slapd = Slapd::start();
    for lines in both(&slapd) {
        let ldap = directory(&[&slapd.ldapi()], &lines);
        assert_ne!(timed(&ldap, "away", PASSWORD).await.0, Judged::Right);
    }
}

#[tokio::test]
async fn groups_come_from_the_users_entry_or_from_a_search() {
    let slapd = Slapd::start();
    for (lines, groups) in [
        (
            format!("{SEARCH}group-attribute = \"seealso\"\n"),
            vec!["Sales, Tokyo", "VPN Users"],
        ),
        (
            format!(
                "{SEARCH}group-base = \"ou=groups,dc=example\"\ngroup-filter = \"(member={{dn}})\"\n"
            ),
            vec!["VPN Users", "staff"],
        ),
        (SEARCH.to_owned(), vec![]),
    ] {
        let ldap = directory(&[&slapd.ldapi()], &lines);
        let mut found = ldap.groups("hana").await.unwrap();
        found.sort();
        assert_eq!(found, groups, "{lines}");
        for account in ["nobody", "*", "twin"] {
            assert!(ldap.groups(account).await.unwrap().is_empty(), "{account}");
        }
    }
}
