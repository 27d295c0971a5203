//! Reading the text, line by line.

use std::str::SplitWhitespace;

use super::{
    DataType, Definition, Dictionary, DictionaryError, ENTRIES_MAX, FILES_MAX, Hiding,
    INCLUDE_DEPTH_MAX, Include, NAME_OCTETS_MAX, NOTES_MAX, Note, Number, Problem, VendorFormat,
};

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
struct Place<'f> {
    file: &'f str,
    line: usize,
}

impl Place<'_> {
    fn error(self, problem: Problem) -> DictionaryError {
        DictionaryError {
            file: self.file.to_owned(),
            line: self.line,
            problem,
        }
    }
}

/// What is open in a file. A file must close what it opens.
#[derive(Debug, Default)]
struct Open {
    vendor: Option<Vendor>,
    /// How many BEGIN-TLV and other blocks that are passed over are open.
    passed_over: usize,
}

#[derive(Debug)]
struct Vendor {
    number: u32,
    /// True if its attributes stand somewhere else than in Vendor-Specific.
    is_extended: bool,
}

pub(super) fn read(
    dictionary: &mut Dictionary,
    file: &str,
    text: &str,
    include: &mut Include<'_>,
) -> Result<(), DictionaryError> {
    let mut reader = Reader {
        dictionary,
        include,
    };
    reader.file(file, text, 0)
}

struct Reader<'r, 'i> {
    dictionary: &'r mut Dictionary,
    include: &'r mut Include<'i>,
}

impl Reader<'_, '_> {
    fn file(&mut self, file: &str, text: &str, depth: usize) -> Result<(), DictionaryError> {
        self.dictionary.files += 1;
        let mut open = Open::default();
        let mut place = Place { file, line: 0 };
        for line in text.lines() {
            place.line += 1;
            let content = line.split_once('#').map_or(line, |(content, _)| content);
            let mut words = content.split_whitespace();
            if let Some(keyword) = words.next() {
                self.line(place, keyword, words, &mut open, depth)?;
            }
        }
        if open.vendor.is_some() {
            return Err(place.error(Problem::NotClosed("BEGIN-VENDOR")));
        }
        if open.passed_over > 0 {
            return Err(place.error(Problem::NotClosed("BEGIN-TLV")));
        }
        Ok(())
    }

    fn line(
        &mut self,
        place: Place<'_>,
        keyword: &str,
        words: SplitWhitespace<'_>,
        open: &mut Open,
        depth: usize,
    ) -> Result<(), DictionaryError> {
        match keyword.to_ascii_uppercase().as_str() {
            "BEGIN-TLV" | "BEGIN" | "BEGIN-PROTOCOL" => {
                if open.passed_over == 0 {
                    self.note(place, format!("{keyword} and what is in it"));
                }
                open.passed_over += 1;
                Ok(())
            }
            "END-TLV" | "END" | "END-PROTOCOL" => {
                open.passed_over = open
                    .passed_over
                    .checked_sub(1)
                    .ok_or(Problem::NotOpen("END-TLV"))
                    .map_err(|problem| place.error(problem))?;
                Ok(())
            }
            "$INCLUDE" => self.include(place, words, depth, true),
            "$INCLUDE-" => self.include(place, words, depth, false),
            // Members of what was passed over.
            _ if open.passed_over > 0 => Ok(()),
            "ATTRIBUTE" => self.attribute(place, words, open),
            "VALUE" => self.value(place, words),
            "VENDOR" => self.vendor(place, words),
            "BEGIN-VENDOR" => self.begin_vendor(place, words, open),
            "END-VENDOR" => match open.vendor.take() {
                Some(_) => Ok(()),
                None => Err(Problem::NotOpen("END-VENDOR")),
            }
            .map_err(|problem| place.error(problem)),
            // Of newer dictionaries; none of them is an attribute that a reply needs.
            "STRUCT" | "MEMBER" | "ALIAS" | "ENUM" | "DEFINE" | "FLAGS" | "PROTOCOL" => {
                self.note(place, format!("{keyword} is not known"));
                Ok(())
            }
            _ => Err(place.error(Problem::Keyword(keyword.to_owned()))),
        }
    }

