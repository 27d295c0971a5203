//! Names of attributes: dictionaries in the text format of FreeRADIUS.
//!
//! A dictionary says what `Fortinet-Group-Name` is: which vendor's, which number, which type.
//! [`Dictionary::built_in`] knows the attributes of the RFCs that a reply may carry, and those of
//! the gateways that this server is used with; [`Dictionary::read`] adds files of the operator.
//!
//! No file is opened here: whoever reads gives a closure that opens what `$INCLUDE` names.

mod parser;

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;

/// The deepest nesting of `$INCLUDE`.
pub const INCLUDE_DEPTH_MAX: usize = 8;
/// The most files that are read into one dictionary.
pub const FILES_MAX: usize = 1000;
/// The most attributes and values together.
pub const ENTRIES_MAX: usize = 200_000;
/// The longest name.
pub const NAME_OCTETS_MAX: usize = 128;
/// How many notes are kept.
pub const NOTES_MAX: usize = 1000;

/// How the value of an attribute is written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// UTF-8.
    Text,
    /// Any octets.
    Octets,
    /// 8, 16, 32 or 64 bits, without sign; the number says how many octets.
    Integer(u8),
    /// 32 bits with sign.
    Signed,
    /// Seconds since 1970, in 32 bits.
    Date,
    /// IPv4.
    Address,
    /// IPv6.
    Ipv6Address,
    /// IPv4 or IPv6.
    AnyAddress,
    /// RFC 8044 section 3.11.
    Ipv4Prefix,
    /// RFC 3162 section 2.3.
    Ipv6Prefix,
    /// One that can be read here, but not written in a reply.
    Other(String),
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "string",
            Self::Octets => "octets",
            Self::Integer(1) => "byte",
            Self::Integer(2) => "short",
            Self::Integer(8) => "integer64",
            Self::Integer(_) => "integer",
            Self::Signed => "signed",
            Self::Date => "date",
            Self::Address => "ipaddr",
            Self::Ipv6Address => "ipv6addr",
            Self::AnyAddress => "combo-ip",
            Self::Ipv4Prefix => "ipv4prefix",
            Self::Ipv6Prefix => "ipv6prefix",
            Self::Other(name) => name,
        })
    }
}

/// How a value is hidden on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hiding {
    /// Not at all.
    None,
    /// Like Tunnel-Password (`encrypt=2`).
    Salted,
    /// In a way that has no place in a reply of ours.
    Other,
}

/// Where an attribute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// An attribute of the standard space.
    Standard(u8),
    /// One inside Vendor-Specific.
    Vendor {
        /// The vendor's number.
        vendor: u32,
        /// The vendor's type.
        kind: u32,
    },
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(kind) => write!(f, "{kind}"),
            Self::Vendor { vendor, kind } => write!(f, "26.{vendor}.{kind}"),
        }
    }
}

/// How many octets type and length have inside a vendor's Vendor-Specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VendorFormat {
    /// 1, 2 or 4.
    pub kind_octets: u8,
    /// 0, 1 or 2.
    pub length_octets: u8,
    /// True if values may go on in the next attribute, behind an octet that says so.
    pub continues: bool,
}

/// What RFC 2865 section 5.26 suggests.
impl Default for VendorFormat {
    fn default() -> Self {
        Self {
            kind_octets: 1,
            length_octets: 1,
            continues: false,
        }
    }
}

/// What is known of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its name, as the dictionary spells it.
    pub name: String,
    /// Where it stands.
    pub number: Number,
    /// How its value is written.
    pub data_type: DataType,
    /// True if a tag may stand in front (RFC 2868 section 3.1).
    pub has_tag: bool,
    /// How its value is hidden.
    pub hiding: Hiding,
}

/// Something that was read and passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// In which file.
    pub file: String,
    /// In which line.
    pub line: usize,
    /// What.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Why a dictionary can not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}: {problem}")]
