/** Code in colours. The library escapes what it is given; only its own tags remain. */

import type { LanguageFn } from 'highlight.js';
import { endingOf } from './kinds.ts';

/** Above, colours would take longer than reading. */
export const MOST_COLOURED = 300_000;

type Grammar = () => Promise<{ default: LanguageFn }>;

// Written out, so that each grammar is a file of its own.
const GRAMMARS: Record<string, Grammar> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cmake: () => import('highlight.js/lib/languages/cmake'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  dart: () => import('highlight.js/lib/languages/dart'),
  diff: () => import('highlight.js/lib/languages/diff'),
  dockerfile: () => import('highlight.js/lib/languages/dockerfile'),
  elixir: () => import('highlight.js/lib/languages/elixir'),
  go: () => import('highlight.js/lib/languages/go'),
  haskell: () => import('highlight.js/lib/languages/haskell'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  julia: () => import('highlight.js/lib/languages/julia'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  latex: () => import('highlight.js/lib/languages/latex'),
  lua: () => import('highlight.js/lib/languages/lua'),
  makefile: () => import('highlight.js/lib/languages/makefile'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  perl: () => import('highlight.js/lib/languages/perl'),
  php: () => import('highlight.js/lib/languages/php'),
  powershell: () => import('highlight.js/lib/languages/powershell'),
  protobuf: () => import('highlight.js/lib/languages/protobuf'),
  python: () => import('highlight.js/lib/languages/python'),
  r: () => import('highlight.js/lib/languages/r'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  scala: () => import('highlight.js/lib/languages/scala'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
};

const ENDINGS: Record<string, string> = {
  bash: 'sh bash zsh fish', c: 'c h', cmake: 'cmake', cpp: 'cc cpp hpp cxx cu cuh', csharp: 'cs', css: 'css scss less',
  dart: 'dart', diff: 'diff patch', dockerfile: 'dockerfile', elixir: 'ex exs', go: 'go', haskell: 'hs', ini: 'ini toml cfg conf',
  java: 'java', javascript: 'js mjs cjs jsx', json: 'json geojson ipynb jsonl ndjson map', julia: 'jl', kotlin: 'kt', latex: 'tex', lua: 'lua',
  makefile: 'makefile mk', markdown: 'md markdown', perl: 'pl pm', php: 'php',
  powershell: 'ps1', protobuf: 'proto', python: 'py pyi', r: 'r', ruby: 'rb', rust: 'rs', scala: 'scala sc', sql: 'sql', swift: 'swift',
  typescript: 'ts tsx', xml: 'xml html htm xhtml svg vue svelte', yaml: 'yaml yml',
};

const LANGUAGES = new Map(
  Object.entries(ENDINGS).flatMap(([language, endings]) => endings.split(' ').map((ending) => [ending, language] as const)),
);

/** The text as HTML, line by line; undefined where its name tells no language. */
export async function highlight(name: string, lines: string[]): Promise<string[] | undefined> {
  const language = LANGUAGES.get(endingOf(name));
  const grammar = language === undefined ? undefined : GRAMMARS[language];
  if (language === undefined || grammar === undefined) return undefined;
  const [{ default: engine }, { default: define }] = await Promise.all([import('highlight.js/lib/core'), grammar()]);
  if (engine.getLanguage(language) === undefined) engine.registerLanguage(language, define);
  return splitLines(engine.highlight(lines.join('\n'), { language }).value);
}

/** Closes at each line's end what is open there, and opens it again in the next. */
export function splitLines(html: string): string[] {
  const open: string[] = [];
  return html.split('\n').map((line) => {
    const before = open.join('');
    for (const [tag] of line.matchAll(/<span[^>]*>|<\/span>/g)) {
      if (tag === '</span>') open.pop();
      else open.push(tag);
    }
    return before + line + '</span>'.repeat(open.length);
  });
}