    fn include(
        &mut self,
        place: Place<'_>,
        mut words: SplitWhitespace<'_>,
        depth: usize,
        is_needed: bool,
    ) -> Result<(), DictionaryError> {
        let name = word(&mut words, "$INCLUDE", "a file").map_err(|p| place.error(p))?;
        if depth >= INCLUDE_DEPTH_MAX || self.dictionary.files >= FILES_MAX {
            return Err(place.error(Problem::TooManyFiles));
        }
        match (self.include)(name, place.file) {
            Ok(source) => self.file(&source.name, &source.text, depth + 1),
            Err(_) if !is_needed => Ok(()),
            Err(why) => Err(place.error(Problem::Include(name.to_owned(), why))),
        }
    }

    fn vendor(
        &mut self,
        place: Place<'_>,
        mut words: SplitWhitespace<'_>,
    ) -> Result<(), DictionaryError> {
        let mut parse = || -> Result<(&str, u32, VendorFormat), Problem> {
            let name = name(&mut words, "VENDOR", "a name")?;
            let number = number(word(&mut words, "VENDOR", "a number")?)?;
            let format = match words.next() {
                Some(format) => vendor_format(format)?,
                None => VendorFormat::default(),
            };
            Ok((name, number, format))
        };
        let (name, number, format) = parse().map_err(|problem| place.error(problem))?;
        self.count(place)?;
        self.dictionary
            .vendors
            .insert(name.to_ascii_lowercase(), number);
        self.dictionary.formats.insert(number, format);
        Ok(())
    }

    fn begin_vendor(
        &mut self,
        place: Place<'_>,
        mut words: SplitWhitespace<'_>,
        open: &mut Open,
    ) -> Result<(), DictionaryError> {
        let name = word(&mut words, "BEGIN-VENDOR", "a vendor").map_err(|p| place.error(p))?;
        let Some(number) = self.dictionary.vendor(name) else {
            return Err(place.error(Problem::UnknownVendor(name.to_owned())));
        };
        if open.vendor.is_some() {
            return Err(place.error(Problem::NotClosed("BEGIN-VENDOR")));
        }
        // Behind the name, another place than Vendor-Specific may be said.
        let is_extended = words.next().is_some();
        open.vendor = Some(Vendor {
            number,
            is_extended,
        });
        if is_extended {
            self.note(
                place,
                format!("attributes of {name} outside of Vendor-Specific"),
            );
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        place: Place<'_>,
        mut words: SplitWhitespace<'_>,
        open: &Open,
    ) -> Result<(), DictionaryError> {
        let mut parse = || -> Result<(&str, &str, &str), Problem> {
            let name = name(&mut words, "ATTRIBUTE", "a name")?;
            let place = word(&mut words, "ATTRIBUTE", "a number")?;
            let kind = word(&mut words, "ATTRIBUTE", "a type")?;
            Ok((name, place, kind))
        };
        let (name, digits, kind) = parse().map_err(|problem| place.error(problem))?;
        let mut vendor = open.vendor.as_ref().map(|vendor| vendor.number);
        let (mut has_tag, mut hiding) = (false, Hiding::None);
        for flag in words.flat_map(|word| word.split(',')) {
            match flag.to_ascii_lowercase().as_str() {
                "has_tag" => has_tag = true,
                "encrypt=2" => hiding = Hiding::Salted,
                flag if flag.starts_with("encrypt=") => hiding = Hiding::Other,
                "" | "array" | "concat" | "virtual" => {}
                // The old way to say whose attribute it is.
                flag => match self.dictionary.vendor(flag) {
                    Some(number) if vendor.is_none() => vendor = Some(number),
                    _ => self.note(place, format!("flag {flag:?} of {name}")),
                },
            }
        }
        let is_extended = open
            .vendor
            .as_ref()
            .is_some_and(|vendor| vendor.is_extended);
        if is_extended || is_dotted(digits) {
            self.note(place, format!("{name} stands outside of Vendor-Specific"));
            return Ok(());
        }
        let kind_number: u32 = number(digits).map_err(|problem| place.error(problem))?;
        let number = match (vendor, u8::try_from(kind_number)) {
            (Some(vendor), _) => Number::Vendor {
                vendor,
                kind: kind_number,
            },
            (None, Ok(kind)) => Number::Standard(kind),
            (None, Err(_)) => {
                // Above 255 a server keeps what never travels.
                self.note(place, format!("{name} is for the server's own use"));
                return Ok(());
            }
        };
        self.count(place)?;
        let lower = name.to_ascii_lowercase();
        let definition = Definition {
            name: name.to_owned(),
            number,
            data_type: data_type(kind),
            has_tag,
            hiding,
        };
        self.dictionary.names.insert(number, lower.clone());
        if let Some(before) = self.dictionary.attributes.insert(lower, definition)
            && before.number != number
        {
            let text = format!("{name} was {} before and is {number} now", before.number);
            self.note(place, text);
        }
        Ok(())
    }

    fn value(
        &mut self,
        place: Place<'_>,
        mut words: SplitWhitespace<'_>,
    ) -> Result<(), DictionaryError> {
        let mut parse = || -> Result<(&str, &str, u64), Problem> {
            let attribute = name(&mut words, "VALUE", "an attribute")?;
            let name = name(&mut words, "VALUE", "a name")?;
            let number = long_number(word(&mut words, "VALUE", "a number")?)?;
            Ok((attribute, name, number))
        };
        let (attribute, name, number) = parse().map_err(|problem| place.error(problem))?;
        self.count(place)?;
        self.dictionary
            .values
            .entry(attribute.to_ascii_lowercase())
            .or_default()
            .insert(name.to_ascii_lowercase(), number);
        Ok(())
    }

    fn count(&mut self, place: Place<'_>) -> Result<(), DictionaryError> {
        if self.dictionary.entries >= ENTRIES_MAX {
            return Err(place.error(Problem::TooLarge));
        }
        self.dictionary.entries += 1;
        Ok(())
    }

    fn note(&mut self, place: Place<'_>, text: String) {
        if self.dictionary.notes.len() < NOTES_MAX {
            self.dictionary.notes.push(Note {
                file: place.file.to_owned(),
                line: place.line,
                text,
            });
        }
    }
}

fn word<'w>(
    words: &mut SplitWhitespace<'w>,
    keyword: &'static str,
    what: &'static str,
) -> Result<&'w str, Problem> {
    words.next().ok_or(Problem::Missing(keyword, what))
}

