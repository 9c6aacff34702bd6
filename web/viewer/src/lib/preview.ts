/** What every preview gets, and where each is loaded from: nobody pays for those they do not look at. */

import type { Entry, PackFile } from 'rangepack';
import type { Component } from 'svelte';
import type { Kind } from './kinds.ts';

export interface PreviewProps {
  file: PackFile;
  entry: Entry;
  /** Shows the file as bytes instead; for what turns out to be something else than its name says. */
  giveUp: (reason: string) => void;
}

type Preview = () => Promise<{ default: Component<PreviewProps> }>;

const PREVIEWS: Record<Kind, Preview> = {
  image: () => import('../preview/HexView.svelte'),
  text: () => import('../preview/TextView.svelte'),
  json: () => import('../preview/HexView.svelte'),
  table: () => import('../preview/HexView.svelte'),
  markdown: () => import('../preview/HexView.svelte'),
  html: () => import('../preview/HexView.svelte'),
  audio: () => import('../preview/HexView.svelte'),
  video: () => import('../preview/HexView.svelte'),
  npy: () => import('../preview/HexView.svelte'),
  pdf: () => import('../preview/HexView.svelte'),
  parquet: () => import('../preview/HexView.svelte'),
  hex: () => import('../preview/HexView.svelte'),
};

export async function loadPreview(kind: Kind): Promise<Component<PreviewProps>> {
  return (await PREVIEWS[kind]()).default;
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
