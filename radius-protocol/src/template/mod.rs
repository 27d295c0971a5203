//! Attributes of an accept, as the operator has written them: `Class` with `OU={group};`.
//!
//! A template is read once, when the settings are loaded, against a [`Dictionary`]; what can be
//! known to be wrong is said then. At a login it is expanded for one account. An attribute that
//! lacks a value (an account without that attribute, or in no group that fits) is left out; so is
//! one whose value does not fit its type, or for which there is no room, and then that is told.

mod parse;
mod pattern;
mod value;

use std::fmt;

use pattern::Pattern;
use thiserror::Error;
pub use value::ValueError;
use value::{Names, Reading};

use crate::attribute::{AttributeType, HEADER_OCTETS, VALUE_MAX};
use crate::authenticator::Authenticator;
use crate::dictionary::{DataType, Dictionary, Hiding, Number, VendorFormat};
use crate::mppe::{self, Salt};
use crate::packet::{HEADER_OCTETS as PACKET_HEADER, PACKET_MAX};
use crate::secret::Secret;

/// The longest value of a template, as written.
pub const VALUE_TEXT_MAX: usize = 1024;
/// The most patterns of one template.
pub const PATTERNS_MAX: usize = 64;
/// The most templates of one client.
pub const TEMPLATES_MAX: usize = 64;
/// The most octets that all attributes of one accept have: a packet, less its header and
/// Message-Authenticator.
pub const OCTETS_MAX: usize = PACKET_MAX - PACKET_HEADER - 18;
/// The largest tag (RFC 2868 section 3.1).
const TAG_MAX: u8 = 0x1f;

/// Why a template can not be used. The operator's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// No dictionary knows the name.
    #[error("no dictionary knows the attribute {0:?}")]
    UnknownAttribute(String),
    /// Not `26.12356.1`, `Vendor-Specific:12356:1` or a number up to 255.
    #[error("{0:?} is not the number of an attribute")]
    Number(String),
    /// An attribute that only the protocol itself may set.
    #[error("{0} can not be set by a template")]
    Forbidden(String),
    /// A type that can not be written.
    #[error("{name} is of type {data_type}, which can not be written")]
    Type {
        /// Of the attribute.
        name: String,
        /// Its type.
        data_type: DataType,
    },
    /// A vendor's format that can not be written.
    #[error("{0} is in a format of its vendor that can not be written")]
    Format(String),
    /// `Name:1` for an attribute without tags, or a tag above 31.
    #[error("{0:?} is not a tag that this attribute has")]
    Tag(String),
    /// `{` without an end.
    #[error("a brace without an end; write {{{{ for a brace")]
    Brace,
    /// Something else than `{account}`, `{group}` and `{attribute:NAME}`.
    #[error("no variable {0:?}: there are {{account}}, {{group}} and {{attribute:NAME}}")]
    Variable(String),
    /// The value is none of the attribute's type.
    #[error("{0}")]
    Value(ValueError),
    /// The value is longer than [`VALUE_TEXT_MAX`].
    #[error("value longer than {VALUE_TEXT_MAX} octets")]
    TextTooLong,
    /// More than [`PATTERNS_MAX`] patterns, or more than [`TEMPLATES_MAX`] templates.
    #[error("too many")]
    TooMany,
    /// What is always sent does not fit into one packet.
    #[error("the attributes need {0} octets, and an accept has room for {OCTETS_MAX}")]
    NoRoom(usize),
}

/// Who was accepted.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'p> {
    /// The name of the account.
    pub account: &'p str,
    /// Its groups, in the order in which they count.
    pub groups: &'p [String],
    /// What is known of it by name, in whatever case: first its own attributes, then those of its
    /// groups in their order. The first counts.
    pub attributes: &'p [(String, String)],
}

/// What hides Tunnel-Password and its like on the way.
#[derive(Debug, Clone, Copy)]
pub struct Cover<'c> {
    /// The client's secret.
    pub secret: &'c Secret,
    /// The Request Authenticator.
    pub request: &'c Authenticator,
    /// The salt of the first; see [`Salt::for_templates`].
    pub salt: Salt,
}

/// Attributes for an accept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// One behind the other, as on the wire.
    pub octets: Vec<u8>,
    /// What was left out, and why, for the log.
    pub left_out: Vec<LeftOut>,
}

/// An attribute that was left out. Holds nothing of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The attribute, as the template names it.
    pub attribute: String,
    /// Why.
    pub why: Why,
}

