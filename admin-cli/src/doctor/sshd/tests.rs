//! Configurations of sshd, and what is found in them.

use std::fs;

use super::{Kind, read};
use crate::doctor::finding::Found;
use crate::doctor::tree::Tree;

const GOOD: &str = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n\
                    AuthenticationMethods publickey,keyboard-interactive\n";

fn found(files: &[(&str, &str)]) -> Vec<Kind> {
    let folder = tempfile::tempdir().expect("a folder");
    let drop_ins = folder.path().join("etc/ssh/sshd_config.d");
    fs::create_dir_all(&drop_ins).expect("made");
    for (name, text) in files {
        fs::write(folder.path().join("etc/ssh").join(name), text).expect("written");
    }
    let tree = Tree::new(folder.path()).expect("a tree");
    let mut found = Found::default();
    let sshd = read(&tree, &mut found).expect("a configuration");
    sshd.look(&tree, true, &mut found);
    found
        .findings
        .into_iter()
        .map(|finding| finding.kind)
        .collect()
}

#[test]
fn nothing_is_found_where_every_way_in_asks_for_a_code() {
    for text in [
        GOOD,
        "UsePAM yes\nPasswordAuthentication no\nAuthenticationMethods keyboard-interactive\n",
        "usepam=yes\nPasswordAuthentication no\nPubkeyAuthentication no\n",
        "UsePAM yes\nPasswordAuthentication no\nAuthenticationMethods keyboard-interactive:pam\n",
    ] {
        assert_eq!(found(&[("sshd_config", text)]), [], "{text}");
    }
}

#[test]
fn every_way_in_without_a_code_is_found() {
    for (text, expected) in [
        (
            "KbdInteractiveAuthentication yes\nPasswordAuthentication no\nPubkeyAuthentication no\n",
            vec![Kind::SshdNoPam],
        ),
        // Debian's file as it comes.
        (
            "KbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n",
            vec![
                Kind::SshdKeyboardInteractive,
                Kind::SshdKeysAlone,
                Kind::SshdPasswordMethod,
            ],
        ),
        (
            "UsePAM yes\nChallengeResponseAuthentication no\nPasswordAuthentication no\n\
             PubkeyAuthentication no\n",
            vec![Kind::SshdKeyboardInteractive],
        ),
        (
            "UsePAM yes\nPasswordAuthentication no\n\
             AuthenticationMethods publickey keyboard-interactive\n",
            vec![Kind::SshdMethods],
        ),
        (
            "UsePAM yes\nPasswordAuthentication no\nPubkeyAuthentication no\nGSSAPIAuthentication yes\n",
            vec![Kind::SshdKeysAlone],
        ),
        (
            &format!("{GOOD}PermitRootLogin yes\n"),
            vec![Kind::SshdRootLogin],
        ),
        (
            &format!("{GOOD}Match User backup\n  AuthenticationMethods publickey\n"),
            vec![Kind::SshdMethods],
        ),
        (
            &format!(
                "{GOOD}Match Address 10.0.0.0/8\n  KbdInteractiveAuthentication no\nMatch all\n"
            ),
            vec![Kind::SshdKeyboardInteractive],
        ),
    ] {
        assert_eq!(found(&[("sshd_config", text)]), expected, "{text}");
    }
}

#[test]
fn the_first_value_counts_and_included_files_come_where_they_are_named() {
    let main = format!("Include /etc/ssh/sshd_config.d/*.conf\n{GOOD}");
    let off = "KbdInteractiveAuthentication no\n";
    let drop_in = "sshd_config.d/50-redhat.conf";
    let kinds = found(&[("sshd_config", &main), (drop_in, off)]);
    assert_eq!(kinds, [Kind::SshdKeyboardInteractive]);
    // An earlier one goes before it.
    let on = "KbdInteractiveAuthentication yes\n";
    let first = "sshd_config.d/00-sekisho.conf";
    assert_eq!(
        found(&[("sshd_config", &main), (drop_in, off), (first, on)]),
        []
    );
    // Another ending is not included.
    let other = "sshd_config.d/50-redhat.conf.rpmsave";
    assert_eq!(found(&[("sshd_config", &main), (other, off)]), []);
    // A relative name is meant below /etc/ssh.
    let main = format!("Include sshd_config.d/*.conf\n{GOOD}");
    let kinds = found(&[("sshd_config", &main), (drop_in, off)]);
    assert_eq!(kinds, [Kind::SshdKeyboardInteractive]);
}
