//! A slapd of our own, as `scripts/needs` unpacked it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Everybody's password.
pub(super) const PASSWORD: &str = "correct horse";
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(20);

const ENTRIES: &str = "\
dn: dc=example
objectClass: dcObject
objectClass: organization
o: example

dn: cn=searcher,dc=example
objectClass: person
sn: searcher
userPassword: seeker of people

dn: ou=people,dc=example
objectClass: organizationalUnit

dn: uid=hana,ou=people,dc=example
objectClass: inetOrgPerson
cn: Hana
sn: Sato
mail: hana@corp.example
userPassword: correct horse
seeAlso: cn=VPN Users,ou=groups,dc=example
seeAlso: cn=Sales\\2c Tokyo,ou=groups,dc=example

dn: uid=twin,ou=people,dc=example
objectClass: inetOrgPerson
cn: One
sn: One
mail: twin@corp.example
userPassword: correct horse

dn: cn=two,ou=people,dc=example
objectClass: inetOrgPerson
uid: twin
sn: Two
mail: twin@corp.example
userPassword: correct horse

dn: uid=bare,ou=people,dc=example
objectClass: inetOrgPerson
cn: Bare
sn: Bare

dn: uid=away,ou=people,dc=example
objectClass: referral
objectClass: extensibleObject
uid: away
ref: ldap://127.0.0.1:1/uid=away,dc=elsewhere

dn: ou=groups,dc=example
objectClass: organizationalUnit

dn: cn=VPN Users,ou=groups,dc=example
objectClass: groupOfNames
member: uid=hana,ou=people,dc=example
member: cn=staff,ou=groups,dc=example

dn: cn=staff,ou=groups,dc=example
objectClass: groupOfNames
member: uid=hana,ou=people,dc=example
";

/// A running slapd with a certificate for `localhost` and 127.0.0.1.
pub(super) struct Slapd {
    folder: tempfile::TempDir,
    child: Child,
    plain: u16,
    tls: u16,
}

impl Slapd {
    pub(super) fn start() -> Self {
        let tools = tools();
        let folder = tempfile::tempdir().expect("a folder");
        certificates(folder.path());
        fs::create_dir(folder.path().join("data")).expect("a folder");
        let config = folder.path().join("slapd.conf");
        fs::write(&config, configuration(&tools, folder.path())).expect("a file");
        let entries = folder.path().join("entries.ldif");
        fs::write(&entries, ENTRIES).expect("a file");
        let loaded = program(&tools, "slapadd")
            .arg("-f")
            .arg(&config)
            .arg("-l")
            .arg(&entries)
            .output()
            .expect("slapadd runs");
        assert!(loaded.status.success(), "{loaded:?}");
        let (plain, tls) = (free_port(), free_port());
        let socket = folder.path().join("ldapi").display().to_string();
        let urls = format!(
            "ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls} ldapi://{}",
            socket.replace('/', "%2F")
        );
        let log = fs::File::create(folder.path().join("log")).expect("a file");
        let child = program(&tools, "slapd")
            .args(["-d", "0", "-h", &urls, "-f"])
            .arg(&config)
            .stderr(log)
            .spawn()
            .expect("slapd starts");
        let mut slapd = Self {
            folder,
            child,
            plain,
            tls,
        };
        slapd.wait_until_ready();
        slapd
    }

    fn wait_until_ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.tls)).is_err() {
            let ended = self.child.try_wait().expect("a child");
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "slapd ended: {ended:?} {}", log());
            assert!(Instant::now() < end, "slapd never listens: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn ldap(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.plain)
    }

    pub(super) fn ldaps(&self, host: &str) -> String {
        format!("ldaps://{host}:{}", self.tls)
    }

    pub(super) fn ldapi(&self) -> String {
        let socket = self.folder.path().join("ldapi").display().to_string();
        format!("ldapi://{}", socket.replace('/', "%2F"))
    }

    /// The line of the settings that trusts its certificate, or another's.
    pub(super) fn trust(&self, certificate: &str) -> String {
        let file = self.folder.path().join(certificate);
        format!("ca-file = \"{}\"\n", file.display())
    }

    /// Stops it, so that it accepts connections and says nothing.
    pub(super) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(super) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the programs are that are not installed: beside the tests' own.
fn tools() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let target = test
        .ancestors()
        .nth(3)
        .expect("tests are in target/debug/deps");
    let tools = target.join("tools/gateways");
    assert!(
        tools.join("usr/sbin/slapd").exists(),
        "no slapd in {}: run scripts/needs",
        tools.display()
    );
    tools
}

fn program(tools: &Path, name: &str) -> Command {
    // All of OpenLDAP's tools are slapd, which looks at how it was called.
    let mut command = Command::new(tools.join("usr/sbin/slapd"));
    std::os::unix::process::CommandExt::arg0(&mut command, name);
    let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    command
        .env("LD_LIBRARY_PATH", tools.join(libraries))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// With what is careless about directories switched on: binds without a password succeed.
fn configuration(tools: &Path, folder: &Path) -> String {
    let (tools, folder) = (tools.display(), folder.display());
    let schemas: String = ["core", "cosine", "inetorgperson", "nis"]
        .iter()
        .map(|name| format!("include {tools}/etc/ldap/schema/{name}.schema\n"))
        .collect();
    format!(
        "{schemas}\
         modulepath {tools}/usr/lib/ldap\n\
         moduleload back_mdb\n\
         pidfile {folder}/pid\n\
         allow bind_anon_cred bind_anon_dn\n\
         TLSCACertificateFile {folder}/ca.pem\n\
         TLSCertificateFile {folder}/server.pem\n\
         TLSCertificateKeyFile {folder}/server.key\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn.exact=cn=searcher,dc=example read by * none\n\
         database mdb\n\
         maxsize 16777216\n\
         suffix dc=example\n\
         directory {folder}/data\n\
         dbnosync\n"
    )
}

/// Two authorities, and a certificate by the first of them.
fn certificates(folder: &Path) {
    let at = |name: &str| folder.join(name).display().to_string();
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let make = |more: &[&str]| {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-days", "2"])
            .args(key)
            .args(more)
            .output()
            .expect("openssl runs");
        assert!(made.status.success(), "{made:?}");
    };
    for ca in ["ca", "other"] {
        let (file, key) = (at(&format!("{ca}.pem")), at(&format!("{ca}.key")));
        make(&[
            "-subj",
            &format!("/CN={ca}"),
            "-out",
            &file,
            "-keyout",
            &key,
        ]);
    }
    make(&[
        "-subj",
        "/CN=server",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-CA",
        &at("ca.pem"),
        "-CAkey",
        &at("ca.key"),
        "-out",
        &at("server.pem"),
        "-keyout",
        &at("server.key"),
    ]);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}
