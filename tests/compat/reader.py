#!/usr/bin/env python3
"""A second reader of Rangepack files, written from FORMAT.md and docs/old-formats.md alone.

    reader.py describe PACK                 everything it says, as the JSON beside the golden packs
    reader.py cat PACK PATH [--range A:B]   bytes of a file's content
    reader.py verify PACK                   every rule of the specification; what is broken, one a line
    reader.py check FOLDER                  describes and verifies all packs in a folder, as one JSON object

    --root DIGEST   reads the generation with that root digest

It must stay free of knowledge from elsewhere: when it and another reader differ, the specification says who
is right, or has to be mended. It is slow, and holds whole indexes in memory. Exit codes: 0 good; 1 not sound,
not a pack, or no such entry; 2 usage or input/output.
"""
import argparse
import bisect
import codecs
import ctypes
import ctypes.util
import hashlib
import json
import os
import re
import stat
import struct
import sys
import zlib
from dataclasses import dataclass, field

FOOTER_LEN = 72
MAGIC = b"RngPack1"
OLD_MAGIC = b"CTNRv1__"
ROOT_MIN, ROOT_MAX = 96, 49152
U64 = 2**64 - 1
UNKNOWN = bytes(32)
FAN = 1024                                   # records in a page of a block table
GZIP_HEADER = bytes.fromhex("1f8b08000000000000ff")
KINDS = ("file", "directory", "symlink")
CHUNK = 1 << 18
MAX_META, MAX_ATTRIBUTES = 1 << 20, 1 << 20
MAX_VOLUMES = 64 << 20                       # bounds of the caller's ("Reading", last paragraphs)
MAX_OLD_INDEX = 1 << 30
MAX_BACK = 128 << 20
MAX_GENERATIONS = 65535


# Errors.

class PackError(Exception):
    """Something that a reader refuses; `code` is short, the text says what and where."""
    code = "error"


class Corrupt(PackError):
    code = "corrupt"


class Unsupported(PackError):
    code = "unsupported"


class Refused(PackError):
    code = "refused"


class Missing(PackError):
    code = "missing"


class NotAPack(PackError):
    code = "not-a-pack"


def need(condition, message):
    """A rule of the specification: Corrupt when it is broken."""
    if not condition:
        raise Corrupt(message)


def sha256(data):
    return hashlib.sha256(data).digest()


def text(raw):
    """Raw bytes as a string for JSON."""
    return raw.decode("utf-8", "surrogateescape")


def known(digest):
    """None for a digest of 32 zeros, where that means "not known"."""
    return None if digest == UNKNOWN else digest


# Input.

