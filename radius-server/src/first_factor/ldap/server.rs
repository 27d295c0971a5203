//! One server of a directory: the way to it, encrypted unless it is on this machine or the settings
//! say otherwise, and one session on it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use sekisho_settings as settings;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::guard::{self, Messages};

const LDAP_PORT: u16 = 389;
const LDAPS_PORT: u16 = 636;
/// Where systems keep the certificates they trust.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// Why a server did not say anything that we can use; for operators.
#[derive(Debug)]
pub(super) struct Trouble(pub(super) String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<LdapError> for Trouble {
    fn from(error: LdapError) -> Self {
        Self(error.to_string())
    }
}

impl From<tokio::time::error::Elapsed> for Trouble {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self("no answer in time".into())
    }
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// TLS from the first octet.
    Tls(String, u16),
    /// TLS after StartTLS.
    StartTls(String, u16),
    /// In clear.
    Plain(String, u16),
    /// A socket on this machine.
    Unix(PathBuf),
}

impl Way {
    fn parse(url: &str, ldap: &settings::Ldap) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("radius.ldap.servers: {url}: {why}"));
        let Some((scheme, rest)) = url.split_once("://") else {
            return refuse("write ldaps://, ldap:// or ldapi:// before the name");
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if scheme == "ldapi" {
            let path = PathBuf::from(rest.replace("%2F", "/").replace("%2f", "/"));
            return match path.is_absolute() {
                true => Ok(Self::Unix(path)),
                false => refuse("write the path with %2F for each /"),
            };
        }
        let default = match scheme {
            "ldaps" => LDAPS_PORT,
            "ldap" => LDAP_PORT,
            _ => return refuse("write ldaps://, ldap:// or ldapi:// before the name"),
        };
        let Some((host, port)) = host_and_port(rest, default) else {
            return refuse("no usable name and port");
        };
        Ok(match scheme {
            "ldaps" => Self::Tls(host, port),
            _ if ldap.start_tls => Self::StartTls(host, port),
            _ if ldap.allow_plain || is_loopback(&host) => Self::Plain(host, port),
            _ => return refuse("passwords would travel in clear: set start-tls or allow-plain"),
        })
    }

    /// Whether passwords can be read on the way.
    fn is_open(&self) -> bool {
        matches!(self, Self::Plain(host, _) if !is_loopback(host))
    }

    fn tls_name(&self) -> Option<&str> {
        match self {
            Self::Tls(host, _) | Self::StartTls(host, _) => Some(host),
            Self::Plain(..) | Self::Unix(_) => None,
        }
    }
}

