import { Calls } from './calls.ts';
import { type MillpondError, requestError } from './errors.ts';
import type { Answer, CallMethod, NoteMethod, Request } from './messages.ts';
import { nameKey, type StreamName } from './name.ts';
import { Cell } from './observable.ts';
import type { View, WorkerStatus } from './types.ts';
import { applyPatch, decodeResult, encodeParameters, type Parameter, type QueryResult } from './wire.ts';

type Notify = (result: QueryResult | undefined, error: MillpondError | undefined) => void;

/** A live query, and its last answer from the leader that runs it. */
interface Live {
  readonly sql: string;
  readonly params: unknown[];
  readonly view: View | undefined;
  readonly notify: Notify;
  id: number;
  leader: string | undefined;
  revision: number; // 0: no answer yet
  result: QueryResult | undefined;
}

const noStatus: WorkerStatus = { connection: 'connecting', epoch: 0, streams: [] };

/**
 * What one tab has open, and its line to whichever worker holds the mirror. A leader knows nothing of what its tabs had
 * open with the one before: at each attach the link opens it all again. It knows nothing of locks, channels or workers.
 */
export class Link {
  readonly status = new Cell<WorkerStatus>(noStatus);
  readonly #send: (leader: string, text: string) => void;
  readonly #calls: Calls;
  readonly #streams = new Map<string, { name: StreamName; users: number }>();
  readonly #lives = new Map<number, Live>();
  #leader: string | undefined;
  #broken: MillpondError | undefined;
  #lastLive = 0;

  constructor(send: (leader: string, text: string) => void) {
    this.#send = send;
    this.#calls = new Calls(send);
  }

  /** The leader that answers. */
  get leader(): string | undefined {
    return this.#leader;
  }

  /** How many calls wait for an answer. */
  get pending(): number {
    return this.#calls.size;
  }

  attach(leader: string): void {
    if (this.#leader === leader) return;
    this.#leader = leader;
    this.#broken = undefined;
    this.#note('hello');
    // Streams before calls: an append needs its stream open.
    for (const { name } of this.#streams.values()) this.#note('open', name);
    for (const live of [...this.#lives.values()]) this.#begin(live);
    this.#calls.attach(leader);
  }

  detach(): void {
    this.#leader = undefined;
    this.#calls.detach();
  }

  /** Takes the text of an answer. One of another leader than the one attached is old and changes nothing. */
  receive(leader: string, text: string): void {
    if (leader !== this.#leader) return;
    const answer = JSON.parse(text) as Answer;
    if (answer.status) this.status.set(answer.status);
    if (answer.live !== undefined) this.#notify(answer);
    if (answer.id !== undefined) this.#calls.settle(answer.id, answer);
  }

  /** Nobody will answer, as far as can be known: calls fail at once until somebody does. */
  break(error: MillpondError): void {
    this.detach();
    this.#broken = error;
    this.#calls.failAll(error);
  }

  /** Whether calls fail at once. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  call(method: CallMethod, params?: unknown, signal?: AbortSignal): Promise<unknown> {
    return this.#broken ? Promise.reject(this.#broken) : this.#calls.start(method, params, signal);
  }

  /** Opens a stream until the function it returns is called. Users of one stream share it. */
  open(name: StreamName): () => void {
    const key = nameKey(name);
    const stream = this.#streams.get(key) ?? { name, users: 0 };
    this.#streams.set(key, stream);
    if (++stream.users === 1) this.#note('open', name);
    return once(() => {
      if (--stream.users > 0) return;
      this.#streams.delete(key);
      this.#note('close', name);
    });
  }

  /** Runs a query again and again until the function it returns is called. */
  live(sql: string, parameters: readonly Parameter[], view: View | undefined, notify: Notify): () => void {
    const live: Live = { sql, params: encodeParameters(parameters), view, notify, id: 0, leader: undefined, revision: 0, result: undefined };
    this.#begin(live);
    return once(() => {
      this.#lives.delete(live.id);
      this.#note('unlive', { live: live.id });
    });
  }

  /** Has the leader run it. Under a new id: answers to the old one, which may be on their way, are none of it. */
  #begin(live: Live): void {
    this.#lives.delete(live.id);
    if (live.leader !== undefined && live.leader === this.#leader) this.#note('unlive', { live: live.id });
    live.id = ++this.#lastLive;
    live.leader = this.#leader;
    live.revision = 0;
    live.result = undefined;
    this.#lives.set(live.id, live);
    this.#note('live', { live: live.id, sql: live.sql, params: live.params, view: live.view });
  }

  #notify({ live: id, revision, result, patch, error }: Answer): void {
    const live = this.#lives.get(id!);
    if (!live) return; // closed while the answer was on its way
    if (revision !== live.revision + 1 || (patch && !live.result)) {
      this.#begin(live); // an answer is missing
      return;
    }
    live.revision = revision;
    live.result = error ? undefined : patch ? applyPatch(live.result!, patch) : decodeResult(result);
    live.notify(live.result, error && requestError(error));
  }

  /** Tells the leader; without one there is nothing to tell: attach says it all. */
  #note(method: NoteMethod, params?: unknown): void {
    if (this.#leader === undefined) return;
    const request: Request = { method, params };
    this.#send(this.#leader, JSON.stringify(request));
  }
}

function once(end: () => void): () => void {
  let ended = false;
  return () => {
    if (!ended) end();
    ended = true;
  };
}
