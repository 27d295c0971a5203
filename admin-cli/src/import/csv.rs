//! CSV with the header `account,serial,secret_hex[,algorithm,digits,period,counter]`.
//!
//! The last four columns are optional and may come in any order. An account enrolls the token at
//! once; an empty field is the default. A counter makes it a HOTP token.

use csv_core::{ReadRecordResult, Reader};
use data_encoding::HEXLOWER_PERMISSIVE;
use sekisho_verifier_socket::Secret;
use sekisho_verifier_socket::admin::ImportRow;
use zeroize::{Zeroize, Zeroizing};

use super::shape::{self, Written};
use crate::text;

const REQUIRED: [&str; 3] = ["account", "serial", "secret_hex"];
const OPTIONAL: [&str; 4] = ["algorithm", "digits", "period", "counter"];
const COLUMNS_MAX: usize = REQUIRED.len() + OPTIONAL.len();
/// One more, so that a line with a field too many is told from a full one.
const ENDS: usize = COLUMNS_MAX + 1;

/// Which column is where. The first three are fixed.
#[derive(Debug)]
pub(super) struct Columns {
    /// Kept, because making one builds its state machine anew.
    reader: Box<Reader>,
    /// Of each optional column, in the order of `OPTIONAL`.
    optional: [Option<usize>; OPTIONAL.len()],
    count: usize,
}

impl Columns {
    pub(super) fn from_header(text: &str) -> Result<Self, String> {
        let mut reader = Box::new(Reader::new());
        let fields = Fields::read(&mut reader, text).map_err(|_| no_header())?;
        let names: Vec<&str> = (0..fields.count).map(|i| fields.at(i)).collect();
        let rest = names.strip_prefix(&REQUIRED).ok_or_else(no_header)?;
        let mut optional = [None; OPTIONAL.len()];
        for (index, name) in rest.iter().enumerate() {
            let which = OPTIONAL.iter().position(|known| known == name);
            let place = &mut optional[which.ok_or_else(|| text!("import-header-unknown"))?];
            if place.replace(REQUIRED.len() + index).is_some() {
                return Err(text!("import-header-twice"));
            }
        }
        let count = names.len();
        Ok(Self {
            reader,
            optional,
            count,
        })
    }

    pub(super) fn row(&mut self, line: u64, text: &str) -> Result<ImportRow, String> {
        let fields = Fields::read(&mut self.reader, text)?;
        if fields.count != self.count {
            return Err(text!(
                "import-fields",
                count = fields.count,
                wanted = self.count
            ));
        }
        let [algorithm, digits, period, counter] = self.optional.map(|column| {
            column
                .map(|i| fields.at(i))
                .filter(|field| !field.is_empty())
        });
        let written = Written {
            algorithm,
            digits,
            period,
            counter,
        };
        Ok(ImportRow {
            line,
            account: shape::account(fields.at(0))?,
            serial: shape::serial(fields.at(1))?,
            seed: seed(fields.at(2))?,
            shape: written.shape()?,
        })
    }
}

fn no_header() -> String {
    text!("import-no-header")
}

fn seed(text: &str) -> Result<Secret, String> {
    let mut octets = HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map_err(|_| text!("import-hexadecimal"))?;
    if let Err(message) = shape::check_seed(octets.len()) {
        octets.zeroize();
        return Err(message);
    }
    Ok(Secret::new(octets))
}

/// The fields of one line. Holds a seed: wiped when dropped.
struct Fields {
    octets: Zeroizing<Vec<u8>>,
    ends: [usize; ENDS],
    count: usize,
}

impl Fields {
    /// A line is a record: a quoted line break can not occur in what we import.
    fn read(reader: &mut Reader, line: &str) -> Result<Self, String> {
        if !line.matches('"').count().is_multiple_of(2) {
            return Err(text!("import-quote"));
        }
        let input = line.as_bytes();
        // Taking quotes away makes a line shorter, never longer.
        let mut octets = Zeroizing::new(vec![0; input.len()]);
        let mut ends = [0; ENDS];
        reader.reset();
        let (_, read, written, before) = reader.read_record(input, &mut octets, &mut ends);
        // The end of the input ends the record.
        let (result, _, _, last) =
            reader.read_record(&input[read..], &mut octets[written..], &mut ends[before..]);
        if !matches!(result, ReadRecordResult::Record) {
            return Err(text!("import-fields-many", max = COLUMNS_MAX));
        }
        Ok(Self {
            octets,
            ends,
            count: before + last,
        })
    }

    fn at(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let field = self.octets.get(start..self.ends[index]).unwrap_or(&[]);
        // A piece of UTF-8 between ASCII separators is UTF-8.
        std::str::from_utf8(field).unwrap_or("")
    }
}
