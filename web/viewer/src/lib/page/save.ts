/** Writes what comes in a stream to the disk of the user. */

/** Without a file picker all of it has to fit into memory first. */
const MOST_IN_MEMORY = 2 ** 30;

interface Picker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<{ createWritable(): Promise<WritableStream<Uint8Array>> }>;
}

/** Undefined: the user chose no place. `size`: how much it will be, as far as one knows. */
export async function save(
  name: string,
  size: number,
  stream: (signal: AbortSignal) => ReadableStream<Uint8Array> | Promise<ReadableStream<Uint8Array>>,
  signal: AbortSignal,
  onProgress: (written: number) => void,
): Promise<void> {
  const target = size > 16 * 2 ** 20 && 'showSaveFilePicker' in globalThis ? await pick(name) : undefined;
  if (target === null) return;
  if (target === undefined && size > MOST_IN_MEMORY) {
    throw new Error('This is too much for this browser, which must keep it in memory. Use the rangepack command, or Chromium.');
  }
  let written = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      written += piece.length;
      onProgress(written);
      controller.enqueue(piece);
    },
  });
  const counted = (await stream(signal)).pipeThrough(counter, { signal });
  if (target !== undefined) return counted.pipeTo(target, { signal });
  offer(await new Response(counted).blob(), name);
}

/** `null`: the user chose no place. */
async function pick(name: string): Promise<WritableStream<Uint8Array> | null | undefined> {
  try {
    const handle = await (globalThis as unknown as Picker).showSaveFilePicker({ suggestedName: name });
    return await handle.createWritable();
  } catch (error) {
    // Not allowed here (in a frame, say): then through memory.
    return error instanceof DOMException && error.name === 'AbortError' ? null : undefined;
  }
}

function offer(blob: Blob, name: string) {
  // Never opened in place of the page: the type says that it is to be saved.
  const url = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
