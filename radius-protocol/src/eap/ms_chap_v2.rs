//! MS-CHAPv2 inside EAP: what follows type 26 (draft-kamath-pppext-eap-mschapv2).
//!
//! OpCode, MS-CHAPv2-ID, MS-Length (all of this, so five less than the EAP packet has), and the
//! packet of RFC 2759.

/// Octets of OpCode, MS-CHAPv2-ID and MS-Length.
const HEADER_OCTETS: usize = 4;
/// Octets of a challenge.
const CHALLENGE_OCTETS: u8 = 16;
/// Octets of a response: peer challenge, reserved, NT-Response, flags.
const RESPONSE_OCTETS: u8 = 49;

const CHALLENGE: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;

/// What a peer says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Said<'e> {
    /// A response to our challenge.
    Response(Response<'e>),
    /// It believes that we know the code.
    Success,
    /// It does not, or it takes our failure.
    Failure,
}

impl std::fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Response(_) => "Response",
            Self::Success => "Success",
            Self::Failure => "Failure",
        })
    }
}

/// A response to a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'e> {
    /// What the peer chose.
    pub peer_challenge: [u8; 16],
    /// NT-Response.
    pub nt_response: [u8; 24],
    /// The name that the peer computed it for.
    pub name: &'e [u8],
}

/// Reads the data of a response of type 26; nothing if it has not the form.
pub fn read(data: &[u8]) -> Option<Said<'_>> {
    match data {
        [SUCCESS, ..] => Some(Said::Success),
        [FAILURE, ..] => Some(Said::Failure),
        &[RESPONSE, _, high, low, RESPONSE_OCTETS, ref rest @ ..] => {
            if usize::from(u16::from_be_bytes([high, low])) != data.len() {
                return None;
            }
            let (peer_challenge, rest) = rest.split_first_chunk()?;
            let (_reserved, rest) = rest.split_first_chunk::<8>()?;
            let (nt_response, rest) = rest.split_first_chunk()?;
            let (_flags, name) = rest.split_first()?;
            Some(Said::Response(Response {
                peer_challenge: *peer_challenge,
                nt_response: *nt_response,
                name,
            }))
        }
        _ => None,
    }
}

/// The data of a request with a challenge.
pub fn challenge(identifier: u8, challenge: &[u8; 16], name: &[u8]) -> Vec<u8> {
    let mut value = vec![CHALLENGE_OCTETS];
    value.extend(challenge);
    value.extend(name);
    packet(CHALLENGE, identifier, &value)
}

/// The data of a request that says that the response was right, and proves that we know it.
pub fn success(identifier: u8, authenticator_response: &[u8; 20]) -> Vec<u8> {
    let text = success_text(authenticator_response) + " M=OK";
    packet(SUCCESS, identifier, text.as_bytes())
}

/// The data of a response: what a peer does.
pub fn response(identifier: u8, response: &Response<'_>) -> Vec<u8> {
    let mut value = vec![RESPONSE_OCTETS];
    value.extend(response.peer_challenge);
    value.extend([0; 8]);
    value.extend(response.nt_response);
    value.push(0);
    value.extend(response.name);
    packet(RESPONSE, identifier, &value)
}

/// The data of a response that takes our success: what a peer does.
pub fn acknowledgement() -> Vec<u8> {
    vec![SUCCESS]
}

fn packet(code: u8, identifier: u8, value: &[u8]) -> Vec<u8> {
    // Names and texts are short: those of settings and of the protocol.
    let [high, low] = ((HEADER_OCTETS + value.len()) as u16).to_be_bytes();
    let mut data = vec![code, identifier, high, low];
    data.extend(value);
    data
}

/// The authenticator response as text (RFC 2759 section 5).
pub(crate) fn success_text(authenticator_response: &[u8; 20]) -> String {
    format!("S={}", hex(authenticator_response))
}

/// In capitals, as RFC 2759 has it.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

/// The name that goes into a response: without the domain that Windows puts before it
/// (RFC 2759 section 4).
pub(crate) fn without_domain(name: &[u8]) -> &[u8] {
    match name.iter().position(|&octet| octet == b'\\') {
        Some(at) => &name[at + 1..],
        None => name,
    }
}
