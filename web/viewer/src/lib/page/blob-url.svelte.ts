/** The content of a file at an address, for images, sounds and frames; given back when it is done with. */

import type { PackFile } from 'rangepack';

/**
 * An address for content of a pack, to be given to `URL.revokeObjectURL` when it is done with.
 *
 * What is at a `blob:` address has the origin of this page, also in a tab of its own, and its policy lets it run the scripts
 * of the host. So what browsers would show as a document (HTML, SVG, XML of any kind) gets a `data:` address, which has no
 * origin. And no type is left open, for browsers would guess it.
 */
export function addressOf(bytes: Uint8Array, type: string): Promise<string> {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: type || 'application/octet-stream' });
  if (!/html|xml/.test(blob.type)) return Promise.resolve(URL.createObjectURL(blob));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

export class BlobUrl {
  url: string | undefined = $state();
  error: unknown = $state.raw(undefined);

  /** Made while a component is. `file` gives undefined as long as nothing is wanted. */
  constructor(file: () => PackFile | undefined, type: (file: PackFile) => string) {
    $effect(() => {
      const wanted = file();
      if (wanted === undefined) return;
      const abort = new AbortController();
      let made: string | undefined;
      wanted.bytes({ signal: abort.signal }).then((bytes) => addressOf(bytes, type(wanted))).then(
        (url) => {
          if (abort.signal.aborted) return URL.revokeObjectURL(url);
          this.url = made = url;
        },
        (error: unknown) => {
          if (!abort.signal.aborted) this.error = error;
        },
      );
      return () => {
        abort.abort();
        this.url = this.error = undefined;
        if (made !== undefined) URL.revokeObjectURL(made);
      };
    });
  }
}
