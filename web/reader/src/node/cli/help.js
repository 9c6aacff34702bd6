/**
 * What `--help` prints.
 */

export const HELP = `Reads packs on disk and on servers, by byte ranges

Usage: rangepack <COMMAND> [OPTIONS] <PACK-OR-URL> [PATH]...

Commands:
  ls    List what is in a pack
  cat   Print files from a pack
  info  Say what a pack is and how much is in it
  help  Print this, or the help of a command

\`rangepack COMMAND --help\` shows options and examples. Packs are made by the native command of the same name:
https://github.com/rangepack/rangepack

Exit codes:
  0  everything is fine
  1  the pack is damaged, or lacks what was asked for
  2  wrong usage, or the network or the system refused something
`;

const SHARED_HELP = `\
      --index <FILE>        Index (.idx) of an old container that lies in a file of its own; a path or address
                            [default: the container's name with .idx, where it has none inside]
      --root <DIGEST>       Accept only the pack with this root digest, 64 hexadecimal digits as \`info\` shows them
      --header <'K: V'>     Send this header with every request (repeatable)
      --cache <DIR>         Keep pages and contents in this folder for the next time
  -v, --verbose             Print requests and bytes to standard error
  -q, --quiet               Print no warnings
  -h, --help                Print help
  -V, --version             Print version
`;

export const LS_HELP = `List what is in a pack

Usage: rangepack ls [OPTIONS] <PACK-OR-URL> [PATH]...

Arguments:
  <PACK-OR-URL>  The pack, CTNRv1 container or .fpack file: a path, or an address that begins with http(s):
  [PATH]...      Files and directories inside the pack [default: its root]

Options:
  -r, -R, --recursive       List everything below, too
  -l, --long                Print mode, size, stored size, time and name; for directories, the totals of all they hold
  -b, --bytes               Print sizes as exact numbers of bytes
  -d, --directories-only    List directories only
  -f, --files-only          List files and links only
      --json                Print one JSON object a line
  -0, --null                End names with a NUL byte instead of a line break
${SHARED_HELP}
Examples:
  rangepack ls -l https://example.org/photos.pack cats
  rangepack ls -R -f -0 logs.pack | xargs -0 rangepack cat logs.pack | grep error
  rangepack ls -R --json photos.pack | jq -r 'select(.size > 1e6) | .path'

With -l a + behind the mode means extended attributes. On a terminal, control characters in names are spelt out.
`;

export const CAT_HELP = `Print files from a pack

Usage: rangepack cat [OPTIONS] <PACK-OR-URL> <PATH>...

Options:
      --offset <BYTES>      Begin at this byte of each file: 4096, 4k
      --length <BYTES>      Print at most so many bytes of each file
${SHARED_HELP}
Examples:
  rangepack cat https://example.org/photos.pack cats/1.jpg > 1.jpg
  rangepack cat data.pack table.bin --offset 1M --length 4k | xxd

Bytes are compared with their SHA-256 before they are printed. (Of files over 8 MiB in old containers, which have no
digests of their parts, afterwards: the exit code tells.)
`;

export const INFO_HELP = `Say what a pack is and how much is in it

Usage: rangepack info [OPTIONS] <PACK-OR-URL>

Options:
      --json                Print one JSON object
${SHARED_HELP}
Examples:
  rangepack info https://example.org/photos.pack
  rangepack info --json photos.pack | jq -r .root
`;
