/** Parts of this page that come when they are needed. */

/** A part that did not come: the network is gone, or the site was replaced by a newer one. */
export class PartMissing extends Error {}

/** Addresses of parts that did not come, as the browser has them in its messages. */
const missed = new Set<string>();
let again = 0;

export async function part<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const address = /https?:\/\/\S+/.exec(String(cause))?.[0];
    // Browsers may remember that a module did not come, and never ask for it again under the same address.
    if (address !== undefined && missed.has(address)) {
      try {
        return (await import(/* @vite-ignore */ `${address}?again=${++again}`)) as T;
      } catch {
        // The first reason says as much.
      }
    }
    if (address !== undefined) missed.add(address);
    throw new PartMissing(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
