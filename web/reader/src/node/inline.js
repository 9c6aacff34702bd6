/**
 * The same for Node and what runs its programs.
 */

import { inlined } from '../inline.js';
import { setWasm } from '../wasm.js';

export * from './index.js';

setWasm(inlined);
