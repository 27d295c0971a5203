//! What may come from a directory: whole messages of the kinds we asked for, of bounded size, in
//! the shape that RFC 4511 gives them.
//!
//! `ldap3` takes memory for as much as it is told, descends as deep as it is told, and panics on
//! messages of a shape that it does not expect. What a server, or somebody between it and us,
//! sends is therefore looked at here before it gets there. Whatever else is in a message (controls,
//! referrals, which we would not follow) is left out.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest message: an entry that names some thousand groups.
const MESSAGE_OCTETS_MAX: usize = 256 * 1024;
/// What a connection may send as a whole.
const CONNECTION_OCTETS_MAX: usize = 2 * 1024 * 1024;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;

/// ExtendedRequest with the name of StartTLS (RFC 4511 section 4.14), as message 1.
pub(super) const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// Why a directory is not listened to any more.
fn refuse(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The messages of one connection.
#[derive(Debug)]
pub(super) struct Messages {
    left: usize,
}

impl Messages {
    pub(super) fn new() -> Self {
        Self {
            left: CONNECTION_OCTETS_MAX,
        }
    }

    /// The content of the next message, and not an octet more.
    pub(super) async fn read(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Vec<u8>> {
        if from.read_u8().await? != SEQUENCE {
            return Err(refuse("no LDAP message"));
        }
        let length = match from.read_u8().await? {
            short @ 0..=0x7f => usize::from(short),
            0x81 => usize::from(from.read_u8().await?),
            0x82 => usize::from(from.read_u16().await?),
            0x83 => usize::from(from.read_u8().await?) << 16 | usize::from(from.read_u16().await?),
            0x84 => usize::try_from(from.read_u32().await?).unwrap_or(usize::MAX),
            _ => return Err(refuse("a message of no definite length")),
        };
        if length > MESSAGE_OCTETS_MAX {
            return Err(refuse("a message is too long"));
        }
        self.left = self
            .left
            .checked_sub(length)
            .ok_or_else(|| refuse("too many messages"))?;
        // Not more at once than has arrived.
        let mut content = Vec::new();
        let read = from.take(length as u64).read_to_end(&mut content).await?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(content)
    }
}

/// One element of BER (X.690) with a tag of one octet and a definite length.
#[derive(Debug, Clone, Copy)]
struct Element<'m> {
    tag: u8,
    content: &'m [u8],
    /// With tag and length.
    whole: &'m [u8],
}

/// Takes elements from the front.
#[derive(Debug, Clone, Copy)]
struct Elements<'m>(&'m [u8]);

impl<'m> Iterator for Elements<'m> {
    type Item = Option<Element<'m>>;

    /// `Some(None)` when what follows is no element.
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let element = element(self.0);
        self.0 = element.map_or(&[], |element| &self.0[element.whole.len()..]);
        Some(element)
    }
}

fn element(octets: &[u8]) -> Option<Element<'_>> {
    let [tag, first, ..] = *octets else {
        return None;
    };
    // Longer tags are nowhere in LDAP.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (start, length) = match first {
        short @ 0..=0x7f => (2, usize::from(short)),
        long @ 0x81..=0x84 => {
            let count = usize::from(long & 0x7f);
            let octets = octets.get(2..2 + count)?;
            let length = octets.iter().fold(0, |n, &o| n << 8 | usize::from(o));
            (2 + count, length)
        }
        _ => return None,
    };
    let whole = octets.get(..start.checked_add(length)?)?;
    Some(Element {
        tag,
        content: &whole[start..],
        whole,
    })
}

/// The message that may go on to `ldap3`, of the content of one that came; `None` for one that is
/// left out.
pub(super) fn checked(content: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let (id, operation) =
        split(content).ok_or_else(|| refuse("a message of no shape that we know"))?;
    let known = match operation.tag {
        BIND_RESPONSE | SEARCH_DONE => result(operation),
        SEARCH_ENTRY => entry(operation),
        SEARCH_REFERENCE => return Ok(None),
        _ => None,
    };
    let known = known.ok_or_else(|| refuse("a message that nobody asked for"))?;
    let operation = wrapped(operation.tag, &known);
    let message = [id.whole, &operation].concat();
    Ok(Some(wrapped(SEQUENCE, &message)))
}

