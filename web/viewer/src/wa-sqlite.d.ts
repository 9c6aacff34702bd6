/** What the package does not declare itself. */
declare module '@journeyapps/wa-sqlite/src/FacadeVFS.js' {
  /** Its methods that begin with `j` are to be overridden. */
  export class FacadeVFS {
    constructor(name: string, module: unknown);
  }
}
