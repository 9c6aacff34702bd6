/**
 * Other things that are taken for packs, told by what they begin with.
 */

/** How much of the beginning tells: the magic of tar ends here. In bytes. */
export const HEAD = 262;

/** @type {[at: number, magic: string, what: string][]} */
const MAGICS = [
  [0, 'PK\x03\x04', 'a zip archive'],
  [0, 'PK\x05\x06', 'a zip archive'],
  [0, '\x1f\x8b', 'a gzip file'],
  [0, '\x28\xb5\x2f\xfd', 'a zstd file'],
  [0, '\xfd7zXZ\0', 'an xz file'],
  [0, 'BZh', 'a bzip2 file'],
  [0, '7z\xbc\xaf\x27\x1c', 'a 7z archive'],
  [0, 'hsqs', 'a squashfs image'],
  [257, 'ustar', 'a tar archive'],
];

const CUT = 'a pack that was cut short: its index, which stands at the end, is missing then';

/** The record that ends a zip archive, without the comment behind it, in bytes. */
const ZIP_END = 22;

/**
 * Whether a file may be a zip archive: then it ends like one, too.
 *
 * @param {Uint8Array} head its first bytes
 */
export function beginsLikeAZip(head) {
  return /^PK(\x03\x04|\x05\x06)/.test(String.fromCharCode(...head.subarray(0, 4)));
}

/**
 * Whether what ends a file is what ends a zip archive. So may any file that ends with one.
 *
 * @param {Uint8Array} tail its last bytes
 */
export function endsLikeAZip(tail) {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const last = tail.length - ZIP_END;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === 0x06054b50 && view.getUint16(at + 20, true) === last - at) return true;
  }
  return false;
}

/** Zeros that end a tar archive, in bytes at least. */
const TAR_END = 1024;

/**
 * Whether a file may be a tar archive: then it ends like one, too.
 *
 * @param {Uint8Array} head its first bytes, `HEAD` of them
 */
export function beginsLikeATar(head) {
  return String.fromCharCode(...head.subarray(257, HEAD)) === 'ustar';
}

/**
 * Whether what ends a file is what ends a tar archive.
 *
 * @param {Uint8Array} tail its last bytes
 */
export function endsLikeATar(tail) {
  return tail.length >= TAR_END && tail.subarray(-TAR_END).every((byte) => byte === 0);
}

/**
 * What a file may be that is no pack. A pack begins with the first file in it, so one that lost its end looks like that file.
 *
 * @param {Uint8Array} head its first bytes
 * @returns {string}
 */
export function insteadOfAPack(head) {
  const text = String.fromCharCode(...head);
  if (/^(\xef\xbb\xbf)?\s*<(!doctype html|html)\b/i.test(text)) {
    return 'It is a page of HTML: many servers send one for what they do not have, or to those who have not logged in. Check the address';
  }
  if (text.startsWith('version https://git-lfs.github.com/spec/')) return 'It is a pointer of Git LFS: fetch the file itself with `git lfs pull`';
  if (head.length === 0) return 'It is empty';
  const what = MAGICS.find(([at, magic]) => text.startsWith(magic, at))?.[2];
  if (what === undefined) return `It may be ${CUT}`;
  const index = /^a (tar|zip) archive$/.test(what) ? ', which is read by an index beside it: `rangepack index FILE` makes FILE.rpx, open that' : '';
  return `It begins like ${what}: it is one${index}, or ${CUT}`;
}
