//! The optional TOML file: its values become the defaults of the flags, so that flags and the environment go before
//! them and all are checked the same way.

use std::path::{Path, PathBuf};

use clap::{Arg, Command};

/// The command with the defaults of the file that the arguments or the environment name, or of `fulcrum.toml` in the
/// current folder.
///
/// # Errors
/// One line that names the file and the setting.
pub fn with_defaults(command: Command) -> Result<Command, String> {
    let Some(path) = named().or_else(|| Some(PathBuf::from("fulcrum.toml")).filter(|path| path.is_file()))
    else {
        return Ok(command);
    };
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("--config {}: {error}", path.display()))?;
    apply(command, &path, &text)
}

fn named() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    std::env::var_os("FULCRUM_CONFIG").map(PathBuf::from)
}

fn apply(command: Command, path: &Path, text: &str) -> Result<Command, String> {
    let table: toml::Table = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let mut command = command;
    for (name, value) in table {
        let value = match &value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(_) | toml::Value::Boolean(_) => value.to_string(),
            toml::Value::Array(list) => {
                list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            _ => {
                return Err(format!(
                    "{}: {name} has to be a text, a number, true, false or a list",
                    path.display()
                ));
            }
        };
        let mut known = false;
        command = set(command, &name, &value, &mut known);
        if !known {
            return Err(format!("{}: there is no setting {name}", path.display()));
        }
    }
    Ok(command)
}

fn set(command: Command, name: &str, value: &str, known: &mut bool) -> Command {
    let has = command.get_arguments().any(|argument: &Arg| argument.get_id() == name && name != "config");
    let command = if has {
        *known = true;
        command.mut_arg(name, |argument| {
            // Help is shown to anybody, and a default could be a secret.
            argument.default_value(value.to_owned()).hide_default_value(true)
        })
    } else {
        command
    };
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command, |command, inner| command.mut_subcommand(inner, |inner| set(inner, name, value, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::new("fulcrum")
            .subcommand(Command::new("serve").arg(Arg::new("listen").long("listen").default_value("a")))
    }

    fn listen(command: Command, arguments: &[&str]) -> String {
        let matches = command.get_matches_from(arguments);
        matches.subcommand().unwrap().1.get_one::<String>("listen").unwrap().clone()
    }

    #[test]
    fn the_file_gives_defaults_and_flags_go_before_it() {
        let filled = apply(command(), Path::new("f.toml"), "listen = \"b\"").unwrap();
        assert_eq!(listen(filled.clone(), &["fulcrum", "serve"]), "b");
        assert_eq!(listen(filled, &["fulcrum", "serve", "--listen", "c"]), "c");
    }

    #[test]
    fn a_setting_that_there_is_not_is_named() {
        let error = apply(command(), Path::new("f.toml"), "lisen = \"b\"").unwrap_err();
        assert!(error.contains("f.toml") && error.contains("lisen"), "{error}");
    }
}
