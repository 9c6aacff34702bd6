/** In which ways a file can be looked at, and what every preview gets. */

import type { Entry, Pack, PackFile } from 'rangepack';
import type { Kind } from '../lib/format/kinds.ts';

export interface PreviewProps {
  pack: Pack;
  file: PackFile;
  entry: Entry;
  /** Shows the file as bytes (or text) instead; for what turns out to be something else than its name says. */
  giveUp: (reason: string, instead?: Kind) => void;
}

const NAMES: Record<Kind, string> = {
  image: 'Image', text: 'Text', json: 'Tree', table: 'Table', markdown: 'Page', html: 'Page', audio: 'Audio', video: 'Video',
  npy: 'Array', tensors: 'Tensors', notebook: 'Notebook', sqlite: 'Tables', pdf: 'Document', parquet: 'Table', hex: 'Hex',
};

export const nameOfKind = (kind: Kind) => NAMES[kind];

/** The ways in which a file of this kind can be looked at; the first is the one to begin with. */
export function waysOf(kind: Kind, name: string): Kind[] {
  if (kind === 'hex') return ['hex', 'text'];
  if (kind === 'text') return ['text', 'hex'];
  // A page from a pack is foreign: its source comes first.
  if (kind === 'html') return ['text', 'html', 'hex'];
  if (kind === 'notebook') return ['notebook', 'text', 'hex'];
  const isText = ['json', 'table', 'markdown'].includes(kind) || /\.svg$/i.test(name);
  return isText ? [kind, 'text', 'hex'] : [kind, 'hex'];
}
