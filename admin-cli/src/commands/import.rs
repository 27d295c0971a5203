//! `token import`: a file of tokens, whole or not at all.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::fs::Mode;
use sekisho_admin_cli::import::{BadFile, Rows, check};
use sekisho_admin_cli::text;
use sekisho_verifier_socket::FRAME_MAX;
use sekisho_verifier_socket::admin::{Answer, ImportRow, Verb};
use std::os::unix::fs::MetadataExt;
use zeroize::Zeroizing;

use crate::Stop;
use crate::cli::Import;
use crate::connection::Verifier;
use crate::failure::{Failure, Kind};
use crate::output::{Output, hint, receipt};
use crate::prompt::open_regular;

/// The largest file: a million of lines with room for names.
const FILE_OCTETS_MAX: u64 = 512 * 1024 * 1024;
/// Rows of one message.
const PIECE_ROWS_MAX: usize = 2_000;
/// What a row may take on the wire beside its text and its seed.
const ROW_OCTETS: usize = 96;
/// Octets of one message by that estimate; half of the limit leaves room for its error.
const PIECE_OCTETS_MAX: usize = FRAME_MAX / 2;
/// How long the verifier may check and store a million tokens.
const FINISH_PATIENCE: Duration = Duration::from_secs(600);
/// Lines between two looks at the progress bar.
const PROGRESS_STEP: usize = 64 * 1024;

pub(crate) fn run(
    import: &Import,
    verifier: &mut Verifier,
    output: &mut Output,
) -> Result<(), Stop> {
    let octets = read(&import.file)?;
    let progress = Progress::new(octets.len(), output);
    let count = check(&octets, progress.at(text!("import-checking")))
        .map_err(|bad| refuse(&import.file, bad))?;
    if count == 0 {
        return Err(Failure::new(
            Kind::Invalid,
            text!("import-none", path = import.file.display().to_string()),
            text!("import-none-way"),
        )
        .into());
    }
    expect_ready(verifier.ask(Verb::ImportBegin)?)?;
    send(&octets, verifier, progress.at(text!("import-sending")))?;
    progress.store();
    let answer = verifier.ask_patiently(Verb::ImportFinish, FINISH_PATIENCE)?;
    drop(progress);
    match answer {
        Answer::Receipt(receipt) => Ok(receipt::show(output, &receipt)?),
        _ => Err(Failure::strange_answer().into()),
    }
}

/// Reads the whole file: what is sent must be what was checked.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let shown = path.display();
    let mut file = open_regular(path)?;
    let cannot = |e| Failure::local(&shown, &e, text!("file-readable-way"));
    let about = file.metadata().map_err(cannot)?;
    if about.len() > FILE_OCTETS_MAX {
        return Err(Failure::new(
            Kind::Invalid,
            text!(
                "import-too-large",
                path = shown.to_string(),
                max = FILE_OCTETS_MAX
            ),
            text!("import-too-large-way"),
        ));
    }
    if Mode::from_raw_mode(about.mode()).intersects(Mode::ROTH) {
        hint(&text!("import-open", path = shown.to_string()));
    }
    // No longer than it was: growing would leave unwiped copies behind.
    let mut octets = Zeroizing::new(vec![0; about.len() as usize]);
    file.read_exact(&mut octets).map_err(cannot)?;
    Ok(octets)
}

fn refuse(path: &Path, bad: BadFile) -> Failure {
    let mut failure = Failure::new(
        Kind::Invalid,
        text!(
            "import-bad",
            path = path.display().to_string(),
            count = bad.count
        ),
        text!("import-bad-way"),
    );
    failure.bad_lines = bad.shown;
    failure
}

fn send(
    octets: &[u8],
    verifier: &mut Verifier,
    mut progress: impl FnMut(usize),
) -> Result<(), Failure> {
    let mut rows = Rows::new(octets);
    let mut piece = Piece::default();
    while let Some(row) = rows.next() {
        // The same octets were good a moment ago.
        let row = row.map_err(|bad| {
            Failure::new(Kind::Failed, bad.to_string(), text!("import-again-way"))
        })?;
        piece.add(row);
        if piece.is_full() {
            progress(rows.octets_read());
            expect_ready(verifier.ask(piece.take())?)?;
        }
    }
    if !piece.rows.is_empty() {
        expect_ready(verifier.ask(piece.take())?)?;
    }
    Ok(())
}

fn expect_ready(answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::ImportReady => Ok(()),
        _ => Err(Failure::strange_answer()),
    }
}

/// Rows of one message.
#[derive(Default)]
struct Piece {
    rows: Vec<ImportRow>,
    octets: usize,
}

impl Piece {
    fn add(&mut self, row: ImportRow) {
        let account = row.account.as_ref().map_or(0, String::len);
        self.octets += ROW_OCTETS + account + row.serial.len() + row.seed.expose().len();
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= PIECE_ROWS_MAX || self.octets >= PIECE_OCTETS_MAX
    }

    fn take(&mut self) -> Verb {
        self.octets = 0;
        Verb::ImportRows(std::mem::take(&mut self.rows))
    }
}

/// A bar on standard error, if that is a terminal and people look at it.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(octets: usize, output: &Output) -> Self {
        let target = match output.is_json() {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(octets as u64), target);
        let style = ProgressStyle::with_template("{msg:10} {wide_bar} {percent:>3} %");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    fn at(&self, what: String) -> impl FnMut(usize) {
        self.bar.set_message(what);
        let mut shown = 0;
        move |octets| {
            if octets >= shown + PROGRESS_STEP {
                shown = octets;
                self.bar.set_position(octets as u64);
            }
        }
    }

    fn store(&self) {
        self.bar.set_message(text!("import-storing"));
        self.bar.set_position(self.bar.length().unwrap_or(0));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
