//! `sekisho radius probe` against a server of a few lines that makes its replies by hand.

mod harness;

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::thread;
use std::time::Duration;

use harness::{run, sekisho};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

const SECRET: &[u8] = b"a secret of some length";

fn mac(octets: &[u8]) -> [u8; 16] {
    let mut mac = <Hmac<Md5> as KeyInit>::new_from_slice(SECRET).expect("any length");
    mac.update(octets);
    mac.finalize().into_bytes().into()
}

/// A reply with Message-Authenticator first.
fn reply(request: &[u8], code: u8, attributes: &[u8]) -> Vec<u8> {
    let length = (38 + attributes.len()) as u16;
    let mut octets = [
        &[code, request[1]][..],
        &length.to_be_bytes(),
        &request[4..20],
    ]
    .concat();
    octets.extend([80, 18]);
    octets.extend([0; 16]);
    octets.extend(attributes);
    let value = mac(&octets);
    octets[22..38].copy_from_slice(&value);
    let hash = Md5::new()
        .chain_update(&octets)
        .chain_update(SECRET)
        .finalize();
    octets[4..20].copy_from_slice(&hash);
    octets
}

/// Serves requests with `answer` until one second passes without any; gives them back.
fn serve(
    answer: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static,
) -> (String, thread::JoinHandle<Vec<Vec<u8>>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound").to_string();
    socket
        .set_read_timeout(Some(Duration::from_secs(3)))
        .expect("set");
    let thread = thread::spawn(move || {
        let mut requests: Vec<Vec<u8>> = Vec::new();
        let mut octets = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut octets) {
            let request = octets[..length].to_vec();
            for reply in answer(requests.len(), &request) {
                socket.send_to(&reply, peer).expect("sent");
            }
            requests.push(request);
        }
        requests
    });
    (address, thread)
}

fn probe(address: &str, arguments: &[&str], input: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret");
    fs::write(&secret, [SECRET, b"\n"].concat()).expect("written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("ours");
    let mut command = sekisho();
    command.args([
        "radius",
        "probe",
        address,
        "--timeout",
        "1",
        "--secret-file",
    ]);
    run(command.arg(&secret).args(arguments), input)
}

fn out(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).expect("UTF-8")
}

#[test]
fn status_server_is_asked_by_default_and_a_good_reply_is_shown() {
    let (address, server) = serve(|_, request| vec![reply(request, 2, b"\x12\x04ok")]);
    let done = probe(&address, &[], "");
    assert_eq!(done.status.code(), Some(0), "{}", out(&done));
    for line in [
        "Request                 Status-Server",
        "Reply                   Access-Accept",
        "Response Authenticator  valid",
        "Message-Authenticator   valid",
        "Attribute               Reply-Message = ok",
    ] {
        assert!(out(&done).contains(line), "{}", out(&done));
    }
    let requests = server.join().expect("no panic");
    assert_eq!((requests.len(), requests[0][0]), (1, 12));
    let mut zeroed = requests[0].clone();
    assert_eq!(zeroed[20..22], [80, 18]);
    zeroed[22..38].fill(0);
    assert_eq!(requests[0][22..38], mac(&zeroed));
}

#[test]
fn what_a_reply_says_is_shown_in_japanese_too() {
    let (address, server) = serve(|_, request| vec![reply(request, 2, b"\x12\x04ok")]);
    let done = probe(&address, &["--language", "ja"], "");
    assert_eq!(done.status.code(), Some(0), "{}", out(&done));
    for line in [
        "要求                   Status-Server",
        "応答                   Access-Accept",
        "応答の認証符号         正しい",
        "Message-Authenticator  正しい",
        "属性                   Reply-Message = ok",
    ] {
        assert!(out(&done).contains(line), "{}", out(&done));
    }
    server.join().expect("no panic");
}

