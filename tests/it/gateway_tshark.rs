//! That tshark would see a reply that is not what it shall be: see [`sekisho_tests::witness`].

use std::net::UdpSocket;
use std::time::Duration;

use sekisho_tests::gateways::Stage;
use sekisho_tests::radius::{Nas, Raw};
use sekisho_tests::witness::{Capture, PORTS, look_at};
use sekisho_tests::{Installation, Network, Token, Verdict};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn tshark_calls_every_reply_authentic() {
    let _network = Network::enter();
    let hana = Token::new("hana", "SKTS00000001");
    let made = Installation::with(&[&hana]);
    let capture = Capture::start(made.folder());
    let mut nas = made.nas();
    let code = made.code(&hana, 0);
    assert_eq!(nas.login("hana", &code), Verdict::Accept);
    assert_eq!(nas.login("hana", &code), Verdict::Reject);
    let findings = look_at(&Stage::new(made.folder()), &capture.stop());
    assert_eq!(findings.faults, Vec::<String>::new());
    assert_eq!(
        (findings.replies, findings.authentic, findings.sealed),
        (2, 2, 2)
    );
}

#[test]
fn tshark_sees_replies_that_are_forged_or_not_sealed_first() {
    let _network = Network::enter_unseen();
    let folder = tempfile::tempdir().expect("a folder");
    let server = UdpSocket::bind(("127.0.0.1", PORTS[0])).expect("a free port");
    let address = server.local_addr().expect("it is bound");
    let capture = Capture::start(folder.path());
    let nas = Nas::new(address);
    let request = Raw::access(7, "hana").password(b"123456").sealed().build();
    // Not signed at all; and signed, but without a seal.
    let unsigned = [vec![2, 7, 0, 38], vec![0; 16], vec![80, 18], vec![0; 16]].concat();
    let mut unsealed = [vec![2, 7, 0, 20], request.authenticator().to_vec()].concat();
    sekisho_tests::radius::sign_reply(&mut unsealed);
    for reply in [unsigned, unsealed] {
        nas.send(&request);
        let (_, gateway) = server.recv_from(&mut [0; 4096]).expect("a request");
        server.send_to(&reply, gateway).expect("a reply");
        assert_eq!(nas.receive(SOON), Some(reply));
    }
    let findings = look_at(&Stage::new(folder.path()), &capture.stop());
    assert_eq!(findings.replies, 2);
    assert_eq!(findings.sealed, 0, "{findings}");
    assert_eq!(findings.faults.len(), 2, "{findings}");
}
