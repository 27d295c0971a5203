//! The gateway's side of MS-CHAPv2 (RFC 2759), by openssl: nothing of ours is in it.

use std::time::Duration;

use crate::process::{self, leashed};

const LIMIT: Duration = Duration::from_secs(20);
/// MD4 and DES are not among what openssl has without being told.
const LEGACY: [&str; 4] = ["-provider", "legacy", "-provider", "default"];

/// What a user who types `code` sends: the value of MS-CHAP2-Response (RFC 2548 section 2.3.2).
#[track_caller]
pub fn response(user: &str, code: &str, challenge: &[u8; 16], peer: &[u8; 16]) -> Vec<u8> {
    let mixed = [peer, challenge, user.as_bytes()].concat();
    let challenge_hash = openssl(&["dgst", "-sha1", "-binary"], &mixed);
    let unicode: Vec<u8> = code.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut key = openssl(&["dgst", "-md4", "-binary"], &unicode);
    key.resize(21, 0);
    let mut value = vec![1, 0];
    value.extend(peer);
    value.extend([0; 8]);
    for part in key.chunks(7) {
        let key = with_parity(part)
            .iter()
            .map(|o| format!("{o:02x}"))
            .collect::<String>();
        value.extend(openssl(
            &["enc", "-des-ecb", "-nopad", "-K", &key],
            &challenge_hash[..8],
        ));
    }
    value
}

/// 56 bits as the key of DES, which leaves out each eighth.
fn with_parity(part: &[u8]) -> [u8; 8] {
    let bits = part
        .iter()
        .fold(0u64, |bits, octet| bits << 8 | u64::from(*octet));
    std::array::from_fn(|index| ((bits >> (49 - 7 * index)) & 0x7f) as u8 * 2)
}

#[track_caller]
fn openssl(words: &[&str], input: &[u8]) -> Vec<u8> {
    // Its output as text, since that is what comes back from a command here.
    let mut shell = leashed("/bin/sh");
    shell
        .args(["-c", "openssl \"$@\" | od -An -v -tx1", "sh"])
        .args(words)
        .args(LEGACY);
    let done = process::run(&mut shell, input, LIMIT).expect_success();
    done.stdout
        .split_whitespace()
        .map(|octet| u8::from_str_radix(octet, 16).expect("od prints octets"))
        .collect()
}
