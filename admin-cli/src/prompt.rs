//! Codes and secrets: typed without echo, or read from where no other user can look.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use sekisho_admin_cli::text;
use sekisho_verifier_socket::Secret;
use zeroize::{Zeroize, Zeroizing};

use crate::failure::{Failure, Kind, describe};
use crate::output::clean;
use crate::secret_line;

/// The longest line that is read.
const LINE_OCTETS_MAX: usize = 256;
const OTHERS: u32 = 0o007;
/// The shortest password that is taken (NIST SP 800-63B section 5.1.1.2).
const PASSWORD_OCTETS_MIN: usize = 8;
/// The longest: what fits into RADIUS (RFC 2865 section 5.2).
const PASSWORD_OCTETS_MAX: usize = 128;

/// A code: from standard input if so asked, else from the terminal.
pub(crate) fn code(prompt: &str, from_stdin: bool) -> Result<Secret, Failure> {
    let code = if from_stdin {
        line(&mut io::stdin().lock(), &text!("standard-input"))?
    } else {
        typed(prompt, &text!("code-stdin-way"))?
    };
    if code.expose().is_empty() {
        return Err(Failure::new(
            Kind::Invalid,
            text!("code-none"),
            text!("code-none-way"),
        ));
    }
    Ok(code)
}

/// A new password: from standard input if so asked, else from the terminal, twice.
pub(crate) fn new_password(account: &str, from_stdin: bool) -> Result<Secret, Failure> {
    let password = if from_stdin {
        line(&mut io::stdin().lock(), &text!("standard-input"))?
    } else {
        typed_twice(account)?
    };
    let octets = password.expose().len();
    if !(PASSWORD_OCTETS_MIN..=PASSWORD_OCTETS_MAX).contains(&octets) {
        return Err(Failure::new(
            Kind::Invalid,
            text!(
                "password-length",
                min = PASSWORD_OCTETS_MIN,
                max = PASSWORD_OCTETS_MAX
            ),
            text!("password-length-way"),
        ));
    }
    Ok(password)
}

fn typed_twice(account: &str) -> Result<Secret, Failure> {
    let otherwise = text!("password-stdin-way");
    let account = clean(account);
    let first = typed(&text!("password-prompt", account = account), &otherwise)?;
    let second = typed(&text!("password-again"), &otherwise)?;
    if first.expose() != second.expose() {
        return Err(Failure::new(
            Kind::Invalid,
            text!("password-differs"),
            text!("password-differs-way"),
        ));
    }
    Ok(first)
}

/// The secret that a RADIUS server shares with us.
pub(crate) fn radius_secret(file: Option<&Path>) -> Result<Secret, Failure> {
    let secret = match file {
        Some(path) => secret_file(path)?,
        None => typed(&text!("secret-prompt"), &text!("secret-file-way"))?,
    };
    if secret.expose().is_empty() {
        return Err(Failure::new(
            Kind::Invalid,
            text!("secret-empty"),
            text!("secret-empty-way"),
        ));
    }
    Ok(secret)
}

pub(crate) fn typed(prompt: &str, otherwise: &str) -> Result<Secret, Failure> {
    secret_line::read(prompt)
        .map(|text| Secret::new(text.as_bytes().to_vec()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => {
                Failure::new(Kind::Failed, text!("typed-interrupted"), text!("typed-way"))
            }
            io::ErrorKind::UnexpectedEof => {
                Failure::new(Kind::Failed, text!("typed-nothing"), text!("typed-way"))
            }
            _ => {
                let message = text!("typed-no-terminal", error = describe(&error));
                Failure::new(Kind::Failed, message, otherwise)
            }
        })
}

/// The next line of standard input.
pub(crate) fn next_line() -> Result<Secret, Failure> {
    line(&mut io::stdin().lock(), "standard input")
}

fn secret_file(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let file = open_regular(path)?;
    let mode = file
        .metadata()
        .map_err(|e| Failure::local(&shown, &e, text!("file-name-way")))?
        .mode();
    if mode & OTHERS != 0 {
        return Err(Failure::new(
            Kind::Invalid,
            text!("file-secret-open", path = shown.to_string()),
            text!("file-secret-open-way", path = shown.to_string()),
        ));
    }
    // Without a buffer in between that would keep the secret.
    line(
        &mut io::BufReader::with_capacity(1, file),
        &shown.to_string(),
    )
}

/// Opens a regular file; a FIFO would block the open, and a device might have no end.
pub(crate) fn open_regular(path: &Path) -> Result<File, Failure> {
    let shown = path.display();
    let cannot = |e: io::Error| Failure::local(&shown, &e, text!("file-readable-way"));
    let opened = opened(path, OFlags::NONBLOCK).map_err(cannot)?;
    opened.ok_or_else(|| {
        Failure::new(
            Kind::Invalid,
            text!("file-not-a-file", path = shown.to_string()),
            text!("file-not-a-file-way"),
        )
    })
}

/// Opens a file that the verifier has written, unless something else was put in its place: a link
/// would lead to what only its reader may see.
pub(crate) fn open_written(path: &Path) -> Result<File, Failure> {
    let shown = path.display();
    let link = rustix::io::Errno::LOOP.raw_os_error();
    let file = match opened(path, OFlags::NONBLOCK | OFlags::NOFOLLOW) {
        Err(error) if error.raw_os_error() == Some(link) => None,
        Err(error) => {
            let way_out = text!("file-written-way");
            return Err(Failure::local(&shown, &error, way_out));
        }
        Ok(file) => file,
    };
    file.ok_or_else(|| {
        Failure::new(
            Kind::NotTrusted,
            text!("file-written-link", path = shown.to_string()),
            text!("file-written-link-way"),
        )
    })
}

/// `None` if it is no regular file.
fn opened(path: &Path, flags: OFlags) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.read(true).custom_flags(flags.bits() as i32);
    let file = options.open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// The first line, without its end.
fn line(from: &mut impl BufRead, name: &str) -> Result<Secret, Failure> {
    // One allocation, so that no half-read line is left behind by growing.
    let mut octets = Vec::with_capacity(LINE_OCTETS_MAX + 2);
    let read = from
        .take(LINE_OCTETS_MAX as u64 + 2)
        .read_until(b'\n', &mut octets);
    let mut octets = Zeroizing::new(octets);
    read.map_err(|e| Failure::local(name, &e, text!("line-way")))?;
    if octets.last() == Some(&b'\n') {
        octets.pop();
        if octets.last() == Some(&b'\r') {
            octets.pop();
        }
    }
    if octets.len() > LINE_OCTETS_MAX {
        octets.zeroize();
        return Err(Failure::new(
            Kind::Invalid,
            text!("line-long", name = name, max = LINE_OCTETS_MAX),
            text!("line-long-way"),
        ));
    }
    Ok(Secret::new(std::mem::take(&mut *octets)))
}
