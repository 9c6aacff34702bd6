/**
 * Media types, told from names.
 */

const TYPES = new Map(
  Object.entries({
    'application/gzip': 'gz tgz',
    'application/json': 'json map geojson ipynb',
    'application/manifest+json': 'webmanifest',
    'application/pdf': 'pdf',
    'application/wasm': 'wasm',
    'application/x-ndjson': 'ndjson jsonl',
    'application/x-tar': 'tar',
    'application/xhtml+xml': 'xhtml xht',
    'application/xml': 'xml xsl xslt rss atom',
    'application/zip': 'zip',
    'audio/aac': 'aac',
    'audio/flac': 'flac',
    'audio/mp4': 'm4a',
    'audio/mpeg': 'mp3',
    'audio/ogg': 'oga ogg opus',
    'audio/wav': 'wav',
    'font/otf': 'otf',
    'font/ttf': 'ttf',
    'font/woff': 'woff',
    'font/woff2': 'woff2',
    'image/avif': 'avif',
    'image/bmp': 'bmp',
    'image/gif': 'gif',
    'image/jpeg': 'jpg jpeg',
    'image/png': 'png',
    'image/svg+xml': 'svg',
    'image/tiff': 'tif tiff',
    'image/webp': 'webp',
    'image/x-icon': 'ico',
    'text/css': 'css',
    'text/csv': 'csv',
    'text/html': 'html htm',
    'text/javascript': 'js mjs cjs',
    'text/markdown': 'md markdown',
    'text/plain': 'txt text log ini cfg conf toml yaml yml py rs c h cpp hpp go java sh ts tsx jsx rb',
    'text/tab-separated-values': 'tsv',
    'text/vtt': 'vtt',
    'video/mp4': 'mp4 m4v',
    'video/ogg': 'ogv',
    'video/quicktime': 'mov',
    'video/webm': 'webm',
    'video/x-matroska': 'mkv',
  }).flatMap(([type, endings]) => endings.split(' ').map((ending) => /** @type {const} */ ([ending, type]))),
);

/**
 * @param {string} name
 * @returns {string} the media type, or an empty string when the name does not tell
 */
export function typeOf(name) {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : (TYPES.get(name.slice(dot + 1).toLowerCase()) ?? '');
}

/**
 * @param {string} type
 * @returns {boolean} whether browsers run the scripts of such a file when it is opened as a page: HTML, SVG, and XML of
 *   any kind, which can name a style sheet of XSLT
 */
export function isDocument(type) {
  return /html|xml/.test(type);
}
