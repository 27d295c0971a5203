//! A certificate authority of a test, and the certificate of its gateway.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::network::GATEWAY;
use crate::process::{self, leashed};

/// What the gateway is called.
pub const NAME: &str = "gateway.test";
const LIMIT: Duration = Duration::from_secs(20);
/// Twenty years: whoever looks at a certificate may have the clock of a test.
const DAYS: &str = "7300";

/// Files of keys and certificates.
#[derive(Debug)]
pub struct Certificates {
    /// Who signs.
    pub authority: PathBuf,
    /// The gateway's certificate, for [`NAME`], loopback and its end of a cable.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them in `folder`.
    #[track_caller]
    pub fn make(folder: &Path) -> Self {
        let folder = folder.join("certificates");
        std::fs::create_dir_all(&folder).expect("a folder for certificates");
        let file = |name: &str| folder.join(name);
        let made = Self {
            authority: file("authority.pem"),
            certificate: file("gateway.pem"),
            key: file("gateway.key"),
        };
        let authority_key = file("authority.key");
        let names = format!("subjectAltName=DNS:{NAME},IP:127.0.0.1,IP:{GATEWAY}");
        let mut authority = request("/CN=Authority of a test", &authority_key, &made.authority);
        authority.args(["-addext", "basicConstraints=critical,CA:TRUE"]);
        authority.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
        process::run(&mut authority, b"", LIMIT).expect_success();
        let subject = format!("/CN={NAME}");
        let mut gateway = request(&subject, &made.key, &made.certificate);
        gateway.arg("-CA").arg(&made.authority);
        gateway.arg("-CAkey").arg(&authority_key);
        gateway.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        gateway.args(["-addext", "keyUsage=critical,digitalSignature"]);
        gateway.args(["-addext", "extendedKeyUsage=serverAuth"]);
        gateway.args(["-addext", &names]);
        process::run(&mut gateway, b"", LIMIT).expect_success();
        made
    }
}

fn request(subject: &str, key: &Path, certificate: &Path) -> std::process::Command {
    let mut command = leashed("openssl");
    command
        .args(["req", "-x509", "-nodes", "-days", DAYS, "-newkey", "ec"])
        .args([
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-config",
            "/dev/null",
        ])
        .args(["-subj", subject, "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate);
    command
}
