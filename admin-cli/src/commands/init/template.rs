//! The settings file of a new installation.

use std::path::Path;

use sekisho_admin_cli::text;

use super::source::Source;
use crate::failure::{Failure, Kind};

/// What stands for the source in the template.
pub(crate) const DEFAULT_SOURCE: &str = "#source = \"file\"\n";
const TEMPLATE: &str = include_str!("sekisho.toml");

/// Every key with its default as a comment; the two paths in force.
pub(crate) fn render(data: &Path, socket: &Path, source: &Source) -> Result<String, Failure> {
    Ok(TEMPLATE
        .replace("@DATA@", &quoted(data)?)
        .replace("@SOCKET@", &quoted(socket)?)
        .replace(DEFAULT_SOURCE, &source.settings()?))
}

/// A path as a TOML string.
pub(crate) fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path
        .to_str()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or_else(|| {
            Failure::new(
                Kind::Invalid,
                text!("init-bad-path", path = path.display().to_string()),
                text!("init-bad-path-way"),
            )
        })?;
    Ok(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

#[cfg(test)]
mod tests {
    use sekisho_settings::Settings;

    use super::*;

    fn parse(text: &str) -> Settings {
        Settings::parse(Path::new("s.toml"), text).expect("good settings")
    }

    fn defaults() -> String {
        render(
            Path::new("/var/lib/sekisho"),
            Path::new("/run/sekisho/verifier.sock"),
            &Source::File,
        )
        .expect("good paths")
    }

    #[test]
    fn a_new_file_holds_the_defaults() {
        assert_eq!(
            format!("{:?}", parse(&defaults())),
            format!("{:?}", parse(""))
        );
    }

    #[test]
    fn each_commented_key_shows_the_default() {
        // Up to the first example that is no default.
        let text = defaults();
        let (before, rest) = text.split_once("#[pam.service.sshd]").expect("example");
        let (_, radius) = rest.split_once("[radius]").expect("section");
        let text = format!("{before}[radius]{radius}");
        let (before, rest) = text.split_once("#[[radius.client]]").expect("example");
        let (_, log) = rest.split_once("[log]").expect("section");
        let on = format!("{before}[log]{log}")
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if key.contains(" = ") && !key.starts_with(' ') => key,
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(format!("{:?}", parse(&on)), format!("{:?}", parse("")));
        assert!(
            on.lines().filter(|line| line.contains(" = ")).count() >= 24,
            "{on}"
        );
    }

    #[test]
    fn every_key_is_explained() {
        let on = defaults()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if !key.starts_with(' ') && !key.is_empty() => key,
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        let shown = format!("{:?}", parse(&on));
        let names = shown
            .split([' ', '{', '[', ','])
            .filter_map(|word| word.strip_suffix(':'));
        let mut count = 0;
        for name in names.filter(|name| name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())) {
            let key = name.replace('_', "-");
            // Sections, and what addresses and spans are made of.
            let inner = ["start", "end", "value", "span", "length"].contains(&name);
            // What excludes another key is shown further in.
            let explained =
                on.contains(&format!("\n{key} = ")) || on.contains(&format!("\n#   {key} = "));
            let section = on.contains(&format!("[{key}]"))
                || on.contains(&format!("[{key}."))
                || on.contains(&format!(".{key}]"))
                || on.contains(&format!(".{key}."));
            let nested = ["client", "service"].contains(&name);
            assert!(
                inner || explained || section || nested,
                "{key} is not explained"
            );
            count += u32::from(explained);
        }
        assert!(count >= 60, "only {count} keys were seen");
    }

    #[test]
    fn odd_paths_are_quoted() {
        let text =
            render(Path::new("/a\"b\\c"), Path::new("/s"), &Source::File).expect("good paths");
        assert_eq!(parse(&text).verifier.data, Path::new("/a\"b\\c"));
        assert!(render(Path::new("/a\nb"), Path::new("/s"), &Source::File).is_err());
    }
}