/// Whether this is the consent to StartTLS.
pub(super) fn is_tls_consent(content: &[u8]) -> bool {
    split(content).is_some_and(|(id, operation)| {
        let code = Elements(operation.content).next().flatten();
        id.content == [1]
            && operation.tag == EXTENDED_RESPONSE
            && code.is_some_and(|code| code.tag == ENUMERATED && code.content == [0])
    })
}

fn split(content: &[u8]) -> Option<(Element<'_>, Element<'_>)> {
    let mut elements = Elements(content);
    let id = elements.next()??;
    let operation = elements.next()??;
    // A message of the server's own accord has the id 0: it says goodbye.
    let is_ours = id.tag == INTEGER
        && (1..=4).contains(&id.content.len())
        && id.content[0] < 0x80
        && id.content.iter().any(|&octet| octet != 0);
    is_ours.then_some((id, operation))
}

/// The first three parts of an LDAPResult: code, DN, and text.
fn result(operation: Element<'_>) -> Option<Vec<u8>> {
    let mut parts = Elements(operation.content);
    let code = parts.next()??;
    let dn = parts.next()??;
    let text = parts.next()??;
    let is_code = code.tag == ENUMERATED && (1..=2).contains(&code.content.len());
    // A text that is not UTF-8 is left out: it is for people.
    let text = if is_utf8(text) {
        text.whole
    } else {
        &[OCTET_STRING, 0]
    };
    (is_code && is_utf8(dn)).then(|| [code.whole, dn.whole, text].concat())
}

fn is_utf8(element: Element<'_>) -> bool {
    element.tag == OCTET_STRING && std::str::from_utf8(element.content).is_ok()
}

/// DN and attributes, each a type and a set of values.
fn entry(operation: Element<'_>) -> Option<Vec<u8>> {
    let mut parts = Elements(operation.content);
    let dn = parts.next()??;
    let attributes = parts.next()??;
    let is_entry = is_utf8(dn)
        && attributes.tag == SEQUENCE
        && Elements(attributes.content).all(|one| one.is_some_and(is_attribute))
        && parts.next().is_none();
    is_entry.then(|| operation.content.to_vec())
}

fn is_attribute(attribute: Element<'_>) -> bool {
    let mut parts = Elements(attribute.content);
    let (Some(Some(kind)), Some(Some(values)), None) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    attribute.tag == SEQUENCE
        && is_utf8(kind)
        && values.tag == SET
        && Elements(values.content).all(|value| value.is_some_and(|v| v.tag == OCTET_STRING))
}

