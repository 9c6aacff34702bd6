/** The icons, and which of them stands for an entry. */

import type { Entry } from 'rangepack';
import { kindOf, nameInside, type Kind } from '../lib/format/kinds.ts';

/** Drawn on 16 × 16 with one stroke. */
export const SHAPES = {
  folder: 'M1.8 4.2c0-.7.5-1.2 1.2-1.2h3.2l1.6 1.8H13c.7 0 1.2.5 1.2 1.2v6c0 .7-.5 1.2-1.2 1.2H3c-.7 0-1.2-.5-1.2-1.2z',
  file: 'M4 1.8h5l3.2 3.2v8.2c0 .6-.4 1-1 1H4.800c-.6 0-1-.4-1-1V2.800c0-.6.4-1 1-1M9 2v3.200h3',
  text: 'M4.800 1.800h6.400c.6 0 1 .4 1 1v10.400c0 .6-.4 1-1 1H4.800c-.6 0-1-.4-1-1V2.800c0-.6.4-1 1-1M6 5.500h4M6 8h4M6 10.500h2.500',
  image: 'M2 3.500h12v9H2zM2 10.500l3.200-3 2.600 2.400 2.400-2.200L14 11M10.800 6.200v.01',
  table: 'M2 3h12v10H2zM2 6.300h12M2 9.700h12M6 3v10',
  code: 'M5.500 4.500 2 8l3.500 3.500M10.500 4.500 14 8l-3.500 3.500',
  media: 'M4 3v10l9-5z',
  link: 'M6.500 9.500l3-3M7.500 4.500l1-1a2.800 2.800 0 0 1 4 4l-1 1M8.500 11.500l-1 1a2.800 2.800 0 0 1-4-4l1-1',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4 6 8l4 4',
  down: 'M4 6l4 4 4-4',
  sun: 'M8 5.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7',
  moon: 'M13.200 9.600A5.600 5.600 0 0 1 6.400 2.800a5.600 5.600 0 1 0 6.800 6.800z',
  close: 'M4 4l8 8M12 4l-8 8',
  download: 'M8 2v8M4.800 7 8 10.200 11.200 7M2.500 13.500h11',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  search: 'M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9M10.300 10.300 14 14',
  again: 'M13 8a5 5 0 1 1-1.500-3.600L13 6M13 2.800V6H9.800',
  check: 'M3 8.500l3.200 3.200L13 4.800',
  grid: 'M2.500 2.500h4.500v4.500H2.500zM9 2.500h4.500v4.500H9zM2.500 9h4.500v4.500H2.500zM9 9h4.500v4.500H9z',
  out: 'M7 3.500H3v9.500h9.500V9M9.500 2.500h4v4M13.500 2.500 7.500 8.500',
  compare: 'M2.500 3h4v10h-4zM9.500 3h4v10h-4zM8 1.500v13',
  list: 'M2.500 4h11M2.500 8h11M2.500 12h11',
};

export type IconName = keyof typeof SHAPES;

const ICONS: Partial<Record<Kind, IconName>> = {
  image: 'image', text: 'text', json: 'code', table: 'table', markdown: 'text', html: 'code',
  audio: 'media', video: 'media', npy: 'table', tensors: 'table', notebook: 'code', sqlite: 'table', pdf: 'text', parquet: 'table',
};

export function iconOf(entry: Pick<Entry, 'kind' | 'name'>): IconName {
  if (entry.kind === 'directory') return 'folder';
  if (entry.kind === 'symlink') return 'link';
  return ICONS[kindOf(nameInside(entry.name) ?? entry.name) ?? 'hex'] ?? 'file';
}