/// Why an attribute was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// Its value.
    Value(ValueError),
    /// There was no room for it.
    NoRoom,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(error) => error.fmt(f),
            Self::NoRoom => f.write_str("no room in the packet"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Account,
    Group,
    Attribute(String),
}

/// One attribute of the settings.
#[derive(Debug, Clone)]
pub struct Template {
    /// As the operator wrote it.
    attribute: String,
    number: Number,
    format: VendorFormat,
    data_type: DataType,
    /// What stands in front of the value, if the attribute has tags.
    tag: Option<u8>,
    is_hidden: bool,
    is_hexadecimal: bool,
    names: Names,
    pieces: Vec<Piece>,
    /// The groups of which one must be there. Without any, every account fits.
    groups: Vec<Pattern>,
}

impl Template {
    /// Reads a template: `attribute` and `value` as in the settings, and the patterns of the
    /// groups that it is for.
    pub fn new<G: AsRef<str>>(
        attribute: &str,
        value: &str,
        groups: &[G],
        dictionary: &Dictionary,
    ) -> Result<Self, TemplateError> {
        if value.len() > VALUE_TEXT_MAX {
            return Err(TemplateError::TextTooLong);
        }
        if groups.len() > PATTERNS_MAX {
            return Err(TemplateError::TooMany);
        }
        let (definition, tag) = parse::definition(attribute, dictionary)?;
        parse::check(&definition)?;
        let format = match definition.number {
            Number::Vendor { vendor, kind } => {
                parse::format(dictionary, vendor, kind, &definition.name)?
            }
            Number::Standard(_) => VendorFormat::default(),
        };
        let template = Self {
            attribute: attribute.to_owned(),
            number: definition.number,
            format,
            tag: tag.or(parse::default_tag(&definition)),
            is_hidden: definition.hiding == Hiding::Salted,
            is_hexadecimal: value.starts_with("0x"),
            names: value::names(dictionary, &definition.name),
            data_type: definition.data_type,
            pieces: parse::pieces(value)?,
            groups: groups.iter().map(|g| Pattern::new(g.as_ref())).collect(),
        };
        if let Some(constant) = template.constant() {
            template.value(&constant).map_err(TemplateError::Value)?;
        }
        Ok(template)
    }

    /// The value if no account has a part in it.
    fn constant(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The octets of a value in clear, and whether they fit into an attribute.
    fn value(&self, text: &str) -> Result<Vec<u8>, ValueError> {
        let reading = Reading {
            data_type: &self.data_type,
            is_hexadecimal: self.is_hexadecimal,
        };
        let mut value = value::encode(reading, &self.names, text)?;
        if self.tag.is_some() && matches!(self.data_type, DataType::Integer(4)) {
            // The tag takes the place of the highest octet (RFC 2868 section 3.1).
            if value.first() != Some(&0) {
                return Err(ValueError::TooLarge);
            }
            value.remove(0);
        }
        if self.is_hidden && value.len() > mppe::CLEAR_MAX {
            return Err(ValueError::TooLong);
        }
        if self.octets_on_wire(value.len()) > HEADER_OCTETS + VALUE_MAX {
            return Err(ValueError::TooLong);
        }
        Ok(value)
    }

    /// How long the whole attribute is with a value of this length in clear.
    fn octets_on_wire(&self, value: usize) -> usize {
        let value = match self.is_hidden {
            true => mppe::SALT_OCTETS + (1 + value).next_multiple_of(16),
            false => value,
        };
        let inner = match self.number {
            Number::Standard(_) => 0,
            Number::Vendor { .. } => {
                4 + usize::from(self.format.kind_octets + self.format.length_octets)
            }
        };
        HEADER_OCTETS + inner + usize::from(self.tag.is_some()) + value
    }

    /// The texts that this account gets.
    fn texts(&self, profile: &Profile<'_>) -> Result<Vec<String>, ValueError> {
        let is_listed = |group: &&String| {
            self.groups.is_empty() || self.groups.iter().any(|pattern| pattern.fits(group))
        };
        let mut fitting = profile.groups.iter().filter(is_listed);
        if self.pieces.contains(&Piece::Group) {
            return fitting
                .filter_map(|group| self.text(profile, Some(group)).transpose())
                .collect();
        }
        if !self.groups.is_empty() && fitting.next().is_none() {
            return Ok(Vec::new());
        }
        Ok(self.text(profile, None)?.into_iter().collect())
    }

    /// Nothing if a variable has no value.
    fn text(
        &self,
        profile: &Profile<'_>,
        group: Option<&str>,
    ) -> Result<Option<String>, ValueError> {
        let mut text = String::new();
        for piece in &self.pieces {
            let part = match piece {
                Piece::Literal(literal) => {
                    text.push_str(literal);
                    continue;
                }
                Piece::Account => Some(profile.account),
                Piece::Group => group,
                Piece::Attribute(name) => profile
                    .attributes
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.as_str()),
            };
            let Some(part) = part.filter(|part| !part.is_empty()) else {
                return Ok(None);
            };
            if part.chars().any(char::is_control) {
                return Err(ValueError::ControlCharacter);
            }
            text.push_str(part);
        }
        Ok(Some(text))
    }

