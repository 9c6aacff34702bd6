/** The content of a file at an address of this page, for images, sounds and frames; given back when it is done with. */

import type { PackFile } from 'rangepack';

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
      wanted.bytes({ signal: abort.signal }).then(
        (bytes) => {
          if (abort.signal.aborted) return;
          const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: type(wanted) });
          this.url = made = URL.createObjectURL(blob);
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
