//! QR codes in a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use zeroize::Zeroizing;

/// Black on white by the fixed part of the 256 colours, which no theme changes: a reader then finds
/// dark on light with a quiet zone, on dark and on light terminals.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// Draws `octets`, two modules a character. Without colours the light modules are drawn, which is
/// right on a dark terminal. `None` if they do not fit in a QR code.
///
/// What is drawn is the seed: the lines wipe themselves.
pub(crate) fn draw(octets: &[u8], colours: bool) -> Option<Zeroizing<String>> {
    // A screen has no scratches; the smallest code is read best.
    let code = QrCode::with_error_correction_level(octets, EcLevel::L).ok()?;
    let (dark, light) = match colours {
        true => (Dense1x2::Dark, Dense1x2::Light),
        false => (Dense1x2::Light, Dense1x2::Dark),
    };
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(dark)
        .light_color(light)
        .quiet_zone(true)
        .build();
    let drawn = Zeroizing::new(drawn);
    // Colours cost less than 32 octets a line.
    let room = drawn.len() + 32 * (drawn.lines().count() + 1);
    let mut text = Zeroizing::new(String::with_capacity(room));
    for line in drawn.lines() {
        let (before, after) = if colours {
            (BLACK_ON_WHITE, RESET)
        } else {
            ("", "")
        };
        for piece in [before, line, after, "\n"] {
            text.push_str(piece);
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use qrcode::Color;

    use super::*;

    const URI: &[u8] = b"otpauth://totp/Sekisho:SKTS00012345?secret=GEZDGNBVGY3TQOJQ";
    /// ISO/IEC 18004: a reader needs so many light modules around the code.
    const QUIET: usize = 4;

    /// Dark modules by row, read back from what is drawn.
    fn modules(drawn: &str, block_is_dark: bool) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in drawn.lines() {
            let line = line
                .trim_start_matches(BLACK_ON_WHITE)
                .trim_end_matches(RESET);
            let half = |marks: [char; 2]| {
                let drawn = line.chars().map(|c| marks.contains(&c));
                drawn.map(|block| block == block_is_dark).collect()
            };
            rows.push(half(['\u{2588}', '\u{2580}']));
            rows.push(half(['\u{2588}', '\u{2584}']));
        }
        rows
    }

    #[test]
    fn what_is_drawn_is_the_code_with_its_quiet_zone() {
        let code = QrCode::with_error_correction_level(URI, EcLevel::L).expect("short");
        let (width, colors) = (code.width(), code.to_colors());
        for colours in [true, false] {
            let drawn = draw(URI, colours).expect("short");
            let rows = modules(&drawn, colours);
            let inside = |at: usize| at.checked_sub(QUIET).filter(|&at| at < width);
            let side = width + 2 * QUIET;
            let all = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
            for (x, y) in all {
                let dark = match (inside(x), inside(y)) {
                    (Some(x), Some(y)) => colors[y * width + x] == Color::Dark,
                    _ => false,
                };
                assert_eq!(rows[y][x], dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_not_drawn() {
        assert!(draw(&[b'x'; 3_000], true).is_none());
    }
}
