import { EnvironmentError, type MillpondError, WorkerError } from './errors.ts';
import { firstRestartMs, longestRestartMs, maxRestarts, steadyAfterMs, workerStartTimeoutMs } from './limits.ts';
import { type FatalMessage, type Message, type PersistMessage, type PersistRequest, randomID, type StartMessage, type TokenMessage, type TokenRequest } from './messages.ts';

export interface SupervisorEvents {
  /** A worker was started; the id is that of its run. */
  starting(leader: string): void;
  message(message: Message): void;
  /** The worker asks for a token. */
  getToken(request: TokenRequest): Promise<TokenMessage>;
  /** The worker asks to have its data kept. The answer may never come. */
  persist(): Promise<PersistMessage>;
  /** The worker has ended. It is started again, unless `final`. */
  ended(error: MillpondError, final: boolean): void;
}

/** Runs the worker with the mirror, and starts it again when it crashes: with backoff, not for ever. */
export class Supervisor {
  readonly #newWorker: () => Worker;
  readonly #start: Omit<StartMessage, 'kind' | 'leader'>;
  readonly #events: SupervisorEvents;
  #worker: Worker | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarts = 0;

  constructor(newWorker: () => Worker, start: Omit<StartMessage, 'kind' | 'leader'>, events: SupervisorEvents) {
    this.#newWorker = newWorker;
    this.#start = start;
    this.#events = events;
  }

  start(): void {
    const leader = randomID();
    let worker: Worker;
    try {
      worker = this.#newWorker();
    } catch (cause) {
      this.#events.ended(new EnvironmentError('no_worker', `this page cannot start a worker: ${String(cause)}`, { cause }), true);
      return;
    }
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Message | FatalMessage | TokenRequest | PersistRequest>) => {
      if (this.#worker !== worker) return; // stopped; this was on its way
      if (data.kind === 'fatal') this.#crashed(new WorkerError(data.code, data.message));
      else if (data.kind === 'get-token') void this.#events.getToken(data).then((answer) => worker.postMessage(answer));
      else if (data.kind === 'ask-to-persist') void this.#events.persist().then((answer) => this.#worker === worker && worker.postMessage(answer));
      else this.#heard(data);
    };
    worker.onerror = (event) => {
      if (this.#worker === worker) this.#crashed(scriptError(event));
    };
    this.#setTimer(workerStartTimeoutMs, () => {
      this.#crashed(new WorkerError('worker_crashed', `the mirror's worker has said nothing for ${workerStartTimeoutMs / 1000} s`));
    });
    this.#events.starting(leader);
    this.post({ ...this.#start, kind: 'start', leader });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  post(message: Message | StartMessage): void {
    this.#worker?.postMessage(message);
  }

  #heard(message: Message): void {
    if (message.kind === 'leading') {
      this.#setTimer(steadyAfterMs, () => {
        this.#restarts = 0;
      });
    }
    this.#events.message(message);
  }

  #crashed(error: MillpondError): void {
    this.stop();
    const hopeless = error.code === 'no_webassembly' || error.code === 'invalid_projection';
    const final = hopeless || this.#restarts >= maxRestarts;
    if (!final) this.#setTimer(Math.min(firstRestartMs * 2 ** this.#restarts++, longestRestartMs), () => this.start());
    this.#events.ended(error, final);
  }

  #setTimer(ms: number, fire: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(fire, ms);
  }
}

function scriptError(event: ErrorEvent): WorkerError {
  const what = event.message ? `failed: ${event.message}` : 'could not be loaded: the server is gone, or its files are of another version';
  return new WorkerError('worker_crashed', `the mirror's worker ${what}`);
}
