/**
 * What the types of this package name of the web. The names have to be there, wherever a program is compiled for; what they
 * are, the types of its environment say (DOM, Node, Deno, Bun, Cloudflare's workers), with which these merge.
 */
export {};

declare global {
  interface AbortSignal {}
  interface Blob {}
  interface Headers {}
  interface ReadableStream<R = any> {}
  interface Request {}
  interface Response {}
  interface URL {}
  namespace WebAssembly {
    interface Module {}
  }
}
