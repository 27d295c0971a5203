//! Help pages in languages that clap has no words of.
//!
//! What there is comes from clap's tree of commands, so that nothing can be missing here that
//! `--help` shows in English; the texts come from `help.ftl`. Their ids are put together of names:
//! `help-token-issue` for a command, `help-token-issue--long` for what only `--help` tells of it,
//! `help-token-issue--serial` for an argument of it, `help-init--master-key--file` for one of an
//! argument's choices. An argument that many commands have in common needs one text: `help--note`.

use clap::{Arg, ArgAction, Command};
use sekisho_admin_cli::language::texts;
use sekisho_admin_cli::text;

use super::wrap::{lines, width};

/// The widest line.
const COLUMNS_MAX: usize = 100;
/// Up to here what is explained stands beside its explanation; wider ones stand above it.
const NAME_COLUMNS_MAX: usize = 26;
const INDENT: usize = 2;
const GAP: usize = 2;

/// The page of a command, which is named by the way to it.
pub(super) fn page(root: &Command, path: &[String], long: bool) -> String {
    let mut command = root.clone();
    for name in path {
        let Some(next) = command.find_subcommand(name) else {
            break;
        };
        command = next.clone();
    }
    let mut page = Page::default();
    page.paragraph(&about(path));
    if let Some(more) = texts().find(&id(path, "long"), &[]).filter(|_| long) {
        page.text("\n");
        page.paragraph(&more);
    }
    let usage = command.render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage:").trim_start();
    page.text(&format!("\n{} {usage}\n", text!("usage-usage")));
    page.section("usage-commands", &commands(&command, path));
    page.section(
        "usage-arguments",
        &arguments(&command, path, Arg::is_positional),
    );
    let option = |argument: &Arg| !argument.is_positional() && !argument.is_global_set();
    page.section("usage-options", &arguments(&command, path, option));
    page.section(
        "usage-global",
        &arguments(&command, path, Arg::is_global_set),
    );
    if path.is_empty() {
        page.text("\n");
        page.text(&text!("usage-exit-codes"));
        page.text("\n");
    }
    page.0
}

#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }

    fn paragraph(&mut self, text: &str) {
        for line in lines(text, COLUMNS_MAX) {
            self.text(&line);
            self.text("\n");
        }
    }

    /// Names and what they are.
    fn section(&mut self, heading: &str, entries: &[(String, String)]) {
        if entries.is_empty() {
            return;
        }
        self.text(&format!("\n{}\n", texts().get(heading, &[])));
        let widths = entries.iter().map(|(name, _)| width(name));
        let column = widths.filter(|width| *width <= NAME_COLUMNS_MAX).max();
        let column = INDENT + column.unwrap_or(NAME_COLUMNS_MAX) + GAP;
        for (name, explained) in entries {
            let mut at = INDENT + width(name);
            self.text(&format!("{:INDENT$}{name}", ""));
            for (number, line) in lines(explained, COLUMNS_MAX - column).iter().enumerate() {
                if number > 0 || at + GAP > column {
                    self.text("\n");
                    at = 0;
                }
                self.text(&format!("{:gap$}{line}", "", gap = column - at));
            }
            self.text("\n");
        }
    }
}

/// The id of a text about a command, or about something of it.
fn id(path: &[String], of: &str) -> String {
    format!("help-{}--{of}", path.join("-"))
}

fn about(path: &[String]) -> String {
    let id = match path.is_empty() {
        true => "help-sekisho".to_owned(),
        false => format!("help-{}", path.join("-")),
    };
    texts().get(&id, &[])
}

fn commands(command: &Command, path: &[String]) -> Vec<(String, String)> {
    let shown = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let entry = |command: &Command| {
        let name = command.get_name().to_owned();
        let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        (name, about(&path))
    };
    shown.map(entry).collect()
}

fn arguments(
    command: &Command,
    path: &[String],
    which: impl Fn(&Arg) -> bool,
) -> Vec<(String, String)> {
    let shown = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set());
    shown
        .filter(|argument| which(argument))
        .map(|argument| (spelled(argument), explained(argument, path)))
        .collect()
}

/// As it is typed: `--note <TEXT>`, `[SERIAL]`.
fn spelled(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let names = names.join(" ");
    if argument.is_positional() {
        return match argument.is_required_set() {
            true => format!("<{names}>"),
            false => format!("[{names}]"),
        };
    }
    let short = argument
        .get_short()
        .map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
    let long = argument.get_long().unwrap_or_default();
    match argument.get_action() {
        ArgAction::Set | ArgAction::Append => format!("{short}--{long} <{names}>"),
        _ => format!("{short}--{long}"),
    }
}

