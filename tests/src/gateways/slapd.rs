//! slapd, a directory with two people and their groups.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::Certificates;
use super::{Program, Stage};
use crate::process;

const PORT: u16 = 1389;
const PORT_TLS: u16 = 1636;
const LOAD_LIMIT: Duration = Duration::from_secs(30);

/// The suffix of everything.
pub const BASE: &str = "dc=example,dc=test";
/// Who may search.
pub const READER: &str = "cn=reader,dc=example,dc=test";
/// The password of who may search.
pub const READER_PASSWORD: &str = "reader-password";
/// People, their passwords and their groups.
pub const PEOPLE: [(&str, &str, &[&str]); 2] = [
    ("hana", "correct horse", &["vpn-staff", "vpn-admins"]),
    ("jiro", "battery staple", &[]),
];

/// A running directory.
#[derive(Debug)]
pub struct Slapd {
    program: Program,
    authority: PathBuf,
}

impl Slapd {
    /// Fills a directory and starts it on `stage`, on loopback.
    #[track_caller]
    pub fn start(stage: &Stage) -> Self {
        let certificates = Certificates::make(&stage.folder().join("slapd"));
        let database = stage.folder().join("slapd/database");
        std::fs::create_dir_all(&database).expect("a folder for the directory");
        let configuration = stage.file(
            "slapd/slapd.conf",
            &format!(
                "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
                 include /etc/ldap/schema/inetorgperson.schema\n\
                 modulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\n\
                 TLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
                 database mdb\nsuffix {BASE}\nrootdn cn=admin,{BASE}\ndirectory {}\n\
                 overlay memberof\n\
                 access to attrs=userPassword by anonymous auth by * none\n\
                 access to * by dn.exact={READER} read by * none\n",
                certificates.authority.display(),
                certificates.certificate.display(),
                certificates.key.display(),
                database.display(),
            ),
        );
        let entries = stage.file("slapd/entries.ldif", &entries());
        let mut load = stage.command("slapadd");
        load.arg("-f").arg(&configuration).arg("-l").arg(entries);
        process::run(&mut load, b"", LOAD_LIMIT).expect_success();
        let mut command = stage.command("slapd");
        command.args(["-d", "256", "-f"]).arg(configuration).args([
            "-h",
            &format!("ldap://127.0.0.1:{PORT} ldaps://127.0.0.1:{PORT_TLS}"),
        ]);
        let program = stage.start("slapd", &mut command, |_| {
            [PORT, PORT_TLS]
                .iter()
                .all(|&port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
        });
        Self {
            program,
            authority: certificates.authority,
        }
    }

    /// Where it listens without TLS from the start.
    pub fn address() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, PORT).into()
    }

    /// `ldap://` for StartTLS.
    pub fn url() -> String {
        format!("ldap://127.0.0.1:{PORT}")
    }

    /// `ldaps://`.
    pub fn url_tls() -> String {
        format!("ldaps://127.0.0.1:{PORT_TLS}")
    }

    /// Who signed its certificate.
    pub fn authority(&self) -> &std::path::Path {
        &self.authority
    }

    /// Stops it where it stands: it keeps its sockets and answers nothing.
    pub fn freeze(&self) {
        self.program.signal(rustix::process::Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.program.signal(rustix::process::Signal::CONT);
    }
}

fn entries() -> String {
    let mut text = format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
         cn: reader\nuserPassword: {READER_PASSWORD}\n\n"
    );
    let mut groups: Vec<(&str, String)> = Vec::new();
    for (name, password, memberships) in PEOPLE {
        let dn = format!("uid={name},ou=people,{BASE}");
        text.push_str(&format!(
            "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n\
             userPassword: {password}\n"
        ));
        for group in memberships {
            text.push_str(&format!("memberOf: cn={group},{BASE}\n"));
            groups.push((group, dn.clone()));
        }
        text.push('\n');
    }
    for (group, member) in groups {
        text.push_str(&format!(
            "dn: cn={group},{BASE}\nobjectClass: groupOfNames\ncn: {group}\nmember: {member}\n\n"
        ));
    }
    text
}
