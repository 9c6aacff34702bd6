/** Where each preview is loaded from: nobody pays for those they do not look at. */

import type { Component } from 'svelte';
import type { Kind } from '../lib/format/kinds.ts';
import { part } from '../lib/page/parts.ts';
import type { PreviewProps } from './ways.ts';

type Preview = () => Promise<{ default: Component<PreviewProps> }>;

const PREVIEWS: Record<Kind, Preview> = {
  image: () => import('./ImageView.svelte'),
  text: () => import('./TextView.svelte'),
  json: () => import('./JsonView.svelte'),
  table: () => import('./TableView.svelte'),
  markdown: () => import('./MarkdownView.svelte'),
  html: () => import('./HtmlView.svelte'),
  audio: () => import('./MediaView.svelte'),
  video: () => import('./MediaView.svelte'),
  npy: () => import('./NpyView.svelte'),
  notebook: () => import('./NotebookView.svelte'),
  sqlite: () => import('./SqliteView.svelte'),
  tensors: () => import('./TensorsView.svelte'),
  pdf: () => import('./PdfView.svelte'),
  parquet: () => import('./ParquetView.svelte'),
  hex: () => import('./HexView.svelte'),
};

export async function loadPreview(kind: Kind): Promise<Component<PreviewProps>> {
  return (await part(PREVIEWS[kind])).default;
}
