/** How a file is shown, told from its name. What a name does not tell, the first bytes may (`sniff`). */

import type { Entry } from 'rangepack';

export type Kind =
  | 'image' | 'text' | 'json' | 'table' | 'markdown' | 'html' | 'audio' | 'video' | 'npy' | 'tensors' | 'notebook' | 'sqlite' | 'pdf' | 'parquet' | 'hex';

const ENDINGS: Partial<Record<Kind, string>> = {
  image: 'png jpg jpeg gif webp avif bmp ico svg',
  json: 'json geojson webmanifest',
  table: 'csv tsv jsonl ndjson',
  markdown: 'md markdown',
  html: 'html htm xhtml',
  audio: 'mp3 wav flac ogg oga opus m4a aac',
  video: 'mp4 m4v webm ogv mov',
  npy: 'npy',
  notebook: 'ipynb',
  sqlite: 'sqlite sqlite3 db db3 gpkg mbtiles',
  tensors: 'npz safetensors',
  pdf: 'pdf',
  parquet: 'parquet',
  text:
    'txt text log ini cfg conf toml yaml yml xml css scss less js mjs cjs ts tsx jsx py pyi rs c h cc cpp hpp cxx go java kt swift ' +
    'rb php pl lua r jl sh bash zsh fish ps1 sql tex bib srt vtt diff patch svelte vue lock gitignore env dockerfile makefile cmake proto ' +
    'cs cu cuh dart ex exs hs pm sc scala',
  hex: 'bin dat exe dll so o a wasm zip gz tgz xz zst bz2 7z tar pack pt pth h5 hdf5 pkl tif tiff ttf otf woff woff2',
};

const KINDS = new Map(
  Object.entries(ENDINGS).flatMap(([kind, endings]) => endings.split(' ').map((ending) => [ending, kind as Kind] as const)),
);

/** The ending of a name in small letters; the name itself where there is no dot, for `Makefile`. */
export function endingOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

/** Undefined: the name does not tell. */
export function kindOf(name: string): Kind | undefined {
  return KINDS.get(endingOf(name));
}

/** What is text, and may be looked at when it comes out of a gzip file. */
const TEXTUAL: readonly (Kind | undefined)[] = ['text', 'json', 'table', 'markdown', 'html'];

/** The name of what is inside of a gzip file, as `x.csv` in `x.csv.gz`; undefined where that is no text, or it is no such file. */
export function nameInside(name: string): string | undefined {
  const inner = /^(.+)\.gz$/i.exec(name)?.[1];
  const kind = inner === undefined ? 'hex' : kindOf(inner);
  return kind === undefined || TEXTUAL.includes(kind) ? inner : undefined;
}

/** Text or bytes, told from the first bytes of a file. */
export function sniff(head: Uint8Array): Kind {
  if (head.includes(0)) return 'hex';
  try {
    // A character may be cut at the end.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return 'text';
  } catch {
    return 'hex';
  }
}

/** The largest image that is shown; larger ones would not fit into memory once decoded. */
export const LARGEST_IMAGE = 64 * 1024 * 1024;

export const isImage = (entry: Entry) => entry.kind === 'file' && kindOf(entry.name) === 'image' && entry.size <= LARGEST_IMAGE;