fn name<'w>(
    words: &mut SplitWhitespace<'w>,
    keyword: &'static str,
    what: &'static str,
) -> Result<&'w str, Problem> {
    let name = word(words, keyword, what)?;
    if name.len() > NAME_OCTETS_MAX {
        return Err(Problem::NameTooLong);
    }
    Ok(name)
}

fn long_number(digits: &str) -> Result<u64, Problem> {
    let parsed = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16),
        None => digits.parse(),
    };
    parsed.map_err(|_| Problem::Number(digits.to_owned()))
}

fn number(digits: &str) -> Result<u32, Problem> {
    u32::try_from(long_number(digits)?).map_err(|_| Problem::Number(digits.to_owned()))
}

/// `241.26` and the like: extended attributes and members.
fn is_dotted(digits: &str) -> bool {
    let mut parts = digits.split('.');
    digits.contains('.') && parts.all(|part| long_number(part).is_ok())
}

fn data_type(name: &str) -> DataType {
    let lower = name.to_ascii_lowercase();
    // `octets[16]`: how many there are is for those who read.
    match lower.split('[').next().unwrap_or_default() {
        "string" | "text" => DataType::Text,
        "octets" => DataType::Octets,
        "byte" | "uint8" | "bool" => DataType::Integer(1),
        "short" | "uint16" => DataType::Integer(2),
        "integer" | "uint32" => DataType::Integer(4),
        "integer64" | "uint64" => DataType::Integer(8),
        "signed" | "int32" => DataType::Signed,
        "date" => DataType::Date,
        "ipaddr" | "ipv4addr" => DataType::Address,
        "ipv6addr" => DataType::Ipv6Address,
        "combo-ip" | "combo-ipaddr" => DataType::AnyAddress,
        "ipv4prefix" => DataType::Ipv4Prefix,
        "ipv6prefix" => DataType::Ipv6Prefix,
        _ => DataType::Other(lower),
    }
}

fn vendor_format(text: &str) -> Result<VendorFormat, Problem> {
    let wrong = || Problem::Format(text.to_owned());
    let numbers = text.strip_prefix("format=").ok_or_else(wrong)?;
    let mut parts = numbers.split(',');
    let mut octets = || parts.next().and_then(|part| part.parse::<u8>().ok());
    let format = VendorFormat {
        kind_octets: octets()
            .filter(|n| matches!(n, 1 | 2 | 4))
            .ok_or_else(wrong)?,
        length_octets: octets().filter(|n| *n <= 2).ok_or_else(wrong)?,
        continues: match parts.next() {
            None => false,
            Some("c") => true,
            Some(_) => return Err(wrong()),
        },
    };
    Ok(format)
}