#[test]
fn a_login_carries_name_and_hidden_code_and_a_reject_is_exit_code_5() {
    let (address, server) = serve(|_, request| vec![reply(request, 3, b"")]);
    let done = probe(
        &address,
        &["--user", "alice", "--code-stdin", "--json"],
        "493817\n",
    );
    assert_eq!(done.status.code(), Some(5), "{}", out(&done));
    assert!(!out(&done).contains("493817"));
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(value["reply"], "Access-Reject");
    assert_eq!(value["message_authenticator"], "valid");
    let request = &server.join().expect("no panic")[0];
    let packet = radius::core::packet::Packet::decode(request, SECRET).expect("a packet");
    let password = radius::core::rfc2865::lookup_user_password(&packet)
        .expect("there")
        .expect("good");
    assert_eq!(password, b"493817");
    assert!(request.windows(5).any(|window| window == b"alice"));
}

#[test]
fn a_lost_request_is_sent_again_unchanged() {
    let (address, server) = serve(|number, request| match number {
        0 => vec![],
        _ => vec![reply(request, 2, b"")],
    });
    let done = probe(&address, &[], "");
    assert_eq!(done.status.code(), Some(0), "{}", out(&done));
    let requests = server.join().expect("no panic");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}

#[test]
fn replies_that_are_not_the_servers_are_not_believed() {
    type Forge = fn(&[u8]) -> Vec<u8>;
    let forgeries: [(&str, Forge); 4] = [
        ("wrong response authenticator", |request| {
            let mut octets = reply(request, 2, b"");
            octets[4] ^= 1;
            octets
        }),
        ("reject turned into accept", |request| {
            let mut octets = reply(request, 3, b"");
            octets[0] = 2;
            octets
        }),
        ("message authenticator cut out", |request| {
            let mut octets = reply(request, 2, b"");
            octets.truncate(20);
            octets[3] = 20;
            octets[4..20].copy_from_slice(&request[4..20]);
            let hash = Md5::new()
                .chain_update(&octets)
                .chain_update(SECRET)
                .finalize();
            octets[4..20].copy_from_slice(&hash);
            octets
        }),
        ("another secret", |request| {
            let mut octets = reply(request, 2, b"");
            octets[22] ^= 1;
            octets[4..20].copy_from_slice(&request[4..20]);
            let hash = Md5::new()
                .chain_update(&octets)
                .chain_update(SECRET)
                .finalize();
            octets[4..20].copy_from_slice(&hash);
            octets
        }),
    ];
    for (name, forge) in forgeries {
        let (address, _) = serve(move |_, request| vec![forge(request)]);
        let done = probe(&address, &["--retries", "0"], "");
        assert_eq!(done.status.code(), Some(8), "{name}: {}", out(&done));
        // A true reply behind a forged one still counts.
        let (address, _) = serve(move |_, request| vec![forge(request), reply(request, 2, b"")]);
        let done = probe(&address, &["--retries", "0"], "");
        assert_eq!(done.status.code(), Some(0), "{name}: {}", out(&done));
    }
}

#[test]
fn other_identifiers_and_garbage_are_no_reply() {
    let (address, _) = serve(|_, request| {
        let mut other = request.to_vec();
        other[1] = other[1].wrapping_add(1);
        vec![
            vec![],
            vec![2],
            b"hello".to_vec(),
            reply(&other, 2, b""),
            reply(request, 2, b"\x12\x01"),
        ]
    });
    let done = probe(&address, &["--retries", "0"], "");
    assert_eq!(done.status.code(), Some(7), "{}", out(&done));
}

#[test]
fn nobody_there_is_exit_code_7_at_once() {
    let free = UdpSocket::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound");
    let done = probe(&free.to_string(), &[], "");
    assert_eq!(done.status.code(), Some(7), "{}", out(&done));
}

#[test]
fn each_of_several_requests_is_new() {
    let (address, server) = serve(|_, request| vec![reply(request, 2, b"")]);
    let done = probe(&address, &["--count", "3", "--json"], "");
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(value.as_array().map(Vec::len), Some(3));
    let requests = server.join().expect("no panic");
    assert!(requests[0][4..20] != requests[1][4..20] && requests[1][4..20] != requests[2][4..20]);
}
