//! Why a packet is ignored or refused. For operators only; outside there is silence or one reject.

use crate::error::PacketError;

/// Why there is no reply at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// Not a packet.
    Malformed(PacketError),
    /// A Code that an authentication server does not serve.
    Code,
    /// There is none where there must be one.
    NoMessageAuthenticator,
    /// It is wrong: another secret, or another packet than was sent.
    WrongMessageAuthenticator,
    /// A Proxy-State without Message-Authenticator.
    ProxyState,
    /// Neither a proof of any method nor a Message-Authenticator.
    NothingToJudge,
    /// A Status-Server from a client for which it is off.
    StatusServerOff,
    /// A Status-Server while the verifier is away.
    NotReady,
    /// A duplicate of a request that has no reply yet.
    InProgress,
    /// The duplicate cache is full of requests that have no reply yet.
    CacheFull,
    /// The Proxy-States leave no room for a reply.
    ReplyTooLarge,
    /// NAS-Identifier is none of those that the client is set to.
    NasIdentifier,
    /// EAP-Message holds no EAP packet, or one that the state of the conversation does not fit.
    Eap,
    /// A State can be neither sealed nor opened yet: the verifier has given no keys.
    NoStateKeys,
}

/// Why a request is rejected without asking the verifier. No code is spent, no guess is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// User-Name is missing or empty, or is there twice.
    UserName,
    /// User-Name is not UTF-8.
    UserNameNotText,
    /// No proof of any method.
    NoMethod,
    /// Proofs of two methods, or two of one.
    SeveralMethods,
    /// A method that is off or unknown.
    MethodOff,
    /// Service-Type says that nobody logs in.
    NotALogin,
    /// User-Password has a size that RFC 2865 does not allow.
    PasswordSize,
    /// User-Password is empty, or what is left of it for one of the factors.
    PasswordEmpty,
    /// What stands in the place of the code, behind or before a password, is not as many digits as
    /// it must be: somebody has left the code out, or has another secret. The password is judged
    /// by nobody then.
    NotACode,
    /// The proof is not of the size or form that its method asks for.
    ProofForm,
    /// A State that is not ours, not for this client and account, expired, used up, or there
    /// twice.
    BadState,
    /// More challenges in a minute than one account gets.
    TooManyChallenges,
    /// More passwords with a code in a minute than are judged for one account; those that were
    /// are not told from those that were not.
    TooManyPasswords,
    /// The EAP identity is not User-Name.
    Identity,
    /// The peer wants no EAP method that is on, or does not believe us.
    EapDeclined,
}
