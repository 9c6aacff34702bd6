/** A worker that is asked one thing after another, and ended when it is no longer wanted. */

export class Calls<Question, Answer> {
  readonly #worker: Worker;
  #waiting: { resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  #failed: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#waiting.shift()?.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message || 'A part of this page did not come.'));
    };
  }

  /** Answers come in the order of the questions. */
  ask(question: Question, transfer: Transferable[] = []): Promise<Answer> {
    if (this.#failed) return Promise.reject(this.#failed);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(question, transfer);
    });
  }

  /** Whoever waits learns that it was ended. */
  end(): void {
    this.#worker.terminate();
    this.#fail(new Error('It was stopped.'));
  }

  #fail(error: Error) {
    this.#failed = error;
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }
}
