"""The command line of FilePacker: `python -m rangepack.filepacker -i DIR -o OUT`, or `-i FILE`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rangepack._rangepack import PackError
from rangepack.filepacker.reader import FilePackReader
from rangepack.filepacker.writer import pack_directory_contents


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser("python -m rangepack.filepacker", description="Pack a directory, or show a pack.")
    add = options.add_argument
    add("-i", "--input", required=True, metavar="DIR|FILE", help="the directory to pack, or the pack to show")
    add("-o", "--output", metavar="OUT", help="the pack to write")
    add("-f", "--force", action="store_true", help="replace the output when it is there")
    add("--include-hidden", action="store_true", help="pack files and directories that begin with a dot, too")
    add("--ignore-links", action="store_true", help="leave symbolic links out")
    extensions = options.add_mutually_exclusive_group()
    extensions.add_argument("--permitted-exts", nargs="+", default=(), metavar="E", help="pack only these extensions")
    extensions.add_argument("--excluded-exts", nargs="+", default=(), metavar="E", help="leave these extensions out")
    add("--directories-only", action="store_true", help="show directories only")
    add("-v", "--verbose", action="store_true", help="show a bar")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit code: 0 when all went well, 1 when the pack is bad, 2 when it cannot be done."""
    options = parser()
    args = options.parse_args(arguments)
    try:
        if args.output is None:
            if Path(args.input).is_dir():
                options.error(f"{args.input} is a directory: where does the pack go? -o OUT")
            with FilePackReader(args.input, verbose=args.verbose) as reader:
                reader.print_directory_structure(directories_only=args.directories_only)
            return 0
        if os.path.lexists(args.output) and not args.force:
            options.error(f"{args.output} is there already; -f replaces it")
        pack_directory_contents(
            args.input,
            args.output,
            permitted_exts=[extension.lstrip(".") for extension in args.permitted_exts],
            excluded_exts=[extension.lstrip(".") for extension in args.excluded_exts],
            skip_hidden=not args.include_hidden,
            follow_links=not args.ignore_links,
            verbose=args.verbose,
        )
    except BrokenPipeError:
        # Who reads has read enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