/// What it is, its choices, and what it is if it is not given.
fn explained(argument: &Arg, path: &[String]) -> String {
    let name = name(argument);
    let mut text = of_argument(path, &name);
    let choices: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|choice| !choice.is_hide_set())
        .map(|choice| choice.get_name().to_owned())
        .collect();
    let takes_value = argument.get_action().takes_values();
    if takes_value && !choices.is_empty() {
        let explained: Vec<String> = choices
            .iter()
            .filter_map(|choice| {
                let what = found(path, &format!("{name}--{choice}"))?;
                Some(format!("\n- {choice}: {what}"))
            })
            .collect();
        match explained.is_empty() {
            true => text += &format!("\n{}", text!("usage-choices", names = choices.join(", "))),
            false => text += &explained.concat(),
        }
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes_value && !defaults.is_empty() {
        let value = defaults.join(" ");
        text += &format!("\n{}", text!("usage-default", value = value));
    }
    text
}

/// Its long name, else its id.
fn name(argument: &Arg) -> String {
    let id = argument.get_id().as_str().replace('_', "-");
    argument.get_long().map_or(id, str::to_owned)
}

fn of_argument(path: &[String], name: &str) -> String {
    found(path, name).unwrap_or_else(|| texts().get(&id(path, name), &[]))
}

/// The command's own text, else the one for all.
fn found(path: &[String], name: &str) -> Option<String> {
    let own = texts().find(&id(path, name), &[]);
    own.or_else(|| texts().find(&format!("help--{name}"), &[]))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use sekisho_texts::Texts;
    use sekisho_verifier_socket::Language;

    use super::*;
    use crate::cli::Cli;

    fn walk(command: &Command, path: &[String], visit: &mut impl FnMut(&Command, &[String])) {
        visit(command, path);
        for below in command.get_subcommands() {
            let name = below.get_name().to_owned();
            let path: Vec<String> = path.iter().cloned().chain([name]).collect();
            walk(below, &path, visit);
        }
    }

    fn built() -> Command {
        let mut root = Cli::command();
        root.build();
        root
    }

    #[test]
    fn every_command_and_argument_has_japanese_help() {
        let texts = Texts::of(Language::Japanese);
        let has = |id: &str| texts.find(id, &[]).is_some();
        let mut missing = Vec::new();
        walk(&built(), &[], &mut |command, path| {
            let id_of_command = match path.is_empty() {
                true => "help-sekisho".to_owned(),
                false => format!("help-{}", path.join("-")),
            };
            let mut wanted = vec![(id_of_command, None)];
            if command.get_long_about().is_some() {
                wanted.push((id(path, "long"), None));
            }
            for argument in command.get_arguments() {
                let name = name(argument);
                wanted.push((id(path, &name), Some(format!("help--{name}"))));
                for choice in argument.get_possible_values() {
                    if choice.get_help().is_some() {
                        let of = format!("{name}--{}", choice.get_name());
                        wanted.push((id(path, &of), Some(format!("help--{of}"))));
                    }
                }
            }
            let is_missing = |(id, other): &(String, Option<String>)| {
                !has(id) && !other.as_deref().is_some_and(has)
            };
            missing.extend(wanted.into_iter().filter(is_missing).map(|(id, _)| id));
        });
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }

    #[test]
    fn no_japanese_help_is_of_something_that_is_gone() {
        let file = include_str!("../../../texts/locales/ja/help.ftl");
        let mut known = std::collections::BTreeSet::new();
        walk(&built(), &[], &mut |command, path| {
            known.insert(match path.is_empty() {
                true => "help-sekisho".to_owned(),
                false => format!("help-{}", path.join("-")),
            });
            known.insert(id(path, "long"));
            for argument in command.get_arguments() {
                let name = name(argument);
                let choices = argument.get_possible_values();
                let choices = choices.iter().map(|c| format!("{name}--{}", c.get_name()));
                for of in choices.chain([name.clone()]) {
                    known.insert(id(path, &of));
                    known.insert(format!("help--{of}"));
                }
            }
        });
        let ids = file
            .lines()
            .filter_map(|line| line.split_once(" ="))
            .map(|(id, _)| id);
        let ids = ids.filter(|id| id.starts_with("help-"));
        let stray: Vec<&str> = ids.filter(|id| !known.contains(*id)).collect();
        assert!(stray.is_empty(), "{stray:?}");
    }
}
