//! The `rangepack` command; everything in it is in `cli`.

fn main() -> std::process::ExitCode {
    packer::cli::main()
}
