/** Parses JSON with boxes where the page does not wait for it, and is asked for one picture after another. */

import { BoxFile, type Boxes } from './boxes.ts';
import { parseJson } from './json.ts';

export type Question = { json: ArrayBuffer } | { path: string; size: { width: number; height: number }; own: boolean };
/** `Boxes` is of a picture; `ok` of a file that was parsed. */
export type Answer = Boxes | { ok: true } | { error: string };

let file = new BoxFile(undefined);

function answer(question: Question): Answer {
  try {
    if (!('json' in question)) return file.of(question.path, question.size, question.own);
    file = new BoxFile(parseJson(new TextDecoder().decode(question.json)));
    return { ok: true };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

addEventListener('message', ({ data }: MessageEvent<Question>) => postMessage(answer(data)));
