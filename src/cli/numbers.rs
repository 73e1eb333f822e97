//! Numbers on the command line: those that nothing can be calculated with are refused, of every
//! command.

use std::any::TypeId;

use clap::{Arg, Command};

use crate::model::limits::{AMOUNT_ASKED, is_amount};

/// The command, whose options that take numbers, its own and those of all commands below it, refuse
/// what is no amount: NaN, infinities, and sizes whose products have no end. Numbers that are
/// written in another way have a type of their own, which reads them.
pub(super) fn bounded(command: Command) -> Command {
    let of_number = |arg: Arg| {
        let takes_number = arg.get_value_parser().type_id() == TypeId::of::<f64>();
        if takes_number { arg.value_parser(checked) } else { arg }
    };
    command.mut_args(of_number).mut_subcommands(bounded)
}

fn checked(text: &str) -> Result<f64, String> {
    let number = text.parse().map_err(|_| "no number; write one as 2.5".to_owned())?;
    of_some_size(number).ok_or_else(|| AMOUNT_ASKED.to_owned())
}

/// The amount that a part of an option says; `None` where it is none.
pub(super) fn amount(text: &str) -> Option<f64> {
    text.trim().parse().ok().and_then(of_some_size)
}

/// The number, if it is an amount. Nothing has no sign: -0 + 0 is 0.
fn of_some_size(number: f64) -> Option<f64> {
    is_amount(number).then_some(number + 0.0)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;
    use crate::cli::args::Args;

    /// All commands that have none below them, with the words that name them.
    fn leaves(command: &Command, named: &[String]) -> Vec<(Vec<String>, Command)> {
        let below: Vec<&Command> = command.get_subcommands().collect();
        let mut named = named.to_vec();
        named.push(command.get_name().to_owned());
        if below.is_empty() {
            return vec![(named, command.clone())];
        }
        below.into_iter().flat_map(|one| leaves(one, &named)).collect()
    }

    #[test]
    fn no_option_of_any_command_takes_what_is_no_amount() {
        let all = bounded(Args::command());
        let mut options = 0;
        for (named, command) in leaves(&Args::command(), &[]) {
            let numbers = command.get_arguments().filter(|arg| {
                arg.get_value_parser().type_id() == TypeId::of::<f64>() && arg.get_long().is_some()
            });
            for arg in numbers {
                options += 1;
                let name = arg.get_long().unwrap();
                for wrong in ["nan", "inf", "-inf", "1e61", "1e-61", "many"] {
                    let asked = named.iter().cloned().chain([format!("--{name}={wrong}")]);
                    let why = all.clone().try_get_matches_from(asked).unwrap_err();
                    assert_eq!(why.kind(), ErrorKind::ValueValidation, "{named:?} {name} {wrong}");
                }
            }
        }
        assert!(options > 60, "{options}");
    }

    #[test]
    fn amounts_are_numbers_of_some_size() {
        assert_eq!((amount(" 2.5"), amount("1e60")), (Some(2.5), Some(1e60)));
        assert!(amount("-0").unwrap().is_sign_positive());
        for wrong in ["", "nan", "inf", "1e308", "5e-324", "2,5", "2 5"] {
            assert_eq!(amount(wrong), None, "{wrong}");
        }
    }
}
