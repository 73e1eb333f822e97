//! The `plimsoll` command: hands its arguments to [`plimsoll::cli`] and returns its exit code.

fn main() -> std::process::ExitCode {
    plimsoll::cli::run(std::env::args_os())
}