/// An element of this tag and content.
fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(content.len() + 6);
    octets.push(tag);
    let length = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => octets.push(length[length.len() - 1]),
        _ => {
            octets.push(0x84);
            octets.extend(&length[length.len() - 4..]);
        }
    }
    octets.extend(content);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &[u8]) -> Vec<u8> {
        wrapped(OCTET_STRING, text)
    }

    fn bind_response(code: u8, more: &[u8]) -> Vec<u8> {
        let result = [
            &[ENUMERATED, 1, code],
            &*string(b""),
            &string(b"text"),
            more,
        ]
        .concat();
        [&[INTEGER, 1, 7], &*wrapped(BIND_RESPONSE, &result)].concat()
    }

    fn search_entry(values: &[&[u8]]) -> Vec<u8> {
        let values: Vec<u8> = values.iter().flat_map(|value| string(value)).collect();
        let attribute = [string(b"memberOf"), wrapped(SET, &values)].concat();
        let attributes = wrapped(SEQUENCE, &wrapped(SEQUENCE, &attribute));
        let entry = [string(b"uid=hana"), attributes].concat();
        [&[INTEGER, 1, 7], &*wrapped(SEARCH_ENTRY, &entry)].concat()
    }

    #[test]
    fn what_was_asked_for_goes_through() {
        let plain = bind_response(49, b"");
        assert_eq!(checked(&plain).unwrap(), Some(wrapped(SEQUENCE, &plain)));
        let entry = search_entry(&[b"cn=vpn", b"\xff\xfe"]);
        assert_eq!(checked(&entry).unwrap(), Some(wrapped(SEQUENCE, &entry)));
        let many = vec![&[b'g'; 100][..]; 2_000];
        assert!(checked(&search_entry(&many)).unwrap().is_some());
    }

    #[test]
    fn referrals_credentials_and_controls_are_left_out() {
        let plain = bind_response(10, b"");
        let referral = wrapped(0xa3, &string(b"ldap://elsewhere.example"));
        let with_referral = bind_response(10, &referral);
        let with_controls = [&*plain, &wrapped(0xa0, &[SEQUENCE, 0])].concat();
        for message in [with_referral, with_controls] {
            assert_eq!(checked(&message).unwrap(), Some(wrapped(SEQUENCE, &plain)));
        }
        let reference = wrapped(SEARCH_REFERENCE, &string(b"ldap://elsewhere.example"));
        let message = [&[INTEGER, 1, 7], &*reference].concat();
        assert_eq!(checked(&message).unwrap(), None);
    }

    #[test]
    fn whatever_else_comes_ends_the_connection() {
        let deep = (0..50_000).fold(Vec::new(), |mut inner, _| {
            inner.extend([SEQUENCE, 0x80]);
            inner
        });
        let goodbye = wrapped(EXTENDED_RESPONSE, &bind_response(52, b"")[5..]);
        for message in [
            &b""[..],
            &[INTEGER, 1],
            &[INTEGER, 0, BIND_RESPONSE, 0],
            &[INTEGER, 1, 7, BIND_RESPONSE, 0],
            &[INTEGER, 1, 7, BIND_RESPONSE, 2, ENUMERATED, 0x84],
            &[INTEGER, 1, 7, SEARCH_ENTRY, 2, OCTET_STRING, 0],
            &[INTEGER, 1, 7, 0x1f, 0x81, 0],
            &[INTEGER, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0, BIND_RESPONSE, 0],
            &[&[INTEGER, 1, 7], &*deep].concat(),
            &[&[INTEGER, 1, 0], &*goodbye].concat(),
            // A code of which only the last octets would be looked at.
            b"\x02\x01\x07\x61\x0c\x0a\x05\x01\x00\x00\x00\x00\x04\x00\x04\x00",
        ] {
            assert!(checked(message).is_err(), "{message:?}");
        }
        for cut in 0..search_entry(&[b"cn=vpn"]).len() {
            assert!(checked(&search_entry(&[b"cn=vpn"])[..cut]).is_err());
        }
    }

    #[test]
    fn no_octet_of_a_good_message_can_be_changed_into_a_panic() {
        let good = [
            bind_response(0, b""),
            search_entry(&[b"cn=vpn,ou=groups", b"cn=staff"]),
        ];
        for message in good {
            for at in 0..message.len() {
                for octet in 0..=u8::MAX {
                    let mut changed = message.clone();
                    changed[at] = octet;
                    // Refused, or of a shape that is known.
                    if let Ok(Some(passed)) = checked(&changed) {
                        assert!(passed.len() <= changed.len() + 12);
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn messages_are_read_to_their_end_and_no_further() {
        let mut messages = Messages::new();
        let two = [wrapped(SEQUENCE, b"one"), wrapped(SEQUENCE, &[b'x'; 300])].concat();
        let mut from = &two[..];
        assert_eq!(messages.read(&mut from).await.unwrap(), b"one");
        assert_eq!(messages.read(&mut from).await.unwrap(), [b'x'; 300]);
        for bad in [
            &b"\x31\x00"[..],
            b"\x30\x80\x00\x00",
            b"\x30\x05abcd",
            b"\x30\x84\x00\x04\x00\x01",
            b"\x30\x88\x00\x00\x00\x00\x00\x00\x00\x01\x00",
        ] {
            assert!(messages.read(&mut { bad }).await.is_err(), "{bad:?}");
        }
        let long = wrapped(SEQUENCE, &vec![0; MESSAGE_OCTETS_MAX]);
        let mut messages = Messages::new();
        for _ in 0..CONNECTION_OCTETS_MAX / MESSAGE_OCTETS_MAX {
            messages.read(&mut &long[..]).await.unwrap();
        }
        assert!(messages.read(&mut &long[..]).await.is_err());
    }

    #[test]
    fn consent_to_tls_is_nothing_else() {
        let consent = |id: u8, tag: u8, code: u8| {
            let result = [ENUMERATED, 1, code, OCTET_STRING, 0, OCTET_STRING, 0];
            [&[INTEGER, 1, id], &*wrapped(tag, &result)].concat()
        };
        assert!(is_tls_consent(&consent(1, EXTENDED_RESPONSE, 0)));
        assert!(!is_tls_consent(&consent(1, EXTENDED_RESPONSE, 2)));
        assert!(!is_tls_consent(&consent(2, EXTENDED_RESPONSE, 0)));
        assert!(!is_tls_consent(&consent(1, BIND_RESPONSE, 0)));
        assert!(!is_tls_consent(b""));
    }
}
