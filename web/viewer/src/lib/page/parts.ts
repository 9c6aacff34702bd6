/** Parts of this page that are fetched when they are first needed. */

/** A part that did not come: the network is gone, or the site was replaced by a newer one. */
export class PartMissing extends Error {}

export async function part<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new PartMissing(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
