import { type MillpondError, requestError, RequestError, TimeoutError, WorkerError } from './errors.ts';
import { answerTimeoutMs, maxPendingCalls, maxSends, readyTimeoutMs } from './limits.ts';
import type { Answer, CallMethod, Request } from './messages.ts';

interface Call {
  text: string;
  sends: number;
  leader: string | undefined; // whom it was sent to last
  timer: ReturnType<typeof setTimeout>;
  signal: AbortSignal | undefined;
  cancel: () => void; // what listens to the signal
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/**
 * The calls of a tab that wait for their answer. They outlive the worker that was asked: each new one gets those that
 * are open again, in order. That is safe because every call is idempotent: appends carry keys made before the first send.
 */
export class Calls {
  readonly #send: (leader: string, text: string) => void;
  readonly #pending = new Map<number, Call>();
  #leader: string | undefined;
  #lastID = 0;

  constructor(send: (leader: string, text: string) => void) {
    this.#send = send;
  }

  get size(): number {
    return this.#pending.size;
  }

  /**
   * Sends a request now, or as soon as there is somebody to answer it. When the signal aborts, it fails with the signal's
   * reason and whoever works on it is told.
   */
  start(method: CallMethod, params?: unknown, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#pending.size >= maxPendingCalls) {
        throw new RequestError('rate_limited', `${maxPendingCalls} calls already wait for an answer: wait for some of them`);
      }
      const id = ++this.#lastID;
      const request: Request = { id, method, params };
      const cancel = () => this.#cancel(id);
      const call: Call = { text: JSON.stringify(request), sends: 0, leader: undefined, timer: 0 as never, signal, cancel, resolve, reject };
      this.#pending.set(id, call);
      signal?.addEventListener('abort', cancel);
      if (this.#leader === undefined) this.#awaitLeader(id, call);
      else this.#sendTo(this.#leader, id, call);
    });
  }

  /** A leader answers: what it has not been sent goes to it. */
  attach(leader: string): void {
    this.#leader = leader;
    for (const [id, call] of this.#pending) {
      if (call.leader === leader) this.#awaitAnswer(id, call);
      else this.#sendTo(leader, id, call);
    }
  }

  /** No leader answers: calls wait for the next one. */
  detach(): void {
    if (this.#leader === undefined) return;
    this.#leader = undefined;
    for (const [id, call] of this.#pending) this.#awaitLeader(id, call);
  }

  settle(id: number, { result, error }: Answer): void {
    const call = this.#take(id);
    if (!call) return; // answered by two leaders, or given up
    if (error) call.reject(requestError(error));
    else call.resolve(result);
  }

  /** Fails all that is pending. */
  failAll(error: MillpondError): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  #cancel(id: number): void {
    const call = this.#take(id);
    if (!call) return;
    const note: Request = { method: 'cancel', params: { call: id } };
    if (call.leader !== undefined && call.leader === this.#leader) this.#send(call.leader, JSON.stringify(note));
    call.reject(call.signal?.reason);
  }

  #sendTo(leader: string, id: number, call: Call): void {
    if (call.sends >= maxSends) {
      const message = `the mirror's worker ended ${call.sends} times before it had answered: the call itself may be what ends it`;
      this.#take(id)?.reject(new WorkerError('worker_crashed', message));
      return;
    }
    call.sends++;
    call.leader = leader;
    this.#awaitAnswer(id, call);
    this.#send(leader, call.text);
  }

  #awaitAnswer(id: number, call: Call): void {
    this.#setTimer(id, call, answerTimeoutMs, 'timeout', 'the mirror has not answered');
  }

  #awaitLeader(id: number, call: Call): void {
    this.#setTimer(id, call, readyTimeoutMs, 'no_leader', 'no tab that holds the mirror answers: reload the tabs of this page');
  }

  #setTimer(id: number, call: Call, ms: number, code: string, message: string): void {
    clearTimeout(call.timer);
    call.timer = setTimeout(() => this.#take(id)?.reject(new TimeoutError(code, `${message} (waited ${ms / 1000} s)`)), ms);
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    if (call) clearTimeout(call.timer);
    call?.signal?.removeEventListener('abort', call.cancel);
    this.#pending.delete(id);
    return call;
  }
}
