#!/usr/bin/env python3
"""Checks a container by the rules of the old CTNRv1 reader, and compares it with a tree.

    check_v1.py [--idx FILE] [--allow-directories] CONTAINER SOURCE

Prints a JSON report; exits with 0 when every file in SOURCE is in the container and nothing else is.
Shares no code with Rangepack.
"""
import argparse
import hashlib
import json
import mmap
import os
import stat
import sys
import zlib

MAGIC = b"CTNRv1__"
WINDOW = 128 << 20


def index_inside(data):
    """The bytes of the index behind the last magic in the window."""
    start = max(0, len(data) - WINDOW)
    at = data.rfind(MAGIC, start)
    if at < 0:
        raise ValueError("no magic in the window")
    head = data[at + 8:at + 16]
    if len(head) < 8:
        raise ValueError("no length behind the magic")
    length = int.from_bytes(head, "little")
    if length == 0 or length > len(data):
        raise ValueError("the length %d cannot be" % length)
    index = data[at + 16:at + 16 + length]
    if len(index) != length:
        raise ValueError("the index ends behind the container")
    return index, at


def entries_of(index):
    text = index.decode("utf-8")
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, list):
        return whole
    if isinstance(whole, dict):
        if not isinstance(whole.get("entries"), list):
            raise ValueError("one object without entries: the old reader fails on a single line")
        return whole["entries"]
    entries = []
    for line in text.splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def extract(data, entry, limit):
    offset, size = entry["offset"], entry["payload_size"]
    if offset < 0 or size < 0 or offset + size > limit:
        raise ValueError("the payload lies outside")
    payload = data[offset:offset + size]
    if hashlib.sha256(payload).hexdigest() != entry["sha256"]:
        raise ValueError("sha256 differs")
    if entry.get("compressed"):
        inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        payload = inflate.decompress(payload) + inflate.flush()
        if not inflate.eof or inflate.unused_data:
            raise ValueError("not exactly one gzip member")
    if len(payload) != entry["orig_size"]:
        raise ValueError("orig_size differs")
    return payload


def tree(source):
    """What lies below a directory: relative names to bytes, or to the targets of links."""
    files, links = {}, {}
    for directory, directories, names in os.walk(os.fsencode(source)):
        for name in names + directories:
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, os.fsencode(source))
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                links[relative] = os.readlink(path)
            elif stat.S_ISREG(mode):
                files[relative] = path
    return files, links


def check(options):
    problems = []
    with open(options.container, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if length else b""
        if options.idx:
            with open(options.idx, "rb") as beside:
                # A journal is lines even when it has only one.
                index, limit = beside.read(), length
            if index.strip().count(b"\n") == 0 and index.strip().startswith(b"{"):
                entries = [json.loads(index)]
            else:
                entries = entries_of(index)
        else:
            index, limit = index_inside(data)
            entries = entries_of(index)
        files, links = tree(options.source)
        seen = {}
        # In a journal the last line counts.
        for entry in entries:
            name = os.fsencode(entry["relpath"])
            if name in seen and not options.idx:
                problems.append("%r: twice" % name)
            seen[name] = entry
        count = 0
        for name, entry in seen.items():
            kind = entry.get("entry_type", "file")
            if kind in ("dir", "directory"):
                if not options.allow_directories:
                    problems.append("%r: the old reader fails on directories" % name)
                continue
            try:
                content = extract(data, entry, limit)
            except (ValueError, KeyError, TypeError, zlib.error) as error:
                problems.append("%r: %s" % (name, error))
                continue
            if kind == "symlink":
                if links.get(name) != os.fsencode(entry["link_target"]):
                    problems.append("%r: another target" % name)
                continue
            count += 1
            path = files.pop(name, None)
            if path is None:
                problems.append("%r: not in the source" % name)
                continue
            with open(path, "rb") as original:
                if original.read() != content:
                    problems.append("%r: another content" % name)
        problems += ["%r: missing" % name for name in files]
    return {"files": count, "problems": problems}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--idx")
    parser.add_argument("--allow-directories", action="store_true")
    parser.add_argument("container")
    parser.add_argument("source")
    try:
        report = check(parser.parse_args())
    except (OSError, ValueError, KeyError, TypeError) as error:
        report = {"files": 0, "problems": [str(error)]}
    print(json.dumps(report))
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