    /// Appends one attribute.
    fn write(&self, value: &[u8], cover: &mut Cover<'_>, out: &mut Vec<u8>) -> Result<(), Why> {
        let length = self.octets_on_wire(value.len());
        if out.len() + length > OCTETS_MAX {
            return Err(Why::NoRoom);
        }
        // `value` has seen to it that one octet is enough.
        let length_octet = length as u8;
        match self.number {
            Number::Standard(kind) => out.extend([kind, length_octet]),
            Number::Vendor { vendor, kind } => {
                out.extend([AttributeType::VENDOR_SPECIFIC.0, length_octet]);
                out.extend(vendor.to_be_bytes());
                let inner = u16::from(length_octet) - (HEADER_OCTETS + 4) as u16;
                let kind = kind.to_be_bytes();
                out.extend(&kind[kind.len() - usize::from(self.format.kind_octets)..]);
                let inner = inner.to_be_bytes();
                out.extend(&inner[inner.len() - usize::from(self.format.length_octets)..]);
            }
        }
        out.extend(self.tag);
        if !self.is_hidden {
            out.extend(value);
            return Ok(());
        }
        let hidden = mppe::hide(cover.secret, cover.request, cover.salt, value)
            .map_err(|_| Why::Value(ValueError::TooLong))?;
        cover.salt = cover.salt.next();
        out.extend(hidden.octets());
        Ok(())
    }
}

/// The templates of one client, in the order in which they are sent.
#[derive(Debug, Clone, Default)]
pub struct Templates(Vec<Template>);

impl Templates {
    /// Refuses more than [`TEMPLATES_MAX`], and what can not all be sent although it always must.
    pub fn new(templates: Vec<Template>) -> Result<Self, TemplateError> {
        if templates.len() > TEMPLATES_MAX {
            return Err(TemplateError::TooMany);
        }
        let always: usize = templates
            .iter()
            .filter(|template| template.groups.is_empty())
            .filter_map(|template| {
                let value = template.value(&template.constant()?).ok()?;
                Some(template.octets_on_wire(value.len()))
            })
            .sum();
        if always > OCTETS_MAX {
            return Err(TemplateError::NoRoom(always));
        }
        Ok(Self(templates))
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if one of them names a group, so that groups must be looked up.
    pub fn need_groups(&self) -> bool {
        self.0
            .iter()
            .any(|template| !template.groups.is_empty() || template.pieces.contains(&Piece::Group))
    }

    /// True if one of them names an attribute, which may be one of a group.
    pub fn need_attributes(&self) -> bool {
        self.0.iter().any(|template| {
            template
                .pieces
                .iter()
                .any(|piece| matches!(piece, Piece::Attribute(_)))
        })
    }

    /// True if one of them is hidden on the way, under the Authenticator of one request.
    pub fn hide(&self) -> bool {
        self.0.iter().any(|template| template.is_hidden)
    }

    /// The attributes for one accept.
    pub fn expand(&self, profile: &Profile<'_>, mut cover: Cover<'_>) -> Expanded {
        let mut expanded = Expanded::default();
        for template in &self.0 {
            if let Err(why) = expand(template, profile, &mut cover, &mut expanded.octets) {
                expanded.left_out.push(LeftOut {
                    attribute: template.attribute.clone(),
                    why,
                });
            }
        }
        expanded
    }
}

/// Appends what one template gives. What is written before a failure stays.
fn expand(
    template: &Template,
    profile: &Profile<'_>,
    cover: &mut Cover<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Why> {
    for text in template.texts(profile).map_err(Why::Value)? {
        let value = template.value(&text).map_err(Why::Value)?;
        template.write(&value, cover, out)?;
    }
    Ok(())
}
