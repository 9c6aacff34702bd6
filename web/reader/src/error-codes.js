/**
 * What can go wrong: the one list of error codes, which stay the same from version to version. `npm run types` makes the
 * public type of it.
 */

/** Every code and what it means. A program decides by the code; the message is for people and says what to do. */
export const ERROR_CODES = Object.freeze({
  ERR_ARGUMENT: 'the call itself is wrong',
  ERR_NOT_FOUND: 'there is no such file: the pack, or one that holds payloads of it, as `url` says (HTTP 404, 410; ENOENT). A path that is not in the pack is `ERR_NO_ENTRY`',
  ERR_FORBIDDEN: 'the file may not be read (HTTP 401, 403; EACCES)',
  ERR_CORS: 'a web page asked another origin and the browser let nothing through: headers for CORS are missing, or the server cannot be reached; browsers do not tell which',
  ERR_OFFLINE: 'the browser says that there is no network',
  ERR_NETWORK: 'the connection could not be made, or broke, and trying again did not help',
  ERR_TIMEOUT: 'not a single byte came for the time that `timeout` allows, or fewer than `leastSpeed` a second, several times',
  ERR_ABORTED: 'the `fetch` that was passed in gave up on its own. (A read whose signal is aborted rejects with the reason of the signal, as everywhere on the web)',
  ERR_RANGE_IGNORED: 'the server sends the whole file instead of ranges, and it is too large for that',
  ERR_RANGE_NOT_SATISFIABLE: 'the range lies beyond the end of the file (HTTP 416)',
  ERR_CONTENT_RANGE: 'the server sent other bytes than those asked for',
  ERR_CONTENT_ENCODING: 'the server compresses ranges on the fly, which makes them useless',
  ERR_SHORT_BODY: 'fewer bytes came than were asked for, several times',
  ERR_CHANGED: 'the file was replaced or modified while it was being read; open it again',
  ERR_NO_SIZE: 'there is no way to learn the size of the file',
  ERR_TOO_MANY_REQUESTS: 'the server asks for fewer requests (HTTP 429), several times',
  ERR_SERVER: 'the server failed (HTTP 408, 5xx), several times',
  ERR_STATUS: 'the server answered with a status that makes no sense here',
  ERR_IO: 'the operating system, or the source that was passed in, could not read the file',
  ERR_NOT_A_PACK: 'the bytes are none of the formats that are read here',
  ERR_CORRUPT: 'the bytes contradict themselves or their digest',
  ERR_WRONG_PACK: 'a sound pack, but not the one that `root` names',
  ERR_UNSUPPORTED: 'the pack needs a feature that this reader does not know',
  ERR_LIMIT: 'the pack is larger than can be handled here',
  ERR_BAD_PATH: 'a path that no pack can hold',
  ERR_NO_ENTRY: 'there is no such path in the pack',
  ERR_NOT_A_FILE: 'the path leads to something else than a file',
  ERR_NOT_A_DIRECTORY: 'the path leads to something else than a directory',
  ERR_NO_VOLUME: 'payloads lie in another file, and nobody said where',
  ERR_CLOSED: 'the pack was closed',
  ERR_WASM: 'the WebAssembly is not where the code looks for it (some bundlers leave it behind), or cannot be compiled here; `setWasm` says where it is, `rangepack/inline` has it inside',
});

/** @typedef {keyof typeof ERROR_CODES} ErrorCode */
