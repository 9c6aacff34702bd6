/** What stands for a difference: the signs of `rangepack diff`, and two of our own. */

import type { Mark } from '../lib/pack/difference.ts';

export const MARKS: Record<Mark, string> = { removed: '−', added: '+', changed: '~', inside: '•', unknown: '?' };
