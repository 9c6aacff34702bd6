/** What every preview gets, and where each is loaded from: nobody pays for those they do not look at. */

import type { Entry, PackFile } from 'rangepack';
import type { Component } from 'svelte';
import type { Kind } from './kinds.ts';
import { part } from './parts.ts';

export interface PreviewProps {
  file: PackFile;
  entry: Entry;
  /** Shows the file as bytes (or text) instead; for what turns out to be something else than its name says. */
  giveUp: (reason: string, instead?: Kind) => void;
}

type Preview = () => Promise<{ default: Component<PreviewProps> }>;

const PREVIEWS: Record<Kind, Preview> = {
  image: () => import('../preview/ImageView.svelte'),
  text: () => import('../preview/TextView.svelte'),
  json: () => import('../preview/JsonView.svelte'),
  table: () => import('../preview/TableView.svelte'),
  markdown: () => import('../preview/MarkdownView.svelte'),
  html: () => import('../preview/HtmlView.svelte'),
  audio: () => import('../preview/MediaView.svelte'),
  video: () => import('../preview/MediaView.svelte'),
  npy: () => import('../preview/NpyView.svelte'),
  pdf: () => import('../preview/PdfView.svelte'),
  parquet: () => import('../preview/ParquetView.svelte'),
  hex: () => import('../preview/HexView.svelte'),
};

export async function loadPreview(kind: Kind): Promise<Component<PreviewProps>> {
  return (await part(PREVIEWS[kind])).default;
}

const NAMES: Record<Kind, string> = {
  image: 'Image', text: 'Text', json: 'Tree', table: 'Table', markdown: 'Page', html: 'Page', audio: 'Audio', video: 'Video',
  npy: 'Array', pdf: 'Document', parquet: 'Table', hex: 'Hex',
};

export const nameOfKind = (kind: Kind) => NAMES[kind];

/** The ways in which a file of this kind can be looked at; the first is the one to begin with. */
export function waysOf(kind: Kind, name: string): Kind[] {
  if (kind === 'hex') return ['hex', 'text'];
  if (kind === 'text') return ['text', 'hex'];
  // A page from a pack is foreign: its source comes first.
  if (kind === 'html') return ['text', 'html', 'hex'];
  const isText = ['json', 'table', 'markdown'].includes(kind) || /\.svg$/i.test(name);
  return isText ? [kind, 'text', 'hex'] : [kind, 'hex'];
}
