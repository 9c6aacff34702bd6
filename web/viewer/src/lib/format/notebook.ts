/** Notebooks of Jupyter (nbformat 4): cells, and what came out of them. */

export interface Cell {
  kind: 'markdown' | 'code' | 'raw';
  source: string;
  /** The number it ran as; '' where it did not. */
  number: string;
  outputs: Output[];
  /** Pictures that the cell holds, by name. */
  attachments: Map<string, Picture>;
}

export interface Picture {
  type: string;
  bytes: Uint8Array;
}

export type Output =
  | { kind: 'text'; text: string; failed: boolean; cut: boolean }
  | { kind: 'html' | 'markdown'; text: string }
  | ({ kind: 'image' } & Picture);

export interface Notebook {
  cells: Cell[];
  /** Ending of files in its language, such as `py`. */
  ending: string;
  language: string;
}

/** Letters of an output that are shown. */
const LONGEST_TEXT = 20_000;
/** Letters of a cell that are shown. */
const LONGEST_SOURCE = 200_000;
/** Letters of HTML and Markdown that are made a page of, in one place and in the whole notebook; more is shown as text. */
const LONGEST_PAGE = 512 * 1024;
const MOST_PAGES = 4 * 1024 * 1024;
const LARGEST_PICTURE = 32 * 1024 * 1024;
/** What is shown of several forms of one output: the first of these that is there. */
const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/svg+xml'];

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Text may be a list of lines. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.filter((part) => typeof part === 'string').join('');
  return typeof value === 'string' ? value : '';
}

/** Throws an Error that says what is wrong. `value`: parsed JSON. */
export function parseNotebook(value: unknown): Notebook {
  const { cells, nbformat, metadata } = fieldsOf(value);
  if (!Array.isArray(cells)) throw new Error(typeof nbformat === 'number' && nbformat < 4 ? `notebooks of format ${nbformat} are not shown as such` : 'there are no cells in it');
  const room = { left: MOST_PAGES };
  const { language_info: info, kernelspec: kernel } = fieldsOf(metadata);
  const ending = textOf(fieldsOf(info).file_extension).replace(/^\./, '');
  return {
    cells: cells.map((cell) => cellOf(cell, room)),
    ending: /^\w{1,10}$/.test(ending) ? ending : 'py',
    language: (textOf(fieldsOf(kernel).display_name) || textOf(fieldsOf(info).name)).slice(0, 80),
  };
}

/** Whether there is room for such a page; takes it. */
function fits(text: string, room: { left: number }): boolean {
  if (text === '' || text.length > Math.min(LONGEST_PAGE, room.left)) return false;
  room.left -= text.length;
  return true;
}

function cellOf(value: unknown, room: { left: number }): Cell {
  const { cell_type: type, source, execution_count: number, outputs, attachments } = fieldsOf(value);
  const text = textOf(source);
  const kind = type === 'code' ? type : type === 'markdown' && fits(text, room) ? type : 'raw';
  return {
    kind,
    source: text.length > LONGEST_SOURCE && kind !== 'markdown' ? `${text.slice(0, LONGEST_SOURCE)}…` : text,
    number: typeof number === 'number' ? String(number) : '',
    outputs: kind === 'code' ? listOf(outputs).flatMap((output) => outputOf(fieldsOf(output), room) ?? []) : [],
    attachments: new Map(Object.entries(fieldsOf(attachments)).flatMap(([name, data]) => {
      const picture = pictureOf(fieldsOf(data));
      return picture ? [[name, picture] as const] : [];
    })),
  };
}

function outputOf({ output_type: type, text, data, name, traceback, ename, evalue }: Fields, room: { left: number }): Output | undefined {
  if (type === 'stream') return plain(textOf(text), name === 'stderr');
  if (type === 'error') {
    const lines = listOf(traceback).filter((line) => typeof line === 'string');
    return plain(lines.length > 0 ? lines.join('\n') : `${textOf(ename)}: ${textOf(evalue)}`, true);
  }
  const forms = fieldsOf(data);
  const picture = pictureOf(forms);
  if (picture) return { kind: 'image', ...picture };
  const [html, markdown] = [textOf(forms['text/html']), textOf(forms['text/markdown'])];
  if (fits(html, room)) return { kind: 'html', text: html };
  if (fits(markdown, room)) return { kind: 'markdown', text: markdown };
  const other = forms['text/plain'] ?? forms['text/latex'] ?? forms['application/json'];
  const words = typeof other === 'object' && !Array.isArray(other) ? JSON.stringify(other) : textOf(other);
  return words === '' ? undefined : plain(words, false);
}

function plain(text: string, failed: boolean): Output {
  const cut = text.length > LONGEST_TEXT;
  return { kind: 'text', text: withoutColours(cut ? text.slice(0, LONGEST_TEXT) : text), failed, cut };
}

function pictureOf(forms: Fields): Picture | undefined {
  for (const type of PICTURES) {
    const content = textOf(forms[type]);
    if (content === '' || content.length > LARGEST_PICTURE) continue;
    const bytes = type === 'image/svg+xml' ? new TextEncoder().encode(content) : fromBase64(content);
    if (bytes) return { type, bytes };
  }
  return undefined;
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Terminals are told their colours by escape sequences; a line that is written anew is shown as it was at last. */
export function withoutColours(text: string): string {
  // eslint-disable-next-line no-control-regex
  const bare = text.replace(/\u001b(\[[0-9;?]{0,40}[A-Za-z]|\][^\u0007\u001b]{0,2000}(\u0007|\u001b\\))/g, '');
  return bare.replaceAll('\r\n', '\n').split('\n').map((line) => line.slice(line.trimEnd().lastIndexOf('\r') + 1)).join('\n');
}
