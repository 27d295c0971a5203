//! Is the socket the verifier's? Checked before a typed code is sent into it.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;

const ROOT: u32 = 0;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a socket is not trusted.
#[derive(Debug)]
pub enum TrustError {
    /// The socket or its folder could not be looked at.
    Io(PathBuf, io::Error),
    /// The path is not a socket; links are not followed.
    NotASocket(PathBuf),
    /// The folder can be written by others than its owner.
    FolderWritable(PathBuf),
    /// Folder, socket and listening process do not belong to one user, nor to root.
    Owner {
        /// The socket's path.
        path: PathBuf,
        /// Who owns the folder.
        folder: u32,
        /// Who owns the socket.
        socket: u32,
        /// Who listens.
        peer: u32,
    },
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NotASocket(path) => write!(f, "{}: not a socket", path.display()),
            Self::FolderWritable(path) => write!(
                f,
                "{}: folder can be written by others than its owner",
                path.display()
            ),
            Self::Owner {
                path,
                folder,
                socket,
                peer,
            } => write!(
                f,
                "{}: wrong owner (folder {folder}, socket {socket}, listener {peer})",
                path.display()
            ),
        }
    }
}

impl std::error::Error for TrustError {}

/// Checks that `path`, its folder and the process behind `stream` belong to one user.
///
/// Root decides who owns the folder, and with it who may be the verifier: the socket must belong
/// to the folder's owner or to root, the listener as well, and nobody else may write the folder.
pub fn check_peer(path: &Path, stream: &UnixStream) -> Result<(), TrustError> {
    let folder_path = path.parent().unwrap_or(Path::new("/"));
    let look = |p: &Path| fs::symlink_metadata(p).map_err(|e| TrustError::Io(p.to_owned(), e));
    let folder = look(folder_path)?;
    if folder.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(TrustError::FolderWritable(folder_path.to_owned()));
    }
    let socket = look(path)?;
    if !socket.file_type().is_socket() {
        return Err(TrustError::NotASocket(path.to_owned()));
    }
    // Not with rustix: it holds the pid to be more than zero, which it is not when the listener
    // lives in another process namespace.
    let peer = getsockopt(stream, PeerCredentials)
        .map_err(|e| TrustError::Io(path.to_owned(), e.into()))?
        .uid();
    let trusted = |uid: u32| uid == ROOT || uid == folder.uid();
    if trusted(socket.uid()) && trusted(peer) {
        return Ok(());
    }
    Err(TrustError::Owner {
        path: path.to_owned(),
        folder: folder.uid(),
        socket: socket.uid(),
        peer,
    })
}
