//! `rangepack finalize`: the index goes into its container.

use super::arguments::IndexArgs;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack finalize photos.container
  rangepack finalize photos.container --remove-index
  rangepack finalize photos.container --index saved.idx --index-format ndjson";

/// Put the index that lies beside a container into it
///
/// Payloads are not touched. An interruption does no harm: finalize again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The container
    #[arg(value_name = "CONTAINER")]
    pub(super) container: PathBuf,
    /// The index beside it [default: CONTAINER.idx]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<PathBuf>,
    /// Remove the index beside the container afterwards
    #[arg(long)]
    pub(super) remove_index: bool,
    #[command(flatten)]
    pub(super) indexes: IndexArgs,
}