/// `name`, `name:port`, `192.0.2.1:port`, `[2001:db8::1]:port`.
fn host_and_port(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            match port {
                "" => (host, None),
                port => (host, Some(port.strip_prefix(':')?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|&port| port != 0)?,
        None => default,
    };
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    (!host.is_empty() && host.bytes().all(known)).then(|| (host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What all servers of a directory are reached with.
#[derive(Clone)]
struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let system = || {
            SYSTEM_ROOTS
                .iter()
                .map(Path::new)
                .find(|path| path.exists())
        };
        let file = ca_file
            .or_else(system)
            .ok_or("no certificates to trust: set radius.ldap.ca-file")?;
        let refuse = |why: String| format!("{}: {why}", file.display());
        let mut roots = RootCertStore::empty();
        let certificates =
            CertificateDer::pem_file_iter(file).map_err(|error| refuse(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            let added = roots.add(certificate);
            // The system's file may hold one that is not understood; ours is meant to be used.
            if let (Err(error), Some(_)) = (added, ca_file) {
                return Err(refuse(error.to_string()));
            }
        }
        if roots.is_empty() {
            return Err(refuse("holds no certificate".into()));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

/// A server of the settings.
#[derive(Debug)]
pub(super) struct Server {
    /// As in the settings.
    pub(super) url: String,
    way: Way,
    tls: Option<(Tls, ServerName<'static>)>,
    /// How long each step may take.
    step: Duration,
}

impl Server {
    /// The servers of the settings.
    pub(super) fn all(ldap: &settings::Ldap) -> Result<Vec<Self>, String> {
        let mut tls = None;
        let mut servers = Vec::new();
        for url in &ldap.servers {
            let way = Way::parse(url, ldap)?;
            let name = match way.tls_name() {
                Some(name) => Some(
                    ServerName::try_from(name.to_owned())
                        .map_err(|_| format!("radius.ldap.servers: {url}: no usable name"))?,
                ),
                None => None,
            };
            let tls = match name {
                Some(name) => {
                    let known = match tls.take() {
                        Some(known) => known,
                        None => Tls::new(ldap.ca_file.as_deref())?,
                    };
                    tls = Some(known.clone());
                    Some((known, name))
                }
                None => None,
            };
            servers.push(Self {
                url: url.clone(),
                way,
                tls,
                step: Duration::from_millis(ldap.timeout_ms.value()),
            });
        }
        if servers.is_empty() {
            return Err("radius.ldap.servers is empty".into());
        }
        Ok(servers)
    }

    /// Whether passwords to it can be read on the way.
    pub(super) fn is_open(&self) -> bool {
        self.way.is_open()
    }

    /// How long each step may take.
    pub(super) fn step(&self) -> Duration {
        self.step
    }

    /// Connects, and encrypts.
    pub(super) async fn open(&self) -> Result<Session, Trouble> {
        match &self.way {
            Way::Unix(path) => {
                let stream = timeout(self.step, UnixStream::connect(path)).await??;
                Session::new(stream).await
            }
            Way::Plain(host, port) => Session::new(self.connect(host, *port).await?).await,
            Way::Tls(host, port) => self.encrypt(self.connect(host, *port).await?).await,
            Way::StartTls(host, port) => {
                let mut stream = self.connect(host, *port).await?;
                timeout(self.step, start_tls(&mut stream)).await??;
                self.encrypt(stream).await
            }
        }
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let stream = timeout(self.step, TcpStream::connect((host, port))).await??;
        // Each message is a question that is waited for.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn encrypt(&self, stream: TcpStream) -> Result<Session, Trouble> {
        let Some((Tls(connector), name)) = &self.tls else {
            return Err(Trouble("no TLS".into()));
        };
        let stream = timeout(self.step, connector.connect(name.clone(), stream)).await??;
        Session::new(stream).await
    }
}

/// Asks for TLS. What a stranger has sent behind the consent is taken for the handshake, and is none.
async fn start_tls(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(guard::START_TLS).await?;
    let consent = Messages::new().read(stream).await?;
    if guard::is_tls_consent(&consent) {
        return Ok(());
    }
    Err(io::Error::other("the server does not consent to StartTLS"))
}

/// A connection that is used for one login and then closed: after a bind it speaks for that user.
pub(super) struct Session {
    pub(super) ldap: Ldap,
    tasks: [AbortHandle; 2],
}

impl Session {
    /// `ldap3` talks to one end of a pair of sockets, and the guard to the other.
    async fn new<S>(stream: S) -> Result<Self, Trouble>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let ours = UnixStream::from_std(ours)?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await?;
        // How they end shows in the operation that waits for them.
        let guarding = tokio::spawn(async { drop(relay(stream, ours).await) });
        let driving = tokio::spawn(async { drop(connection.drive().await) });
        Ok(Self {
            ldap,
            tasks: [guarding.abort_handle(), driving.abort_handle()],
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Passes everything on to the server, and only checked messages back.
async fn relay(server: impl AsyncRead + AsyncWrite + Unpin, client: UnixStream) -> io::Result<()> {
    let (from_server, mut to_server) = tokio::io::split(server);
    let (mut from_client, mut to_client) = client.into_split();
    let mut from_server = BufReader::new(from_server);
    let up = tokio::io::copy(&mut from_client, &mut to_server);
    let down = async {
        let mut messages = Messages::new();
        loop {
            let content = messages.read(&mut from_server).await?;
            if let Some(message) = guard::checked(&content)? {
                to_client.write_all(&message).await?;
            }
        }
    };
    // Whichever ends first ends both.
    tokio::select! {
        done = up => done.map(drop),
        done = down => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ldap(text: &str) -> settings::Ldap {
        let text = format!(
            "[radius.ldap]\nservers = [\"ldaps://dc1.example\"]\n\
             user-dn = \"uid={{account}},dc=example\"\n{text}"
        );
        let all = settings::Settings::parse("test".as_ref(), &text).unwrap();
        all.radius.ldap.unwrap()
    }

    #[test]
    fn passwords_travel_in_clear_only_when_told_to_or_on_this_machine() {
        let host = |name: &str| name.to_owned();
        let (secure, plain) = (ldap(""), ldap("start-tls = false"));
        let open = ldap("start-tls = false\nallow-plain = true");
        for (settings, url, way) in [
            (
                &secure,
                "ldaps://dc1.example",
                Some(Way::Tls(host("dc1.example"), 636)),
            ),
            (
                &secure,
                "ldap://dc1.example/",
                Some(Way::StartTls(host("dc1.example"), 389)),
            ),
            (
                &secure,
                "ldap://[2001:db8::1]:1389",
                Some(Way::StartTls(host("2001:db8::1"), 1389)),
            ),
            (
                &plain,
                "ldaps://192.0.2.1:1636",
                Some(Way::Tls(host("192.0.2.1"), 1636)),
            ),
            (&plain, "ldap://dc1.example", None),
            (
                &plain,
                "ldap://127.0.0.1",
                Some(Way::Plain(host("127.0.0.1"), 389)),
            ),
            (
                &plain,
                "ldap://localhost:1389",
                Some(Way::Plain(host("localhost"), 1389)),
            ),
            (&plain, "ldap://[::1]", Some(Way::Plain(host("::1"), 389))),
            (
                &open,
                "ldap://dc1.example",
                Some(Way::Plain(host("dc1.example"), 389)),
            ),
            (
                &secure,
                "ldapi://%2Frun%2Fslapd%2Fldapi",
                Some(Way::Unix("/run/slapd/ldapi".into())),
            ),
            (&secure, "ldapi://ldapi", None),
            (&secure, "dc1.example", None),
            (&secure, "http://dc1.example", None),
            (&secure, "ldaps://", None),
            (&secure, "ldaps://dc1.example:0", None),
            (&secure, "ldaps://dc1.example:65536", None),
            (&secure, "ldaps://dc1.example/dc=example", None),
            (&secure, "ldaps://user@dc1.example", None),
        ] {
            assert_eq!(Way::parse(url, settings).ok(), way, "{url}");
        }
        assert!(Way::Plain(host("dc1.example"), 389).is_open());
        assert!(!Way::Plain(host("127.0.0.1"), 389).is_open());
    }
}