class Source:
    """A regular file, read by offset and length; nothing is allocated beyond its length."""

    def __init__(self, path, size=None):
        self.path = path
        self.handle = open(path, "rb")
        status = os.fstat(self.handle.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Refused("%s is not a regular file" % text(os.fsencode(path)))
        self.size = status.st_size if size is None else size

    def read(self, offset, length):
        need(offset + length <= self.size, "bytes %d to %d lie behind the end of the file" % (offset, offset + length))
        self.handle.seek(offset)
        data = self.handle.read(length)
        need(len(data) == length, "the file became shorter while it was read")
        return data


@dataclass
class Span:
    """A part of a source: a payload or a table."""
    source: Source
    offset: int
    length: int

    def read(self, start, length):
        need(start + length <= self.length, "a part lies behind the end of its payload")
        return self.source.read(self.offset + start, length)

    def chunks(self):
        for start in range(0, self.length, CHUNK):
            yield self.read(start, min(CHUNK, self.length - start))


# Keys.

def split(path):
    """FORMAT.md "Keys": (directory, name) of a path."""
    directory, _, name = path.rpartition(b"/")
    return directory, name


def encode_key(path):
    """FORMAT.md "Keys": encoded form, whose bytewise order is the order of keys."""
    directory, name = split(path)
    return directory.replace(b"/", b"\0") + b"\0\0" + name


def name_problem(name):
    if name in (b"", b".", b".."):
        return "a name is empty, . or .."
    if b"/" in name or b"\0" in name:
        return "a name holds / or NUL"
    return None


def check_name(name):
    problem = name_problem(name)
    need(problem is None, problem)


def check_path(path):
    """FORMAT.md "Keys": names, and the length of a path."""
    need(len(path) <= 8192, "a path has more than 8192 bytes")
    for name in path.split(b"/"):
        check_name(name)


def ancestors(path):
    """All directories above a path, the nearest first, without the root."""
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


# Entries.

@dataclass
class Entry:
    """FORMAT.md "Entries". `error`: why all but the filled-in fields is refused."""
    path: bytes
    kind: str = "unknown"
    mode: int = None
    mtime: int = None
    uid: int = None
    gid: int = None
    volume: int = 0
    offset: int = 0
    stored_size: int = 0
    size: int = 0
    codec: int = 0
    digest: bytes = None
    content_digest: bytes = None
    table: tuple = None                      # offset, block_log2, digest of the topmost level
    dictionary: object = None                # number, or of a line: volume, length, offset, digest
    hardlink: int = None
    sparse: bool = False
    attributes: tuple = None                 # offset, length, digest
    target: bytes = None
    totals: tuple = None
    tree_digest: bytes = None
    error: PackError = field(default=None, repr=False)

    def has_table(self):
        """A table of empty content is ignored."""
        return self.table is not None and self.size > 0

    def known_content(self):
        """FORMAT.md "Tree digests": digest of the content, as far as the entry states it."""
        return self.digest if self.codec == 0 else self.content_digest


def parse_record(heap, place, entry):
    """FORMAT.md "Leaf pages", the record of an entry: sets its fields."""
    fields, flags_of, at = {}, {}, place + 1
    need(place < len(heap), "the record lies behind the heap")
    need(heap[place] >= 1, "a record has no fields")
    last = -1
    for _ in range(heap[place]):
        need(at + 4 <= len(heap), "a field lies behind the heap")
        tag, flags, length = struct.unpack_from("<BBH", heap, at)
        need(at + 4 + length <= len(heap), "the value of field %d lies behind the heap" % tag)
        need(tag > last, "tags do not ascend")
        last, fields[tag], flags_of[tag] = tag, heap[at + 4:at + 4 + length], flags
        at += 4 + length
    for tag, flags in flags_of.items():
        if tag in FIELDS:
            set_field(entry, tag, flags, fields[tag])
    for tag, flags in flags_of.items():
        if tag not in FIELDS and flags & 1:
            raise Unsupported("field %d is required and not known" % tag)


# tag: (bit 0 of the flags, kind, length)
FIELDS = {1: (1, "symlink", None), 2: (1, "directory", 32), 3: (0, "file", 41), 4: (0, "file", 8),
          5: (0, "file", 0), 6: (0, None, 44)}


def set_field(entry, tag, flags, value):
    """FORMAT.md "Leaf pages", the table of fields."""
    required, kind, length = FIELDS[tag]
    need(flags & 1 == required, "field %d has wrong flags" % tag)
    need(kind in (None, entry.kind), "field %d in a %s" % (tag, entry.kind))
    need(length is None or len(value) == length, "field %d has %d bytes" % (tag, len(value)))
    if tag == 1:
        need(1 <= len(value) <= 8192 and b"\0" not in value, "a target must have 1 to 8192 bytes without NUL")
        entry.target = value
    elif tag == 2:
        entry.totals = struct.unpack("<4Q", value)
    elif tag == 3:
        offset, log2 = struct.unpack_from("<QB", value)
        entry.table = (offset, log2, value[9:])
        need(entry.codec != 2, "a block table of a deflate stream")
    elif tag == 4:
        entry.hardlink = struct.unpack("<Q", value)[0]
        need(entry.hardlink != 0, "hard link group 0")
    elif tag == 5:
        entry.sparse = True
    else:
        offset, length = struct.unpack_from("<QI", value)
        entry.attributes = (offset, length, value[12:])


def entry_from_columns(leaf, i, digest):
    """FORMAT.md "Leaf pages", the columns. Of an entry with an error only what was set before it is known."""
    columns = leaf.columns(i)
    flags, mode, mtime, offset, stored_size, size, record, uid, gid, volume, content = columns
    entry = Entry(leaf.paths[i], KINDS[flags & 3])
    codec, dictionary = flags >> 2 & 255, flags >> 10 & 65535
    try:
        need(max(columns) <= U64, "a column is over 2^64 - 1")
        need(mode == 0 or mode >> 12 == 16, "mode %d" % mode)      # 65,536 + 0 to 0o7777
        need((uid == 0) == (gid == 0), "only one of user id and group id")
        need(uid <= 2**32 and gid <= 2**32, "a user or group id over 32 bits")
        need(entry.kind == "file" or codec == dictionary == 0, "a directory or link has a codec or a dictionary")
        entry.mode = mode - 65536 if mode else None
        entry.mtime = mtime - 2**63 if mtime else None
        if uid:
            entry.uid, entry.gid = uid - 1, gid - 1
        if entry.kind == "file":
            need(codec or size == 0, "a stored file has a size of encoded content")
            entry.size = size if codec else stored_size
        if flags >> 26:
            raise Unsupported("flags %#x are not known" % flags)
        if entry.kind == "file":
            need(volume < 2**32, "a volume number over 32 bits")
            entry.offset, entry.stored_size, entry.codec, entry.volume = offset, stored_size, codec, volume
            entry.digest = known(digest)
            need(codec == 3 or dictionary == 0, "a dictionary of another codec")
            entry.dictionary = dictionary or None
            if content:
                number = i - (content - 1)
                need(codec != 0, "a stored file has a digest of its content")
                need(0 <= number < len(leaf.content_digests), "digest of a content number %d" % number)
                entry.content_digest = known(leaf.content_digests[number])
        elif entry.kind == "directory":
            entry.tree_digest = known(digest)
        if record:
            need(leaf.records <= len(leaf.heap), "records begin behind the heap")
            parse_record(leaf.heap, leaf.records + record - 1, entry)
        need(entry.kind != "symlink" or entry.target is not None, "a link has no target")
        need(entry.kind != "directory" or entry.totals is not None, "a directory has no totals")
    except (Corrupt, Unsupported) as error:
        entry.error = error
    return entry


# Pages.

def slices(heap, offsets):
    """The parts of a heap between u16 offsets that must not descend."""
    for start, end in zip(offsets, offsets[1:]):
        need(start <= end, "places in the heap descend")
    need(offsets[-1] <= len(heap), "a place lies behind the heap")
    return [heap[start:end] for start, end in zip(offsets, offsets[1:])]


class Leaf:
    """FORMAT.md "Leaf pages". Everything marked [touch, page] is checked here."""
    level = 0

    def __init__(self, page):
        need(len(page) >= 120, "a leaf has less than 120 bytes")
        kind, reserved, count, runs, self.records, heap_len, contents = struct.unpack_from("<BBHHHIH", page)
        need(kind == 1 and reserved == 0, "bad first bytes of a leaf")
        need(1 <= runs <= count or runs == count == 0, "number of runs")
        self.page, self.count = page, count
        self.bases, self.widths = struct.unpack_from("<11Q", page, 16), page[104:115]
        need(max(self.widths) <= 8, "a column is wider than 8 bytes")
        names = 120 + 8 * runs
        self.rows = names + 2 * (count + 1)
        self.digests = self.rows + sum(self.widths) * count
        self.contents = self.digests + 32 * count
        heap = self.contents + 32 * contents
        need(heap + heap_len <= len(page), "the node does not fit into its page")
        self.content_digests = [page[at:at + 32] for at in range(self.contents, heap, 32)]
        self.heap = page[heap:heap + heap_len]
        self.paths = []
        rests = slices(self.heap, struct.unpack_from("<%dH" % (count + 1), page, names))
        self.read_runs([struct.unpack_from("<4H", page, 120 + 8 * i) for i in range(runs)], rests)
        self.keys = [encode_key(path) for path in self.paths]
        for i in range(count):
            flags = self.columns(i)[0]
            need(flags <= U64 and flags & 3 != 3, "flags %#x" % flags)

    def read_runs(self, runs, rests):
        last_directory = None
        for i, (first, place, directory_len, prefix_len) in enumerate(runs):
            end = runs[i + 1][0] if i + 1 < len(runs) else self.count
            need(first == len(self.paths) and first < end <= self.count, "a run has no entries, or the first is not 0")
            prefix = place + directory_len
            need(prefix + prefix_len <= len(self.heap), "a run's path or prefix lies behind the heap")
            directory = self.heap[place:prefix]
            need(last_directory is None or last_directory.split(b"/") < directory.split(b"/"), "runs do not ascend")
            last_directory = directory
            self.read_names(directory, self.heap[prefix:prefix + prefix_len], rests[first:end])

    def read_names(self, directory, prefix, rests):
        names = [prefix + rest for rest in rests]
        for before, after in zip(names, names[1:]):
            need(before < after, "names of a run do not ascend")
        if directory:
            check_path(directory)
        for name in names:
            check_name(name)
            path = directory + b"/" + name if directory else name
            need(len(path) <= 8192, "a path has more than 8192 bytes")
            self.paths.append(path)

    def first_and_last_key(self):
        return (self.keys[0], self.keys[-1]) if self.keys else None

    def columns(self, i):
        at, columns = self.rows + sum(self.widths) * i, []
        for base, width in zip(self.bases, self.widths):
            columns.append(base + int.from_bytes(self.page[at:at + width], "little"))
            at += width
        return columns

    def entry(self, i):
        digest = self.page[self.digests + 32 * i:self.digests + 32 * i + 32]
        return entry_from_columns(self, i, digest)


@dataclass(frozen=True)
class Child:
    """What an inner page states of a child, and the separators it must lie between (high None: no bound)."""
    number: int
    level: int
    count: int
    low: bytes
    high: bytes
    digest: bytes


class Inner:
    """FORMAT.md "Inner pages". The rules that need the page above are in `check_node`."""

    def __init__(self, page):
        need(len(page) >= 16, "an inner page has less than 16 bytes")
        kind, self.level, children, prefix_len, width, reserved, self.first_child, heap_len = \
            struct.unpack_from("<BBHHBBII", page)
        need(kind == 2 and reserved == 0, "bad first bytes of an inner page")
        need(self.level >= 1 and children >= 1 and width <= 8, "level, number of children or width of counts")
        counts = 16 + 2 * (children + 1)
        self.digests = counts + width * children
        heap = self.digests + 32 * children
        need(heap + heap_len <= len(page), "the node does not fit into its page")
        self.page, self.children = page, children
        heap = page[heap:heap + heap_len]
        need(prefix_len <= heap_len, "the prefix lies behind the heap")
        rests = slices(heap, struct.unpack_from("<%dH" % (children + 1), page, 16))
        self.separators = [b""] + [heap[:prefix_len] + rest for rest in rests[1:]]
        self.counts = [int.from_bytes(page[counts + width * i:counts + width * (i + 1)], "little")
                       for i in range(children)]
        need(self.counts[0] == 0, "the first count is not 0")
        for before, after in zip(self.counts, self.counts[1:]):
            need(before < after, "counts do not ascend")

    def child(self, i, of):
        """Child i, where `of` is what is stated of this page itself."""
        last = i + 1 == self.children
        count = (of.count if last else self.counts[i + 1]) - self.counts[i]
        digest = self.page[self.digests + 32 * i:self.digests + 32 * i + 32]
        return Child(self.first_child + i, self.level - 1, count, of.low if i == 0 else self.separators[i],
                     of.high if last else self.separators[i + 1], digest)

    def child_for(self, key):
        """The last child whose separator is not above the key; separator 0 is never compared."""
        return bisect.bisect_right(self.separators, key, 1) - 1


def check_node(node, stated, pages):
    """FORMAT.md "Pages": what the page above (for the topmost node: the header) states of a node."""
    if isinstance(node, Leaf):
        need(node.count == stated.count, "a leaf has %d entries, not %d" % (node.count, stated.count))
        ends = node.first_and_last_key()
        if ends:
            need(stated.low <= ends[0] and (stated.high is None or ends[1] < stated.high), "a key is not between the separators")
        return
    need(node.counts[-1] < stated.count, "counts are not below the number of entries")
    need(node.first_child + node.children <= pages, "a child is not in the section tree")
    bounds = node.separators[1:] + ([stated.high] if stated.high is not None else [])
    for before, after in zip(bounds, bounds[1:]):
        need(before < after, "separators do not ascend, or are not below the next in the page above")
    need(not node.separators[1:] or node.separators[1] >= stated.low, "a separator is below that of the page above")


def parse_node(page):
    need(len(page) >= 1 and page[0] in (1, 2), "a node is neither a leaf nor an inner page")
    return Leaf(page) if page[0] == 1 else Inner(page)


# Sections.

@dataclass
class Section:
    tag: str
    flags: int
    offset: int
    length: int
    digest: bytes


REQUIRED, NO_DIGEST = 1, 4
KNOWN_SECTIONS = {"dict": 0, "data": 5, "tree": 5, "vols": 1, "vtab": 1, "vrec": 5, "hash": 6, "ctnr": 2, "meta": 0, "prev": 0}


def parse_sections(page, begin, record_len, count, root_offset):
    """FORMAT.md "Sections": the table, with its checks of [open, pack]."""
    sections = {}
    for i in range(count):
        raw, flags, offset, length = struct.unpack_from("<4sB3xQQ", page, begin + record_len * i)
        need(re.fullmatch(b"[a-z0-9]{4}", raw), "a tag that is not four characters a-z or 0-9: %r" % raw)
        tag = raw.decode()
        need(tag not in sections, "section %s twice" % tag)
        need(offset + length <= root_offset, "section %s does not lie before the root page" % tag)
        need(tag != "data" or offset == 0, "section data does not begin at 0")
        need(flags & 7 == KNOWN_SECTIONS.get(tag, flags & 7), "section %s has wrong flags" % tag)
        digest = page[begin + record_len * i + 24:begin + record_len * i + 56]
        sections[tag] = Section(tag, flags, offset, length, digest)
    for tag, section in sections.items():
        if tag not in KNOWN_SECTIONS and section.flags & REQUIRED:
            raise Unsupported("section %s is required and not known" % tag)
    # A known section without bytes is the same as none.
    return {tag: section for tag, section in sections.items() if section.length or tag not in KNOWN_SECTIONS}


@dataclass
class Footer:
    root_offset: int
    root_len: int
    digest: bytes


def read_footer(source):
    """FORMAT.md "Footer". None when the file has no paged index."""
    if source.size < FOOTER_LEN or source.read(source.size - 8, 8) != MAGIC:
        return None
    raw = source.read(source.size - FOOTER_LEN, FOOTER_LEN)
    version, footer_len, root_len, root_offset, file_len = struct.unpack_from("<HHIQQ", raw)
    algorithm, crc = raw[56], struct.unpack_from("<I", raw, 60)[0]
    if version != 1:
        raise Unsupported("footer: version %d" % version)
    need(zlib.crc32(raw[:60]) == crc, "footer: CRC-32")
    if algorithm != 1:
        raise Unsupported("footer: digest algorithm %d" % algorithm)
    need(footer_len == FOOTER_LEN and raw[57:60] == bytes(3), "footer: footer_len or reserved bytes")
    need(file_len == source.size, "footer: the file has %d bytes, not %d" % (source.size, file_len))
    need(ROOT_MIN <= root_len <= ROOT_MAX, "footer: root_len %d" % root_len)
    need(root_offset + root_len + FOOTER_LEN == file_len, "footer: the root page does not end at the footer")
    return Footer(root_offset, root_len, raw[24:56])


class Pack:
    """One generation of a pack: a root page and what it leads to. Opening checks everything marked [open, pack]."""

    def __init__(self, source, offset, length, digest, base=None):
        self.source, self.root_offset, self.root_len, self.root_digest = source, offset, length, digest
        self.base = base                                     # name of the pack, for volumes
        need(ROOT_MIN <= length <= ROOT_MAX, "a root page of %d bytes" % length)
        raw = source.read(offset, length)
        need(sha256(raw) == digest, "digest of the root page")
        self.mask = raw[0]
        page = raw[:1] + bytes(byte ^ self.mask for byte in raw[1:])
        self.parse_header(page)
        self.cache, self.volume_sources, self.volume_list = {}, {}, None

    def parse_header(self, page):
        """FORMAT.md "Root page"."""
        record_len, header_len, count, _, self.page_size, _ = struct.unpack_from("<BHHHII", page, 1)
        need(record_len >= 56 and header_len >= 96, "root page: section_len or header_len")
        node = header_len + record_len * count
        need(node <= len(page), "root page: the table of sections does not fit")
        self.sections = parse_sections(page, header_len, record_len, count, self.root_offset)
        need(self.page_size in (32768, 65536), "root page: page_size %d" % self.page_size)
        self.entries, self.symlinks = struct.unpack_from("<2Q", page, 16)
        self.totals, self.tree_digest = struct.unpack_from("<4Q", page, 32), known(page[64:96])
        need(self.section("tree").length % self.page_size == 0, "length of the section tree")
        self.pages = self.section("tree").length // self.page_size
        self.top_stated = Child(None, None, self.entries, b"", None, None)
        self.top = parse_node(page[node:])
        check_node(self.top, self.top_stated, self.pages)

    # sections

    def section(self, tag):
        """A section that is missing is empty."""
        return self.sections.get(tag) or Section(tag, KNOWN_SECTIONS[tag], 0, 0, sha256(b""))

    def section_bytes(self, tag, limit):
        """The bytes of a section with a digest, checked against it."""
        section = self.section(tag)
        if section.length > limit:
            raise Refused("section %s has %d bytes" % (tag, section.length))
        data = self.source.read(section.offset, section.length)
        need(sha256(data) == section.digest, "digest of section %s" % tag)
        return data

    def metadata(self):
        """FORMAT.md "Metadata"."""
        data = self.section_bytes("meta", MAX_META)
        return parse_metadata(data) if data else {}

    def volumes(self):
        """FORMAT.md "Volumes": a list of (length, name)."""
        if self.volume_list is None:
            data = self.section_bytes("vols", MAX_VOLUMES)
            self.volume_list = parse_volumes(data) if data else []
        return self.volume_list

    def table(self):
        """FORMAT.md "Table of volumes": (count, length of a record, its content with a block table), or None."""
        data = self.section_bytes("vtab", MAX_VOLUMES)
        if not data:
            return None
        need(len(data) == 56, "volumes: a section vtab of %d bytes" % len(data))
        count, record_len, block_log2, offset, at, digest = struct.unpack("<IHBxQQ32s", data)
        need("vols" not in self.sections, "volumes: a list and a table")
        need(count and record_len > 42, "volumes: %d records of %d bytes" % (count, record_len))
        length = count * record_len
        records = Entry(b"", "file", offset=offset, stored_size=length, size=length, codec=0, table=(at, block_log2, digest))
        Records(self).data_span(offset, length, "volumes")
        return count, record_len, records

    def volume_count(self):
        table = self.table()
        return table[0] if table else len(self.volumes())

    def volume_named(self, number):
        """(length, name, digest of the root page or None) of a volume."""
        need(1 <= number <= self.volume_count(), "volume %d is not in the list" % number)
        table = self.table()
        if table is None:
            return self.volumes()[number - 1] + (None,)
        _, record_len, records = table
        table, payload = BlockTable(Records(self), records), Records(self).data_span(records.offset, records.size, "volumes")
        start, end, found = (number - 1) * record_len, number * record_len, b""
        for block in range(start // table.block_len, (end - 1) // table.block_len + 1):
            at = block * table.block_len
            found += table.block(payload, block)[1][max(0, start - at):end - at]
        return parse_volume(found)

    def volume(self, number):
        """The file of a volume, of the length and with the root page that are stated."""
        if number not in self.volume_sources:
            self.volume_sources[number] = self.open_volume(number, *self.volume_named(number))
        return self.volume_sources[number]

    def dictionary_place(self, entry):
        """FORMAT.md "Dictionaries": (volume, length, offset, digest) of the one that an entry names, None if it names none."""
        if entry.dictionary is None:
            return None
        listed = self.section_bytes("dict", 48 * 65535)
        need(len(listed) % 48 == 0 and entry.dictionary <= len(listed) // 48, "dictionary %d is not listed" % entry.dictionary)
        place = struct.unpack_from("<IIQ32s", listed, 48 * (entry.dictionary - 1))
        need(1 <= place[1] <= 1 << 20, "length of a dictionary")
        return place

    def open_volume(self, number, length, name, digest):
        base = os.fsencode(self.base or self.source.path)
        if name:
            path = os.path.join(os.path.dirname(base), name)
        else:
            if not base.endswith(b".rpx"):
                raise Missing("volume %d is the file beside the index, whose name does not end in .rpx" % number)
            path = base[:-4]
        try:
            source = Source(path)
        except OSError as error:
            raise Missing("volume %d, %s: %s" % (number, text(path), error.strerror))
        if source.size != length:
            raise Refused("volume %d has %d bytes, not %d" % (number, source.size, length))
        if digest is not None:
            footer = read_footer(source)
            if footer is None or footer.digest != digest:
                raise Refused("volume %d is another pack" % number)
        return source

    def previous(self):
        """FORMAT.md "Generations": the root page before this one, or None. It lies before this one: see parse_sections."""
        section = self.sections.get("prev")
        if section is None:
            return None
        return Pack(self.source, section.offset, section.length, section.digest, self.base)

    def generation(self, digest):
        pack, seen = self, 0
        while pack is not None and pack.root_digest != digest:
            seen += 1
            if seen > MAX_GENERATIONS:
                raise Refused("looked at %d generations only" % seen)
            pack = pack.previous()
        if pack is None:
            raise Missing("no generation has this root digest")
        return pack

    # the tree

    def touch(self, child):
        """FORMAT.md "Pages": a page, with everything marked [touch, page] checked."""
        if child not in self.cache:
            page = self.source.read(self.section("tree").offset + child.number * self.page_size, self.page_size)
            need(sha256(page) == child.digest, "page %d: digest" % child.number)
            try:
                node = parse_node(page)
                need(node.level == child.level, "level %d, not %d" % (node.level, child.level))
                check_node(node, child, self.pages)
            except Corrupt as error:
                raise Corrupt("page %d: %s" % (child.number, error))
            if len(self.cache) >= 64:
                self.cache.pop(next(iter(self.cache)))
            self.cache[child] = node
        return self.cache[child]

    def nodes(self, problems):
        """All nodes as (what is stated of it, node), in the order of keys; broken pages go to `problems`."""
        stack = [self.top_stated]
        while stack:
            stated = stack.pop()
            try:
                node = self.top if stated is self.top_stated else self.touch(stated)
            except PackError as error:
                problems.append((stated, error))
                continue
            yield stated, node
            if isinstance(node, Inner):
                stack.extend(node.child(i, stated) for i in reversed(range(node.children)))

    def walk(self, problems):
        for _, node in self.nodes(problems):
            if isinstance(node, Leaf):
                for i in range(node.count):
                    yield node.entry(i)

    def look_up(self, path):
        """FORMAT.md "Reading", look up: None when there is no such entry."""
        key, stated, node = encode_key(path), self.top_stated, self.top
        while isinstance(node, Inner):
            stated = node.child(node.child_for(key), stated)
            node = self.touch(stated)
        i = bisect.bisect_left(node.keys, key)
        return node.entry(i) if i < node.count and node.paths[i] == path else None

    # where the bytes of entries are

    def payload(self, entry):
        """FORMAT.md "Payloads": volume 0 in the section data, others in their file."""
        if entry.volume:
            need(entry.volume <= self.volume_count(), "volume %d is not in the list" % entry.volume)
        if entry.stored_size == 0:
            return Span(self.source, 0, 0)
        if entry.volume == 0:
            return self.data_span(entry.offset, entry.stored_size, "payload")
        source = self.volume(entry.volume)
        need(entry.offset + entry.stored_size <= source.size, "the payload ends behind its volume")
        return Span(source, entry.offset, entry.stored_size)

    def data_span(self, offset, length, what):
        need(offset + length <= self.section("data").length, "%s: ends behind the section data" % what)
        return Span(self.source, offset, length)


class Records:
    """Of a pack the section in which the table of volumes lies, for who reads its blocks."""

    def __init__(self, pack):
        self.source, self.section = pack.source, pack.section("vrec")

    def data_span(self, offset, length, what):
        section = self.section
        inside = section.offset <= offset and offset + length <= section.offset + section.length
        need(inside, "%s: lies outside of the section vrec" % what)
        return Span(self.source, offset, length)


def parse_metadata(data):
    """FORMAT.md "Metadata"."""
    def value(pairs):
        for key, item in pairs:
            need(isinstance(item, str), "metadata: a value is not a string")
        return dict(pairs)                                   # of a key that occurs twice the last counts
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=value)
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Corrupt("metadata: not JSON in UTF-8")
    need(isinstance(document, dict), "metadata: not an object")
    return document


DEVICE = re.compile(rb"con|prn|aux|nul|conin\$|conout\$|(com|lpt)([0-9]|\xc2[\xb9\xb2\xb3])", re.I)


def check_volume_name(name):
    """FORMAT.md "Volumes": a name that means a file of the directory on every system."""
    check_name(name)
    need(len(name) <= 8192 and not re.search(rb'[\\:*?"<>|\x00-\x1f]|[ .]$', name), "volumes: the name %r" % name)
    stem = name.split(b".")[0].rstrip()
    need(not DEVICE.fullmatch(stem), "volumes: %r is the name of a device" % name)


def parse_volume(record):
    """FORMAT.md "Table of volumes": (length, name, digest of the root page or None)."""
    digest, length, name_len = struct.unpack_from("<32sQH", record)
    need(1 <= name_len <= min(8192, len(record) - 42), "volumes: length of a name")
    name = record[42:42 + name_len]
    for part in name.split(b"/"):
        check_volume_name(part)
    return length, name, known(digest)


def parse_volumes(data):
    """FORMAT.md "Volumes"."""
    need(len(data) >= 4, "volumes: no number")
    count, at, volumes = struct.unpack_from("<I", data)[0], 4, []
    for _ in range(count):
        need(at + 10 <= len(data), "volumes: a record lies behind the section")
        length, name_len = struct.unpack_from("<QH", data, at)
        need(at + 10 + name_len <= len(data), "volumes: a name lies behind the section")
        name = data[at + 10:at + 10 + name_len]
        if name:
            check_volume_name(name)
        volumes.append((length, name))
        at += 10 + name_len
    need(at == len(data), "volumes: something follows the last")
    return volumes


# Content.

def table_levels(blocks):
    """FORMAT.md "Block tables": records in each level, level 0 first. The topmost is the first from level 1 on of one page."""
    levels = [blocks, -(-blocks // FAN)]
    while levels[-1] > FAN:
        levels.append(-(-levels[-1] // FAN))
    return levels


class BlockTable:
    """FORMAT.md "Block tables": reads only the table pages that are needed, each checked."""

    def __init__(self, pack, entry):
        offset, log2, self.digest = entry.table
        need(12 <= log2 <= 22, "block_log2 is %d" % log2)
        self.pack, self.entry, self.block_len = pack, entry, 1 << log2
        self.blocks = -(-entry.size // self.block_len)
        self.levels = table_levels(self.blocks)
        self.begin, at = {}, 0
        for level in reversed(range(len(self.levels))):
            self.begin[level] = at
            at += self.levels[level] * self.record_len(level)
        self.span = pack.data_span(offset, at, "block table")
        self.cache = {}

    def record_len(self, level):
        return 40 if level else 36

    def content_len(self, block):
        return min(self.block_len, self.entry.size - block * self.block_len)

    def page(self, level, index):
        """(own offset, records) of a table page."""
        if (level, index) not in self.cache:
            if level == len(self.levels) - 1:
                own, following, digest = 0, self.entry.stored_size, self.digest
            else:
                own, following, digest = self.stated(level, index)
            records = self.read_page(level, index, digest)
            check = self.check_offsets if level else self.check_lengths
            check(records, own, following, index)
            if len(self.cache) > 64:
                self.cache.clear()
            self.cache[level, index] = own, records
        return self.cache[level, index]

    def stated(self, level, index):
        """What the level above says of a page: its own offset, the next page's offset, its digest."""
        _, records = self.page(level + 1, index // FAN)
        own, digest = records[index % FAN]
        if index + 1 == self.levels[level + 1]:
            return own, self.entry.stored_size, digest
        if index % FAN + 1 < len(records):
            return own, records[index % FAN + 1][0], digest
        return own, self.next_offset(level + 1, index // FAN), digest

    def next_offset(self, level, index):
        """Where the page after this one begins in the payload; its page is not needed, only the level above."""
        if level == len(self.levels) - 1:
            return self.entry.stored_size
        return self.stated(level, index)[1]

    def read_page(self, level, index, digest):
        length = self.record_len(level)
        count = min(FAN, self.levels[level] - index * FAN)
        raw = self.span.read(self.begin[level] + index * FAN * length, count * length)
        need(sha256(raw) == digest, "block table: digest of page %d of level %d" % (index, level))
        return list(struct.iter_unpack("<Q32s" if level else "<I32s", raw))

    def check_offsets(self, records, own, following, _):
        offsets = [offset for offset, _ in records] + [following]
        need(offsets[0] == own, "block table: a page does not begin with its own offset")
        for before, after in zip(offsets, offsets[1:]):
            need(before < after, "block table: offsets do not ascend")

    def check_lengths(self, records, own, following, index):
        for i, (stored, _) in enumerate(records):
            content = self.content_len(index * FAN + i)
            need(1 <= stored <= content + content // 4 + 1024, "block table: stored length of a block")
            need(self.entry.codec != 0 or stored == content, "block table: a stored block is not its content")
        need(own + sum(stored for stored, _ in records) == following, "block table: lengths do not add up")

    def block(self, payload, index):
        """(stored bytes, content) of a block, checked."""
        own, records = self.page(0, index // FAN)
        at = index % FAN
        start = own + sum(stored for stored, _ in records[:at])
        stored = payload.read(start, records[at][0])
        need(sha256(stored) == records[at][1], "digest of block %d" % index)
        if self.entry.codec == 0:
            return stored, stored
        if self.entry.codec == 3:
            return stored, decode_frame(stored, self.content_len(index), dictionary_of(self.pack, self.entry))
        return stored, self.inflate(stored, index)

    def inflate(self, stored, index):
        """FORMAT.md "Block tables", gzip: the block decodes alone to exactly its length and ends between deflate blocks."""
        last = index + 1 == self.blocks
        if index == 0:
            need(stored.startswith(GZIP_HEADER), "the first block does not begin with the gzip header")
            stored = stored[10:]
        if last:
            need(len(stored) >= 8, "the last block does not hold the member's trailer")
            crc, size = struct.unpack("<II", stored[-8:])
            need(size == self.entry.size & 0xffffffff, "ISIZE in the member's trailer")
            stored = stored[:-8]
        decoder = zlib.decompressobj(-15)
        want = self.content_len(index)
        try:
            content = decoder.decompress(stored, want + 1)
            need(len(content) == want, "block %d does not decode to its length" % index)
            if last:
                need(decoder.eof and not decoder.unused_data, "the last block does not end with the final deflate block")
                need(self.blocks > 1 or crc == zlib.crc32(content), "CRC-32 in the member's trailer")
            else:
                need(ends_on_border(decoder), "block %d does not end between deflate blocks" % index)
        except zlib.error as error:
            raise Corrupt("block %d: %s" % (index, error))
        return content


def ends_on_border(decoder):
    """Whether what was decoded ends between deflate blocks, before the final one: a final block without content
    behind it makes a whole stream."""
    if decoder.eof:
        return False
    behind = decoder.decompress(b"\1\0\0\xff\xff")
    return decoder.eof and not behind and not decoder.unused_data


def check_readable(entry):
    """What must hold before any byte of content is looked at."""
    if entry.error:
        raise entry.error
    if entry.kind != "file":
        raise Refused("%s is a %s" % (text(entry.path), entry.kind))
    if entry.codec not in (0, 1, 2, 3):
        raise Unsupported("codec %d" % entry.codec)
    if entry.codec == 3:
        need(entry.size <= 32768 * entry.stored_size, "more content than frames of this length can hold")
        if zstd_library() is None:
            raise Unsupported("codec 3 without libzstd")
    if entry.codec in (1, 2):
        need(entry.size <= 1032 * entry.stored_size + 65536, "more content than deflate data of this length can hold")


def member(payload, size, window=31):
    """The content of a payload that is exactly one gzip member, or one deflate stream, in pieces; an error may come after some of them."""
    decoder, seen = zlib.decompressobj(window), 0
    try:
        for chunk in payload.chunks():
            while chunk and not decoder.eof:
                piece = decoder.decompress(chunk, CHUNK)
                chunk, seen = decoder.unconsumed_tail, seen + len(piece)
                need(seen <= size, "the gzip member holds more than the stated size")
                yield piece
            need(not chunk and not decoder.unused_data, "something follows the gzip member")
        while not decoder.eof:                               # what zlib has taken, but not given yet
            piece = decoder.decompress(b"", CHUNK)
            need(piece, "the gzip member is not complete")
            seen += len(piece)
            need(seen <= size, "the gzip member holds more than the stated size")
            yield piece
    except zlib.error as error:
        raise Corrupt("gzip: %s" % error)
    need(seen == size, "the gzip member holds %d bytes, not %d" % (seen, size))


def number(data):
    return int.from_bytes(data, "little")


def frame_of(data):
    """FORMAT.md "Payloads", zstd: (length, content size, window, dictionary) of the frame with which bytes begin, as RFC 8878 says."""
    need(data[:4] == b"\x28\xb5\x2f\xfd" and len(data) > 4, "zstd: no frame")
    descriptor = data[4]
    need(not descriptor & 8, "zstd: a reserved bit")
    single, lengths, at = descriptor >> 5 & 1, [], 5
    for length in (1 - single, (0, 1, 2, 4)[descriptor & 3], ((single, 2, 4, 8)[descriptor >> 6])):
        lengths.append(data[at:at + length])
        at += length
    need(at < len(data), "zstd: the header breaks off")
    window, dictionary, size = lengths
    need(size, "zstd: a frame without content size")
    size = number(size) + 256 * (len(size) == 2)
    log = window and 1 << (10 + (window[0] >> 3))
    window = log + (log >> 3) * (window[0] & 7) if window else size
    last = 0
    while not last:
        need(at + 3 <= len(data), "zstd: a block breaks off")
        header = number(data[at:at + 3])
        last, kind = header & 1, header >> 1 & 3
        need(kind != 3, "zstd: a kind of block that there is not")
        at += 3 + (1 if kind == 1 else header >> 3)
    at += 4 * (descriptor >> 2 & 1)
    need(at <= len(data), "zstd: the frame breaks off")
    return at, size, window, number(dictionary)


def zstd_library():
    """The C library, where the system has it; Python's own has none before 3.14."""
    if not hasattr(zstd_library, "found"):
        name = ctypes.util.find_library("zstd")
        library = ctypes.CDLL(name) if name else None
        if library:
            library.ZSTD_createDCtx.restype = ctypes.c_void_p
            library.ZSTD_decompress_usingDict.restype = ctypes.c_size_t
        zstd_library.found = library
    return zstd_library.found


def decode_frame(data, size, dictionary):
    """The content of one frame, which is all of the bytes."""
    length, stated, window, named = frame_of(data)
    need(length == len(data), "zstd: something follows the frame")
    need(stated == size <= 1 << 22 and window <= 8 << 20, "zstd: size or window of a frame")
    need(named in (0, number(dictionary[4:8])), "zstd: the frame names another dictionary")
    library, out = zstd_library(), ctypes.create_string_buffer(size + 1)
    library.context = getattr(library, "context", None) or library.ZSTD_createDCtx()
    decoded = library.ZSTD_decompress_usingDict(
        ctypes.c_void_p(library.context), out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)),
        dictionary, ctypes.c_size_t(len(dictionary)))
    need(decoded == size, "zstd: a frame cannot be decoded")
    return out.raw[:size]


def frames(pack, entry, payload):
    """The content of a payload of frames, in pieces."""
    data, at, seen, dictionary = payload.read(0, payload.length), 0, 0, dictionary_of(pack, entry)
    step = BlockTable(pack, entry).block_len if entry.has_table() else None
    while True:
        length, size, _, _ = frame_of(data[at:])
        piece = decode_frame(data[at:at + length], min(step or max(size, 1), entry.size - seen), dictionary)
        yield piece
        at, seen = at + length, seen + len(piece)
        if seen == entry.size:
            break
    need(at == len(data), "zstd: something follows the last frame")


def plain(pack, entry, payload):
    """The content of a payload in pieces, decoded."""
    if entry.codec == 0:
        return payload.chunks()
    if entry.codec == 3:
        return frames(pack, entry, payload)
    return member(payload, entry.size, 31 if entry.codec == 1 else -15)


def dictionary_of(pack, entry):
    """FORMAT.md "Dictionaries": the one that an entry needs, checked; nothing if it needs none."""
    place = pack.dictionary_place(entry)
    if place is None:
        return b""
    volume, length, offset, digest = place
    data = pack.payload(Entry(b"", "file", volume=volume, offset=offset, stored_size=length)).read(0, length)
    need(sha256(data) == digest, "digest of a dictionary")
    need(data[:4] == b"\x37\xa4\x30\xec" and number(data[4:8]) != 0, "zstd: this is no dictionary")
    return data


def hash_of(pieces):
    state = hashlib.sha256()
    for piece in pieces:
        state.update(piece)
    return state.digest()


def check_content(pack, entry):
    """Everything marked [read, entry] of a whole content, nothing of it given out. Gives the content's SHA-256."""
    check_readable(entry)
    payload = pack.payload(entry)
    if entry.digest:
        need(hash_of(payload.chunks()) == entry.digest, "digest of the payload")
    digest = hash_of(plain(pack, entry, payload))
    if entry.content_digest:
        need(digest == entry.content_digest, "digest of the content")
    if entry.has_table():
        table = BlockTable(pack, entry)
        by_table = hash_of(table.block(payload, i)[1] for i in range(table.blocks))
        need(by_table == digest, "the blocks hold something else than the payload")
    return digest


def content(pack, entry, start, end):
    """Bytes start to end of a content in pieces, each checked before it is given out."""
    check_readable(entry)
    whole = (start, end) == (0, entry.size)
    if whole or not entry.has_table():
        check_content(pack, entry)
    if entry.has_table():
        yield from content_by_table(pack, entry, start, end)
        return
    payload = pack.payload(entry)
    at = 0
    for piece in plain(pack, entry, payload):
        yield piece[max(0, start - at):max(0, end - at)]
        at += len(piece)
        if at >= end:
            return


def content_by_table(pack, entry, start, end):
    if start >= end:
        return
    table, payload = BlockTable(pack, entry), pack.payload(entry)
    for i in range(start // table.block_len, (end - 1) // table.block_len + 1):
        at = i * table.block_len
        yield table.block(payload, i)[1][max(0, start - at):end - at]


def read_attributes(pack, entry):
    """FORMAT.md "Entries", attribute blocks: a list of (name, value)."""
    if entry.error:
        raise entry.error
    if not entry.attributes:
        return []
    offset, length, digest = entry.attributes
    need(1 <= length <= MAX_ATTRIBUTES, "length of the attribute block")
    block = pack.data_span(offset, length, "attribute block").read(0, length)
    need(sha256(block) == digest, "digest of the attribute block")
    attributes, at = [], 0
    while at < length:
        need(at + 6 <= length, "attribute block: a record is cut off")
        name_len, value_len = struct.unpack_from("<HI", block, at)
        at += 6 + name_len + value_len
        need(at <= length, "attribute block: a value is cut off")
        name = block[at - value_len - name_len:at - value_len]
        need(1 <= len(name) <= 255 and b"\0" not in name, "attribute block: a name")
        need(not attributes or attributes[-1][0] < name, "attribute block: names do not ascend")
        attributes.append((name, block[at - value_len:at]))
    return attributes


# XXH3.

XXH3_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364ea"
    "c5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
PMX_1, PMX_2 = 0x165667919E3779F9, 0x9FB21C651E98DF25


def le64(data, at=0):
    return int.from_bytes(data[at:at + 8], "little")


def le32(data, at=0):
    return int.from_bytes(data[at:at + 4], "little")


def secret64(at):
    return le64(XXH3_SECRET, at)


def fold(a, b):
    """The 128-bit product, its halves combined."""
    product = a * b
    return (product & U64) ^ (product >> 64)


def avalanche(h):
    h = (h ^ h >> 37) * PMX_1 & U64
    return h ^ h >> 32


def avalanche64(h):
    h = (h ^ h >> 33) * P64_2 & U64
    h = (h ^ h >> 29) * P64_3 & U64
    return h ^ h >> 32


def swap(value, size):
    return int.from_bytes(value.to_bytes(size, "little"), "big")


def mix16(data, at, secret):
    return fold(le64(data, at) ^ secret64(secret), le64(data, at + 8) ^ secret64(secret + 8))


def xxh3_short(data):
    n = len(data)
    if n == 0:
        return avalanche64(secret64(56) ^ secret64(64))
    if n <= 3:
        combined = data[0] << 16 | data[n >> 1] << 24 | data[-1] | n << 8
        return avalanche64(combined ^ (le32(XXH3_SECRET) ^ le32(XXH3_SECRET, 4)))
    if n <= 8:
        h = (le32(data, n - 4) + (le32(data) << 32)) ^ (secret64(8) ^ secret64(16))
        h ^= ((h << 49 | h >> 15) ^ (h << 24 | h >> 40)) & U64
        h = h * PMX_2 & U64
        h = (h ^ (h >> 35) + n) * PMX_2 & U64
        return h ^ h >> 28
    low = le64(data) ^ (secret64(24) ^ secret64(32))
    high = le64(data, n - 8) ^ (secret64(40) ^ secret64(48))
    return avalanche((n + swap(low, 8) + high + fold(low, high)) & U64)


def xxh3_middle(data):
    n = len(data)
    total = n * P64_1
    if n <= 128:
        for i in reversed(range((n - 1) // 32 + 1)):
            total += mix16(data, 16 * i, 32 * i) + mix16(data, n - 16 * (i + 1), 32 * i + 16)
        return avalanche(total & U64)
    for i in range(8):
        total += mix16(data, 16 * i, 16 * i)
    total = avalanche(total & U64)
    for i in range(8, n // 16):
        total += mix16(data, 16 * i, 16 * (i - 8) + 3)
    return avalanche((total + mix16(data, n - 16, 136 - 17)) & U64)


def xxh3_long(data):
    n = len(data)
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    stripes = (n - 1) // 64
    for s in range(stripes):
        accumulate(acc, data, 64 * s, 8 * (s % 16))
        if s % 16 == 15:
            for i in range(8):
                acc[i] = (acc[i] ^ acc[i] >> 47 ^ secret64(128 + 8 * i)) * P32_1 & U64
    accumulate(acc, data, n - 64, 192 - 64 - 7)
    total = n * P64_1
    for i in range(4):
        total += fold(acc[2 * i] ^ secret64(11 + 16 * i), acc[2 * i + 1] ^ secret64(19 + 16 * i))
    return avalanche(total & U64)


def accumulate(acc, data, at, secret):
    for i in range(8):
        value = le64(data, at + 8 * i)
        keyed = value ^ secret64(secret + 8 * i)
        acc[i ^ 1] = (acc[i ^ 1] + value) & U64
        acc[i] = (acc[i] + (keyed & 0xffffffff) * (keyed >> 32)) & U64


def xxh3(data):
    """XXH3, 64 bits, seed 0, default secret (FORMAT.md "Hash section")."""
    if len(data) <= 16:
        return xxh3_short(data)
    return xxh3_middle(data) if len(data) <= 240 else xxh3_long(data)


# Old formats: lines.

def bad_byte(error):
    """Bytes that are not UTF-8 become a lone surrogate that no used value may hold."""
    return "\ud800" * (error.end - error.start), error.end


codecs.register_error("rangepack-bad-byte", bad_byte)


class NoEntry(Exception):
    """A line that is not an entry, and why."""


class Fraction(str):
    """A JSON number with a fraction or exponent, as it stands."""


class Keys(dict):
    """An object, and which of its keys occur more than once."""

    def __init__(self, pairs):
        super().__init__(pairs)
        names = [key for key, _ in pairs] if len(self) < len(pairs) else []
        self.twice = {key for key in self if names.count(key) > 1}


def no_constant(name):
    raise ValueError("%s is not JSON" % name)


def integer(digits):
    """No integer of an index is this long; as a Fraction it has the wrong type everywhere."""
    return int(digits) if len(digits) < 40 else Fraction(digits)


DECODER = json.JSONDecoder(object_pairs_hook=Keys, parse_float=Fraction, parse_int=integer, parse_constant=no_constant)
KEYS = {"relpath", "offset", "payload_size", "orig_size", "sha256", "compressed", "entry_type", "mode", "mtime",
        "mtime_ns", "uid", "gid", "link_target", "codec", "orig_sha256", "block_table", "volume", "hardlink",
        "sparse", "xattrs", "dictionary"}


def wanted(line, key, kind, low=0, high=U64):
    """The value of a key of the right type, None when it is left out or null."""
    value = line.get(key)
    if key in line.twice:
        raise NoEntry("%s occurs twice" % key)
    if value is None:
        return None
    if type(value) is not kind or (kind is int and not low <= value <= high):
        raise NoEntry("the value of %s" % key)
    return value


def raw_string(line, key):
    """old-formats.md "Strings": text back into raw bytes."""
    value = wanted(line, key, str)
    if value is None:
        return None
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise NoEntry("%s holds a lone surrogate or bytes that are not UTF-8" % key)


def hex_digest(line, key):
    value = wanted(line, key, str)
    if value is not None and not re.fullmatch("[0-9A-Fa-f]{64}", value):
        raise NoEntry("the value of %s" % key)
    return None if value is None else known(bytes.fromhex(value))


def line_mtime(line):
    """old-formats.md: seconds, with nanoseconds to add, or a fraction that is cut toward zero."""
    value, extra = line.get("mtime"), wanted(line, "mtime_ns", int, 0, 999999999) or 0
    if value is None:
        return None
    if isinstance(value, Fraction):
        value = float(value)
        if not abs(value) < 2**64:
            return None
        ns = int(value) * 10**9 + int((value - int(value)) * 1e9)
    elif type(value) is int:
        ns = value * 10**9 + extra
    else:
        raise NoEntry("the value of mtime")
    return ns if -2**63 <= ns < 2**63 else None


def three(line, key, second, low, high):
    """A block_table or xattrs object: offset, `second`, digest."""
    value = wanted(line, key, Keys)
    if value is None:
        return None
    result = wanted(value, "offset", int), wanted(value, second, int, low, high), hex_digest(value, "sha256")
    if None in result:
        raise NoEntry("%s is not complete" % key)
    return result


def line_codec(line):
    codec, compressed = wanted(line, "codec", str), wanted(line, "compressed", bool)
    if codec not in (None, "stored", "gzip", "deflate", "zstd"):
        raise NoEntry("codec %s" % codec)
    encoded = codec != "stored" if codec else bool(compressed)
    if compressed is not None and compressed != encoded:
        raise NoEntry("codec contradicts compressed")
    return {"deflate": 2, "zstd": 3}.get(codec, int(encoded))


def entry_from_line(line):
    """old-formats.md "NDJSON index": an Entry, or NoEntry."""
    if not isinstance(line, dict):
        raise NoEntry("not an object")
    if line.twice & KEYS:
        raise NoEntry("a key occurs twice")
    path = raw_string(line, "relpath")
    if path is None:
        raise NoEntry("no relpath")
    kind = {None: "file", "file": "file", "dir": "directory", "directory": "directory",
            "symlink": "symlink"}.get(wanted(line, "entry_type", str))
    if kind is None:
        raise NoEntry("entry_type")
    entry = Entry(path, kind)
    mode = wanted(line, "mode", int)
    entry.mode = None if mode is None else mode & 0o7777
    entry.mtime = line_mtime(line)
    uid, gid = wanted(line, "uid", int, 0, 2**32 - 1), wanted(line, "gid", int, 0, 2**32 - 1)
    if uid is not None and gid is not None:
        entry.uid, entry.gid = uid, gid
    entry.attributes = three(line, "xattrs", "size", 1, MAX_ATTRIBUTES)
    digest = hex_digest(line, "sha256")
    if kind == "symlink":
        entry.target = raw_string(line, "link_target")
        if not entry.target or len(entry.target) > 8192 or b"\0" in entry.target:
            raise NoEntry("link_target")
    if kind == "file":
        entry.digest = digest
        file_from_line(entry, line)
    return entry


def file_from_line(entry, line):
    places = [wanted(line, key, int) for key in ("offset", "payload_size", "orig_size")]
    if None in places:
        raise NoEntry("a file without offset, payload_size or orig_size")
    entry.offset, entry.stored_size, entry.size = places
    if entry.offset + entry.stored_size > U64:
        raise NoEntry("the payload ends behind 2^64 - 1")
    entry.codec = line_codec(line)
    if entry.codec == 0:
        entry.size = entry.stored_size
    elif entry.size > (32768 * entry.stored_size if entry.codec == 3 else 1032 * entry.stored_size + 65536):
        raise NoEntry("more content than a payload of this length can hold")
    place = three(line, "dictionary", "size", 1, 1 << 20)
    if place:
        if entry.codec != 3:
            raise NoEntry("a dictionary of another codec")
        entry.dictionary = (wanted(line["dictionary"], "volume", int, 0, 2**32 - 1) or 0, place[1], place[0], place[2])
    entry.content_digest = hex_digest(line, "orig_sha256") if entry.codec else None
    entry.table = three(line, "block_table", "block_log2", 0, 255)
    if entry.table and entry.codec == 2:
        raise NoEntry("a block table of a deflate stream")
    entry.volume = wanted(line, "volume", int, 0, 2**32 - 1) or 0
    entry.hardlink = wanted(line, "hardlink", int, 1)
    entry.sparse = bool(wanted(line, "sparse", bool))


def parse_index(data):
    """old-formats.md "NDJSON index": (entries in the order of lines, notes). A note says what is reported, and which
    of the notes in the JSON counts it."""
    entries, notes = [], []
    for number, value in enumerate(index_values(data), 1):
        try:
            entry = entry_from_line(DECODER.decode(value) if isinstance(value, str) else value)
        except (NoEntry, ValueError, RecursionError) as error:
            notes.append(("bad_lines", "line %d is not an entry: %s" % (number, error)))
            continue
        problem = path_problem(entry.path)
        if problem:
            notes.append(("refused_names", "line %d: %s" % (number, problem)))
        else:
            entries.append(entry)
    return entries, notes


BLANK = " \t\r\n"


def index_values(data):
    """What the index holds: lines as strings, or the values of an array, which may be the `entries` of an object."""
    content = data.decode("utf-8", "rangepack-bad-byte")
    begin = content.lstrip(BLANK)
    if begin.startswith("["):
        yield from array_values(begin, 1)
        return
    at = place_of_entries(begin)
    if at is not None:
        yield from array_values(begin, at)
        return
    for line, raw in zip(content.split("\n"), data.split(b"\n")):
        line = line.strip(BLANK)
        if line and not line.startswith("#"):
            yield line if is_as_written(raw.strip(BLANK.encode())) else "a line that was changed"


def is_as_written(line):
    """old-formats.md "NDJSON index": a line that ends with a check must have that check."""
    found = re.fullmatch(rb'(.*), "crc32": "(.{8})"\}', line, re.DOTALL)
    return not found or b"%08x" % zlib.crc32(found[1]) == found[2]


def skip(content, at):
    """The place of the next character that is not blank, and that character."""
    while content[at:at + 1] and content[at] in BLANK:
        at += 1
    return at, content[at:at + 1]


def place_of_entries(content):
    """Where the elements of `entries` begin, when that comes before a `relpath` and is an array."""
    at, character = skip(content, 0)
    try:
        while character == "{" or character == ",":
            key, at = DECODER.raw_decode(content, skip(content, at + 1)[0])
            at, character = skip(content, at)
            if key == "relpath" or character != ":":
                return None
            at, character = skip(content, at + 1)
            if key == "entries":
                return at + 1 if character == "[" else None
            at, character = skip(content, DECODER.raw_decode(content, at)[1])
    except (ValueError, RecursionError):
        pass
    return None


def array_values(content, at):
    """The elements of an array that begin at a place; an array that breaks off is an error of the whole index."""
    try:
        at, character = skip(content, at)
        while character != "]":
            value, at = DECODER.raw_decode(content, at)
            yield value
            at, character = skip(content, at)
            if character == ",":
                at = skip(content, at + 1)[0]
            elif character != "]":
                raise ValueError("neither , nor ] behind a value")
    except (ValueError, RecursionError) as error:
        raise Corrupt("the array of the index breaks off: %s" % error)


def merge_lines(entries, notes):
    """old-formats.md "Directories": the last line of a path counts, directories above exist; a dict in key order."""
    final = {}
    for entry in entries:
        for directory in ancestors(entry.path):
            put_line(final, Entry(directory, "directory"), notes)
        put_line(final, entry, notes)
    kept = {}
    for path in sorted(final, key=encode_key):
        if all(final[above].kind == "directory" for above in ancestors(path)):
            kept[path] = final[path]
        else:
            notes.append(("refused_names", "%s lies below what is no directory" % text(path)))
    return kept


def put_line(final, entry, notes):
    before = final.get(entry.path)
    if before and (before.kind == "directory") != (entry.kind == "directory"):
        notes.append(("refused_names", "%s is a directory and something else" % text(entry.path)))
    elif before and before.kind == "directory" and entry.mode is None and entry.mtime is None:
        return
    final[entry.path] = entry


# Old formats: files.

class OldContainer:
    """A CTNRv1 container or .fpack, with the same methods as Pack as far as both have them."""

    def __init__(self, source, entries, notes):
        self.source, self.notes = source, notes
        self.by_path = merge_lines(entries, notes)
        self.table = PathTable()
        for entry in self.by_path.values():
            self.table.add(entry)
        digests = self.table.tree_digests()
        for path, entry in self.by_path.items():
            if entry.kind == "directory":
                entry.totals, entry.tree_digest = self.table.totals(path), digests[path]
        self.tree_digest = digests[b""]

    def walk(self, _):
        yield from self.by_path.values()

    def look_up(self, path):
        return self.by_path.get(path)

    def payload(self, entry):
        if entry.volume:
            raise Refused("volume %d: a container has no list of volumes" % entry.volume)
        if entry.stored_size == 0:
            return Span(self.source, 0, 0)
        return self.data_span(entry.offset, entry.stored_size, "payload")

    def dictionary_place(self, entry):
        return entry.dictionary

    def data_span(self, offset, length, what):
        need(offset + length <= self.source.size, "%s: ends behind the file" % what)
        return Span(self.source, offset, length)


def begins_like_json(begin):
    """old-formats.md "CTNRv1 trailer": the first 16 bytes of the index."""
    return re.match(rb'[ \t\r\n\f]*(\{[ \t\r\n\f]*(["}]|\Z)|\[[ \t\r\n\f]*([{\]]|\Z))', begin[:16]) is not None


def find_trailer(source):
    """old-formats.md "CTNRv1 trailer": (place of the magic, length of the index) of the last one, or None."""
    low, high = max(0, source.size - MAX_BACK), source.size
    while high > low:
        start = max(low, high - CHUNK)
        chunk = source.read(start, min(source.size, high + 7) - start)
        at = chunk.rfind(OLD_MAGIC)
        while at >= 0:
            length = trailer_at(source, start + at)
            if length:
                return start + at, length
            at = chunk.rfind(OLD_MAGIC, 0, at + 7)
        high = start
    return None


def trailer_at(source, place):
    if place + 16 > source.size:
        return None
    length = le64(source.read(place + 8, 8))
    if length == 0 or place + 16 + length > source.size:
        return None
    return length if begins_like_json(source.read(place + 16, min(16, length))) else None


def ends_of(entries):
    """Ends of all that lines name: payloads, tables and attribute blocks."""
    for entry in entries:
        if entry.kind == "file" and entry.volume == 0 and entry.stored_size:
            yield entry.offset + entry.stored_size
        if entry.kind == "file" and entry.has_table() and 12 <= entry.table[1] <= 22:
            levels = table_levels(-(-entry.size // (1 << entry.table[1])))
            yield entry.table[0] + 36 * levels[0] + 40 * sum(levels[1:])
        if entry.attributes:
            yield entry.attributes[0] + entry.attributes[1]


def trailer_is_own(source, index, place):
    """old-formats.md "Which index counts": the last thing named ends at the magic, the last payload has its digest."""
    try:
        entries = parse_index(index)[0]
        payloads = [entry for entry in entries if entry.kind == "file" and not entry.volume and entry.stored_size]
        last = max(payloads, key=lambda entry: entry.offset, default=None)
        return (max(ends_of(entries), default=0) == place and (last is None or not last.digest
                or hash_of(Span(source, last.offset, last.stored_size).chunks()) == last.digest))
    except PackError:
        return False


def ends_behind(journal, place):
    """Whether a journal names a payload that ends behind a place."""
    try:
        entries = parse_index(journal)[0]
    except Corrupt:
        return False
    return any(entry.kind == "file" and entry.stored_size and entry.offset + entry.stored_size > place for entry in entries)


def can_be_index(journal, size):
    """old-formats.md "Which index counts": it names something, or its container has no bytes and it is blank."""
    try:
        entries, notes = parse_index(journal)
    except PackError:
        return True  # Told of when it is read.
    kinds = {kind for kind, _ in notes}
    return bool(entries) or "refused_names" in kinds or size == 0 and journal != b"" and "bad_lines" not in kinds


def read_index_file(path):
    try:
        source = Source(path)
    except OSError:
        return None
    if source.size > MAX_OLD_INDEX:
        raise Refused("an index of %d bytes" % source.size)
    return source.read(0, source.size)


def open_old(source):
    """old-formats.md "Which index counts"."""
    trailer, journal = find_trailer(source), read_index_file(source.path + b".idx")
    if journal is not None and not can_be_index(journal, source.size):
        journal = None
    if trailer:
        place, length = trailer
        if length > MAX_OLD_INDEX:
            raise Refused("an index of %d bytes" % length)
        index = source.read(place + 16, length)
        if journal is None or not ends_behind(journal, place) and trailer_is_own(source, index, place):
            entries, notes = parse_index(index)
            if any(any(chunk) for chunk in Span(source, place + 16 + length, source.size - place - 16 - length).chunks()):
                notes.append(("trailing", "bytes that are not zero follow the trailer"))
            return OldContainer(source, entries, notes)
    else:
        fpack = open_fpack(source)
        if fpack:
            return fpack
    if journal is not None:
        return OldContainer(source, *parse_index(journal))
    raise NotAPack("neither footer nor trailer nor index")


def open_fpack(source):
    """old-formats.md ".fpack"."""
    if source.size < 265 or source.read(0, 1) != b"\1":
        return None
    count = le64(source.read(1, 8))
    if 265 + 136 * count > source.size:
        return None
    try:
        source.read(9, 256).decode("utf-8")
    except UnicodeDecodeError:
        return None
    sizes = struct.unpack("<%dQ" % count, source.read(265 + 128 * count, 8 * count))
    if 265 + 136 * count + sum(sizes) != source.size:
        return None
    entries, notes, offset = [], [], 265 + 136 * count
    for i, name in enumerate(fpack_names(source.read(265, 128 * count), count)):
        problem = name is not None and path_problem(name)
        if name is None:
            notes.append(("lost_names", "the name of file %d is lost" % i))
        elif problem:
            notes.append(("refused_names", "file %d: %s" % (i, problem)))
        else:
            entries.append(Entry(name, "file", offset=offset, stored_size=sizes[i], size=sizes[i]))
        offset += sizes[i]
    return OldContainer(source, entries, notes)


def path_problem(path):
    try:
        check_path(path)
    except Corrupt as error:
        return str(error)
    return None


def fpack_names(block, count):
    """Names of 128 code points each; None for one that is lost."""
    names = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(block)
    for i in range(count):
        piece = names[128 * i:128 * (i + 1)]
        if len(piece) < 128 and not piece.endswith(" " * 8):
            yield None
        else:
            yield piece.rstrip(" ").encode("utf-8", "surrogateescape")


# Opening.

def open_pack(path, root=None):
    """FORMAT.md "Files beside a pack": the paged index, else the one before the file grew, else a sidecar, else an old format."""
    path = os.fsencode(path)
    source = Source(path)
    pack, broken = None, None
    if not unfinished(source):
        try:
            pack = open_paged(source)
        except PackError as error:
            broken = error
    if pack is None:
        pack = open_before(source)
    if pack is None and broken is not None:
        raise broken
    if pack is None and os.path.exists(path + b".rpx"):
        pack = open_paged(Source(path + b".rpx"))
        if pack is None:
            raise Corrupt("the sidecar has no footer")
    if pack is None:
        pack = open_old(source)
    if root is None:
        return pack
    if not isinstance(pack, Pack):
        raise Refused("an old container has no root digest")
    return pack.generation(root)


def open_paged(source):
    footer = read_footer(source)
    return footer and Pack(source, footer.root_offset, footer.root_len, footer.digest, source.path)


def open_before(source):
    """FORMAT.md "Files beside a pack": the index that ended the file before it grew, or None."""
    path = os.path.realpath(source.path) + b".grow"
    if not os.path.isfile(path):
        return None
    note = Source(path)
    if note.size != 64:
        return None
    raw = note.read(0, 64)
    magic, file_len, digest, crc = struct.unpack("<8sQ32s12xI", raw)
    if magic != b"RngGrow1" or zlib.crc32(raw[:60]) != crc or file_len >= source.size:
        return None
    try:
        pack = open_paged(Source(source.path, file_len))
    except PackError:
        return None
    return pack if pack is not None and pack.root_digest == digest else None


def unfinished(source):
    """A footer of another file's length beside an .idx: the last payload of an unfinished container is a pack."""
    if source.size < FOOTER_LEN or source.read(source.size - 8, 8) != MAGIC:
        return False
    file_len = le64(source.read(source.size - FOOTER_LEN + 16, 8))
    return file_len != source.size and os.path.exists(source.path + b".idx")


# Verify.

class Verifier:
    """Checks every rule; `report(rule, where, what)` is called for each that is broken."""

    def __init__(self, report):
        self.report = report

    def attempt(self, rule, where, function, *arguments):
        """The result, or None after reporting the error."""
        try:
            return function(*arguments)
        except (PackError, OSError) as error:
            self.report(rule, where, "%s: %s" % (getattr(error, "code", "io"), error))
            return None

    def pack(self, pack):
        self.sections(pack)
        problems, paths = [], PathTable()
        leaves = []
        named = {}
        for stated, node in pack.nodes(problems):
            if stated.number is not None:
                named[stated.number] = named.get(stated.number, 0) + 1
            if isinstance(node, Leaf):
                leaves.append(stated)
                for i in range(node.count):
                    self.entry(pack, node.entry(i), paths)
        for stated, error in problems:
            named[stated.number] = named.get(stated.number, 0) + 1
            self.report("touch, page", "page %s" % stated.number, error)
        if not problems:
            self.whole_tree(pack, paths, named, leaves)
            if "ctnr" in pack.sections:
                self.attempt("verify, section", "ctnr", self.trailer, pack, paths)

    def whole_tree(self, pack, paths, named, leaves):
        """What can be told only when every page could be read."""
        for number in range(pack.pages):
            if named.get(number, 0) != 1:
                self.report("verify, section", "page %d" % number, "named %d times" % named.get(number, 0))
        if not paths.unreadable:
            self.header(pack, paths)
            self.directories(paths)
        self.hard_links(paths)
        if pack.section("hash").length:
            self.hash_section(pack, leaves)

    def sections(self, pack):
        for tag, section in pack.sections.items():
            if not section.flags & NO_DIGEST:
                span = Span(pack.source, section.offset, section.length)
                if hash_of(span.chunks()) != section.digest:
                    self.report("verify, section", tag, "digest")
        self.attempt("read, section", "meta", pack.metadata)
        for number in range(1, (self.attempt("read, section", "volumes", pack.volume_count) or 0) + 1):
            self.attempt("read, entry", "volume %d" % number, pack.volume, number)

    def entry(self, pack, entry, paths):
        where = text(entry.path)
        paths.add(entry)
        for above in ancestors(entry.path):
            parent = paths.entries.get(above)
            if parent is None or parent.kind != "directory":
                self.report("verify, entry", where, "the directory %s has no entry before it" % text(above))
            break
        if entry.error:
            self.report("read, entry", where, "%s: %s" % (entry.error.code, entry.error))
            return
        if entry.attributes:
            self.attempt("read, entry", where, read_attributes, pack, entry)
        if entry.kind == "file":
            self.attempt("read, entry", where, check_content, pack, entry)

    def header(self, pack, paths):
        for name, stated, found in zip(("files", "directories", "bytes", "stored_bytes"), pack.totals, paths.totals(b"")):
            if stated != found:
                self.report("verify, section", "header", "%s is %d, not %d" % (name, found, stated))
        if pack.symlinks != paths.symlinks:
            self.report("verify, section", "header", "symlinks is %d, not %d" % (paths.symlinks, pack.symlinks))
        digests = paths.tree_digests()
        self.tree_digest("header", pack.tree_digest, digests[b""])
        for path, entry in paths.entries.items():
            if entry.kind == "directory":
                self.tree_digest(text(path), entry.tree_digest, digests[path])

    def tree_digest(self, where, stated, computed):
        if stated is not None and stated != computed:
            self.report("verify, entry", where, "tree digest")

    def directories(self, paths):
        for path, entry in paths.entries.items():
            if entry.kind == "directory" and entry.totals is not None and entry.totals != paths.totals(path):
                self.report("verify, entry", text(path), "totals are %s, not %s" % (paths.totals(path), entry.totals))

    def hard_links(self, paths):
        """FORMAT.md "Hard links"."""
        groups = {}
        for path, entry in paths.entries.items():
            if entry.hardlink is None:
                continue
            place = (entry.volume, entry.offset, entry.stored_size, entry.size, entry.codec, entry.digest)
            if entry.hardlink not in groups and entry.hardlink != len(groups) + 1:
                self.report("verify, entry", text(path), "hard link group %d is not the next" % entry.hardlink)
            if groups.setdefault(entry.hardlink, place) != place:
                self.report("verify, entry", text(path), "hard links do not share their payload")

    def hash_section(self, pack, leaves):
        """FORMAT.md "Hash section": every entry has its slot or finds all taken, and no other slots are taken."""
        section = pack.section("hash")
        table = pack.source.read(section.offset, section.length)
        slots, used = len(table) // 6, bytearray(len(table) // 6)
        slot = lambda i: int.from_bytes(table[6 * i:6 * i + 6], "little")
        for stated in leaves:
            node = pack.top if stated.number is None else pack.touch(stated)
            for i in range(node.count if stated.number is not None else 0):
                problem = hash_slot_problem(slot, slots, used, node.paths[i], stated.number, i)
                if problem:
                    self.report("verify, section", "hash", "%s: %s" % (text(node.paths[i]), problem))
        for i in range(slots):
            if slot(i) != 2**48 - 1 and not used[i]:
                self.report("verify, section", "hash", "slot %d is taken by no entry" % i)

    def trailer(self, pack, paths):
        """FORMAT.md "CTNRv1 trailer"."""
        section = pack.section("ctnr")
        index = pack.section_bytes("ctnr", MAX_OLD_INDEX)
        place = section.offset - 16
        need(place >= 0 and pack.source.read(place, 16) == OLD_MAGIC + struct.pack("<Q", len(index)),
             "no magic and length before the index")
        lines, notes = parse_index(index)
        for _, note in notes:
            self.report("verify, section", "ctnr", note)
        seen = set()
        for line in lines:
            entry = paths.entries.get(line.path)
            if line.path in seen or entry is None:
                self.report("verify, section", "ctnr", "%s: two lines, or no entry" % text(line.path))
                continue
            seen.add(line.path)
            for name in differences(line, entry):
                self.report("verify, section", "ctnr", "%s: %s differs" % (text(line.path), name))
            if line.dictionary != pack.dictionary_place(entry):
                self.report("verify, section", "ctnr", "%s: dictionary differs" % text(line.path))
        for path, entry in paths.entries.items():
            if path not in seen and entry.kind != "directory" and entry.codec in (0, 1, 2, 3):
                self.report("verify, section", "ctnr", "%s has no line" % text(path))

    def old(self, container):
        for entry in container.walk(None):
            if entry.kind == "file":
                self.attempt("read, entry", text(entry.path), check_content, container, entry)
            if entry.attributes:
                self.attempt("read, entry", text(entry.path), read_attributes, container, entry)


def differences(line, entry):
    """Names of fields in which a line of the trailer and an entry differ."""
    names = ["kind", "mode", "mtime", "uid", "gid", "attributes"]
    if entry.kind == "file":
        names += ["stored_size", "size", "codec", "digest", "content_digest", "table", "volume", "hardlink", "sparse"]
        names += ["offset"] if entry.stored_size else []
    if entry.kind == "symlink":
        names.append("target")
    return [name for name in names if getattr(line, name) != getattr(entry, name)]


def hash_slot_problem(slot, slots, used, path, leaf, i):
    """What is wrong with the slot of an entry, or None. Marks its slot in `used`."""
    value = xxh3(path)
    place = value * slots >> 64
    mine = leaf | i << 24 | (value & 4095) << 36
    if leaf >= 2**24 or i >= 4096 or mine == 2**48 - 1:
        return None
    for at in range(place, min(place + 32, slots)):
        if slot(at) == mine:
            used[at] = 1
            return None
        if slot(at) == 2**48 - 1:
            return "no slot, though slot %d is empty" % at
    return None


class PathTable:
    """All entries of a pack in key order, for what can be checked only with all of them at hand."""

    def __init__(self):
        self.entries, self.children, self.sums = {}, {b"": []}, {}
        self.symlinks, self.unreadable = 0, False

    def add(self, entry):
        self.entries[entry.path] = entry
        self.children.setdefault(split(entry.path)[0], []).append(entry)
        if entry.kind == "directory":
            self.children.setdefault(entry.path, [])
        self.symlinks += entry.kind == "symlink"
        self.unreadable = self.unreadable or entry.error is not None
        directory = entry.kind == "directory"
        for above in [*ancestors(entry.path), b""]:
            sums = self.sums.setdefault(above, [0, 0, 0, 0])
            sums[directory] += 1
            sums[2] += entry.size
            sums[3] += entry.stored_size

    def totals(self, path):
        """FORMAT.md "Totals"."""
        return tuple(min(value, U64) for value in self.sums.get(path, (0, 0, 0, 0)))

    def tree_digests(self):
        """FORMAT.md "Tree digests": path of each directory (root included) to its digest or None."""
        digests = {}
        for path in sorted(self.children, key=lambda path: path.count(b"/") + bool(path), reverse=True):
            digests[path] = self.tree_digest(self.children[path], digests)
        return digests

    def tree_digest(self, children, digests):
        state = hashlib.sha256(b"RngTree1")
        for entry in [e for e in children if e.kind != "directory"] + [e for e in children if e.kind == "directory"]:
            record = tree_record(entry, digests)
            if record is None:
                return None
            state.update(record)
        return state.digest()


def tree_record(entry, digests):
    if entry.kind == "unknown":
        return None
    name = split(entry.path)[1]
    mode = 65535 if entry.mode is None else entry.mode
    head = struct.pack("<BHH", KINDS.index(entry.kind), mode, len(name)) + name
    if entry.kind == "symlink":
        return entry.target and head + struct.pack("<H", len(entry.target)) + entry.target
    if entry.kind == "directory":
        return digests.get(entry.path) and head + digests[entry.path]
    return entry.known_content() and head + struct.pack("<Q", entry.size) + entry.known_content()


# What is printed.

def hex_or_none(digest):
    return digest.hex() if digest else None


def raw_json(raw):
    """Text where bytes are UTF-8, else an object with hexadecimal digits."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": raw.hex()}


def described_entry(pack, entry):
    """Everything that an entry says, and the digest of its content."""
    if entry.error:
        raise entry.error
    out = {"path": raw_json(entry.path), "kind": entry.kind}
    for key, value in (("mode", entry.mode), ("uid", entry.uid), ("gid", entry.gid)):
        if value is not None:
            out[key] = value
    if entry.mtime is not None:
        out["mtime"] = str(entry.mtime)
    if entry.attributes:
        offset, length, digest = entry.attributes
        out["attribute_block"] = {"offset": offset, "bytes": length, "sha256": digest.hex()}
        out["attributes"] = [{"name": raw_json(name), "hex": value.hex()} for name, value in read_attributes(pack, entry)]
    if entry.kind == "symlink":
        out["target"] = raw_json(entry.target)
    elif entry.kind == "directory":
        out.update(zip(TOTALS, entry.totals), tree_sha256=hex_or_none(entry.tree_digest))
    else:
        describe_file(pack, entry, out)
    return out


def describe_file(pack, entry, out):
    out.update(volume=entry.volume, offset=entry.offset, stored_size=entry.stored_size, size=entry.size,
               codec={0: "stored", 1: "gzip", 2: "deflate", 3: "zstd"}.get(entry.codec, "unknown"), sha256=hex_or_none(entry.digest))
    if entry.dictionary is not None and not isinstance(entry.dictionary, tuple):
        out["dictionary"] = entry.dictionary
    if entry.codec not in (0, 1, 2, 3):
        out["codec_number"] = entry.codec
    if entry.hardlink:
        out["hard_link"] = entry.hardlink
    if entry.sparse:
        out["sparse"] = True
    if entry.content_digest:
        out["orig_sha256"] = entry.content_digest.hex()
    if entry.table:
        offset, log2, digest = entry.table
        out["block_table"] = {"offset": offset, "block_log2": log2, "sha256": digest.hex()}
    try:
        out["content_sha256"] = check_content(pack, entry).hex()
    except Unsupported:
        pass


TOTALS = ("files", "directories", "bytes", "stored_bytes")


def describe(source, pack):
    """Everything that a pack says, as the JSON beside the golden packs."""
    problems = []
    entries = [described_entry(pack, entry) for entry in pack.walk(problems)]
    if problems:
        raise problems[0][1]
    out = {"file_len": source.size, "file_sha256": hash_of(Span(source, 0, source.size).chunks()).hex(),
           "entries": entries, "tree_sha256": hex_or_none(pack.tree_digest)}
    if isinstance(pack, OldContainer):
        totals = dict(zip(TOTALS, pack.table.totals(b"")), entries=len(entries), symlinks=pack.table.symlinks)
        counted = [key for key, _ in pack.notes]
        notes = {key: counted.count(key) for key in ("bad_lines", "lost_names", "refused_names")}
        return dict(out, totals=totals, notes=notes, root_sha256=None, sections=None, pages=0, volumes=[], metadata={})
    out["root_sha256"] = pack.root_digest.hex()
    out["totals"] = dict(zip(TOTALS, pack.totals), entries=pack.entries, symlinks=pack.symlinks)
    out["pages"] = pack.pages
    out["sections"] = [{"tag": s.tag, "offset": s.offset, "bytes": s.length,
                        "sha256": None if s.flags & NO_DIGEST else s.digest.hex()} for s in pack.sections.values()]
    out["volumes"] = [{"name": raw_json(name), "bytes": length} for length, name, _ in map(pack.volume_named, range(1, pack.volume_count() + 1))]
    out["metadata"] = pack.metadata()
    previous = pack.previous()
    if previous:
        out["previous"] = describe(source, previous)
    return out


# Commands.

def command_describe(pack, options):
    print(json.dumps(describe(Source(os.fsencode(options.pack)), pack)))
    return 0


def command_cat(pack, options):
    entry = pack.look_up(os.fsencode(options.path))
    if entry is None:
        raise Missing("no such entry")
    start, end = 0, entry.size
    if options.range is not None:
        start = int(options.range[0] or 0)
        end = min(entry.size, int(options.range[1])) if options.range[1] else entry.size
    for piece in content(pack, entry, start, max(start, end)):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def command_verify(pack, _):
    if isinstance(pack, OldContainer):
        for _, note in pack.notes:
            print(one_line("note: %s" % note))
    return 1 if verify(pack, lambda *problem: print(one_line("[%s] %s: %s" % problem))) else 0


def command_check(folder):
    """For each pack its description, or the error of that, and what is broken in it."""
    out = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith((".pack", ".fpack", ".container")):
            continue
        path, problems = os.path.join(folder, name), []
        out[name] = {"description": None, "error": None, "problems": problems}
        try:
            pack = open_pack(path)
            verify(pack, lambda *problem: problems.append("[%s] %s: %s" % problem))
            out[name]["description"] = describe(Source(os.fsencode(path)), pack)
        except (PackError, OSError) as error:
            out[name]["error"] = "%s: %s" % (getattr(error, "code", "io"), error)
    print(json.dumps(out))
    return 0


def one_line(message):
    """Names may hold anything: escaped as in JSON."""
    return json.dumps(message)[1:-1].replace('\\"', '"')


def verify(pack, report):
    """Reports every broken rule; gives how many there were. An earlier generation is verified when it is asked for."""
    count = 0

    def tell(*problem):
        nonlocal count
        count += 1
        report(*problem)
    verifier = Verifier(tell)
    if isinstance(pack, OldContainer):
        verifier.old(pack)
    else:
        verifier.pack(pack)
    return count


def range_option(value):
    match = re.fullmatch(r"(\d{0,20}):(\d{0,20})", value)
    if not match:
        raise argparse.ArgumentTypeError("a range is A:B")
    return match.groups()


def root_option(value):
    if not re.fullmatch("[0-9A-Fa-f]{64}", value):
        raise argparse.ArgumentTypeError("a root digest has 64 hexadecimal digits")
    return bytes.fromhex(value)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("describe", "cat", "verify"):
        command = commands.add_parser(name)
        command.add_argument("pack")
        command.add_argument("--root", type=root_option)
        if name == "cat":
            command.add_argument("path")
            command.add_argument("--range", type=range_option)
    commands.add_parser("check").add_argument("folder")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse_arguments(arguments)
    commands = {"describe": command_describe, "cat": command_cat, "verify": command_verify}
    out = sys.stdout if options.command == "verify" else sys.stderr
    try:
        if options.command == "check":
            return command_check(options.folder)
        return commands[options.command](open_pack(options.pack, options.root), options)
    except PackError as error:
        print(one_line("%s: %s" % (error.code, error)), file=out)
        return 1
    except OSError as error:
        print(one_line("io: %s" % error), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
