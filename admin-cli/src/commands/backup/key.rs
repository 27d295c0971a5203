//! `backup-key`: who can read backups.

use std::path::Path;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use sekisho_admin_cli::text;
use serde_json::json;
use zeroize::Zeroizing;

use super::file::NewFile;
use crate::Stop;
use crate::output::{Output, hint};

const OWNER_READS: u32 = 0o400;

/// Makes an identity in a new file, and prints its recipient.
pub(crate) fn new_key(file: &Path, output: &mut Output) -> Result<(), Stop> {
    let identity = Identity::generate();
    let recipient = identity.to_public().to_string();
    let text = file_text(&identity, &recipient);
    let mut new = NewFile::create(file, OWNER_READS)?;
    new.write(text.as_bytes())?;
    new.keep()?;
    if output.is_json() {
        let value = json!({ "identity": file, "recipient": recipient });
        return Ok(output.value(&value)?);
    }
    let shown = file.display();
    output.line(&recipient)?;
    hint(&format!(
        "\n{}\n\n    [backup]\n    recipients = [\"{recipient}\"]\n\n{}",
        text!("backup-key-made", path = shown.to_string()),
        text!("backup-key-restart"),
    ));
    Ok(())
}

/// As age's own tools write it and read it.
fn file_text(identity: &Identity, recipient: &str) -> Zeroizing<String> {
    let secret = identity.to_string();
    let pieces = [
        "# Opens backups of Sekisho. Keep it away from the machine that they are of.\n# public key: ",
        recipient,
        "\n",
        secret.expose_secret(),
        "\n",
    ];
    let room = pieces.iter().map(|piece| piece.len()).sum();
    let mut text = Zeroizing::new(String::with_capacity(room));
    for piece in pieces {
        text.push_str(piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_the_identity_of_its_recipient() {
        let identity = Identity::generate();
        let recipient = identity.to_public().to_string();
        let text = file_text(&identity, &recipient);
        let line = text.lines().last().expect("lines");
        let read: Identity = line.parse().expect("an identity");
        assert_eq!(read.to_public().to_string(), recipient);
        assert!(text.contains(&format!("# public key: {recipient}\n")));
    }
}