pub struct DictionaryError {
    /// In which file.
    pub file: String,
    /// In which line.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a line of a dictionary. The operator's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// The first word is none that a dictionary knows.
    #[error("unknown keyword {0:?}")]
    Keyword(String),
    /// Something is missing in the line.
    #[error("{0} needs {1}")]
    Missing(&'static str, &'static str),
    /// Not a number, or too large.
    #[error("{0:?} is not a number that fits here")]
    Number(String),
    /// A name is longer than [`NAME_OCTETS_MAX`].
    #[error("name longer than {NAME_OCTETS_MAX} octets")]
    NameTooLong,
    /// BEGIN-VENDOR without VENDOR.
    #[error("no VENDOR {0:?} before this line")]
    UnknownVendor(String),
    /// END-VENDOR of a vendor that is not open, or END-TLV without BEGIN-TLV.
    #[error("{0} without a beginning")]
    NotOpen(&'static str),
    /// The file ends inside a BEGIN.
    #[error("{0} without an end")]
    NotClosed(&'static str),
    /// `format=` is none that is known.
    #[error("unknown vendor format {0:?}")]
    Format(String),
    /// The included file can not be read.
    #[error("can not include {0:?}: {1}")]
    Include(String, String),
    /// Files include one another too deeply, or there are too many.
    #[error("too many included files, or one includes itself")]
    TooManyFiles,
    /// Too many attributes and values.
    #[error("more than {ENTRIES_MAX} attributes and values")]
    TooLarge,
}

/// A file that was included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, for messages and for what it includes itself.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Opens what `$INCLUDE` names: the name as it stands there, and the file that says so. The error
/// is for the operator.
pub type Include<'i> = dyn FnMut(&str, &str) -> Result<Source, String> + 'i;

/// Attributes by name and by number.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    /// By name in lower case.
    attributes: HashMap<String, Definition>,
    /// The name in lower case, by number.
    names: HashMap<Number, String>,
    /// The values of an attribute by name, both in lower case.
    values: HashMap<String, HashMap<String, u64>>,
    /// By name in lower case.
    vendors: HashMap<String, u32>,
    formats: HashMap<u32, VendorFormat>,
    entries: usize,
    files: usize,
    notes: Vec<Note>,
}

impl Dictionary {
    /// Without any attribute.
    pub fn new() -> Self {
        Self::default()
    }

    /// With what this server knows by itself.
    #[expect(clippy::expect_used, reason = "a text of ours, and a test reads it")]
    pub fn built_in() -> Self {
        let mut dictionary = Self::new();
        dictionary
            .read("built-in", include_str!("built-in"), &mut |name, _| {
                Err(format!("{name} is not there"))
            })
            .expect("the built-in dictionary is well-formed");
        dictionary
    }

    /// Adds what a text defines. A later definition of a name takes the place of an earlier one.
    /// After an error, what stood before it is added.
    pub fn read(
        &mut self,
        file: &str,
        text: &str,
        include: &mut Include<'_>,
    ) -> Result<(), DictionaryError> {
        parser::read(self, file, text, include)
    }

    /// The attribute of this name, in whatever case.
    pub fn attribute(&self, name: &str) -> Option<&Definition> {
        self.attributes.get(&name.to_ascii_lowercase())
    }

    /// The attribute that stands there. If it has several names, the last that was defined.
    pub fn by_number(&self, number: Number) -> Option<&Definition> {
        self.attributes.get(self.names.get(&number)?)
    }

    /// The number behind a name that a value of this attribute has.
    pub fn value(&self, attribute: &str, name: &str) -> Option<u64> {
        self.values(attribute)?
            .get(&name.to_ascii_lowercase())
            .copied()
    }

    /// All names that values of this attribute have, in lower case.
    pub(crate) fn values(&self, attribute: &str) -> Option<&HashMap<String, u64>> {
        self.values.get(&attribute.to_ascii_lowercase())
    }

    /// The number of a vendor.
    pub fn vendor(&self, name: &str) -> Option<u32> {
        self.vendors.get(&name.to_ascii_lowercase()).copied()
    }

    /// How a vendor writes its attributes.
    pub fn format(&self, vendor: u32) -> VendorFormat {
        self.formats.get(&vendor).copied().unwrap_or_default()
    }

    /// How many attributes have a name.
    pub fn len(&self) -> usize {
        self.attributes.len()
    }

    /// True if none has.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// All attributes, in no order.
    pub fn attributes(&self) -> impl Iterator<Item = &Definition> {
        self.attributes.values()
    }

    /// What was passed over while reading; at most [`NOTES_MAX`].
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}
