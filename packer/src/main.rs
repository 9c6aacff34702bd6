//! The `rangepack` command; everything in it is in `cli`.

fn main() -> std::process::ExitCode {
    rangepack::cli::main()
}
