import { fixedToken } from './auth.ts';
import { ClosedError, EnvironmentError, MillpondError, RequestError } from './errors.ts';
import type { EventInput, LiveQuery, MirrorOptions, MirrorStatus, QueryOptions, StreamEvent } from './types.ts';
import { randomID } from './messages.ts';
import { newName, type StreamName } from './name.ts';
import { Live } from './live.ts';
import { Cell, type Observable } from './observable.ts';
import { Tabs, type TabsEnvironment } from './tabs.ts';
import { decodeResult, encodeParameters, type Parameter, type QueryResult } from './wire.ts';

/** Opens a mirror. It does not wait for anything: the status says how it does, and calls wait until it can answer. */
export function openMirror(options: MirrorOptions = {}): Mirror {
  const { name = 'millpond', url = location.origin, auth, maxQueryStepMs, showRebuild, projections, askToPersist = true } = options;
  if (!/^(?!\.{1,2}$)[a-z0-9._-]{1,64}$/.test(name)) {
    throw new RequestError('invalid_name', 'name: use 1 to 64 lowercase letters, digits, "-", "_" and "."', { field: 'name' });
  }
  const newWorker =
    options.worker ?? (() => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: `millpond ${name}` }));
  const environment: TabsEnvironment = {
    locks: navigator.locks, // undefined on pages without https, whatever its type says
    newChannel: (channel) => new BroadcastChannel(channel),
    newWorker,
    persist: () => (askToPersist ? persist() : new Promise(() => undefined)), // not asked, so not answered
  };
  const given = { url, name, auth: typeof auth === 'string' ? fixedToken(auth) : auth, maxQueryStepMs, showRebuild, projections };
  const urls = { program: options.wasmURL, sqlite: options.sqliteURL };
  return new Mirror(new Tabs(environment, given, urls));
}

/** A copy of streams in this browser, shared by all tabs that open it under the same name. */
export class Mirror {
  readonly #tabs: Tabs;
  readonly #status: Cell<MirrorStatus>;
  readonly #forget: (() => void)[];
  #closed = false;

  /** Use openMirror. */
  constructor(tabs: Tabs) {
    this.#tabs = tabs;
    const now = (): MirrorStatus => ({ ...tabs.link.status.getSnapshot(), ...tabs.state.getSnapshot() });
    this.#status = new Cell(now());
    const update = () => this.#status.set(now());
    this.#forget = [tabs.state.subscribe(update), tabs.link.status.subscribe(update), this.#followPage()];
    if (typeof WebAssembly === 'undefined') {
      const error = new EnvironmentError('no_webassembly', 'this browser has no WebAssembly: allow it for this site, or use another browser');
      tabs.link.break(error);
      tabs.state.set({ ...tabs.state.getSnapshot(), failure: error });
    } else tabs.start();
  }

  get status(): Observable<MirrorStatus> {
    return this.#status;
  }

  /** Opens a stream: the mirror follows it until the last of its users, in any tab, has closed it. */
  stream(path: string, { namespace }: { namespace?: string } = {}): Stream {
    this.#check();
    const name = newName(path, namespace);
    return new Stream(name, this.#tabs.link.open(name), (events) => this.#append(name, events));
  }

  /** Runs one SQL statement that reads. It is cancelled when the signal aborts, and then fails with the signal's reason. */
  async query(sql: string, parameters: readonly Parameter[] = [], { signal, view }: QueryOptions = {}): Promise<QueryResult> {
    this.#check();
    return decodeResult(await this.#tabs.link.call('query', { sql, params: encodeParameters(parameters), view }, signal));
  }

  /** Makes a live query. It costs nothing until it is subscribed to. */
  live(sql: string, parameters: readonly Parameter[] = [], { view }: Pick<QueryOptions, 'view'> = {}): LiveQuery {
    this.#check();
    return new Live((notify) => this.#tabs.link.live(sql, parameters, view, notify));
  }

  /** Connects at once, without waiting for the next attempt; also after the mirror has given up. */
  async reconnect(): Promise<void> {
    this.#check();
    if (this.#tabs.link.broken) {
      this.#tabs.stop();
      this.#tabs.start();
    } else await this.#tabs.link.call('reconnect');
  }

  /** Lets a projection that has failed go on from where it has stopped. Fails with `not_found` when there is none of that name. */
  async retryProjection(name: string): Promise<void> {
    this.#check();
    await this.#tabs.link.call('retryProjection', { name });
  }

  /** Ends this tab's part. Calls that wait fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tabs.stop();
    this.#tabs.link.break(new ClosedError('the mirror'));
    for (const forget of this.#forget) forget();
  }

  async #append(name: StreamName, events: EventInput | readonly EventInput[]): Promise<StreamEvent[]> {
    this.#check();
    const keyed = isBatch(events) ? events.map(withKey) : withKey(events);
    return (await this.#tabs.link.call('append', { ...name, events: keyed })) as StreamEvent[];
  }

  #check(): void {
    if (this.#closed) throw new ClosedError('the mirror');
  }

  /** A page that goes away, or into the back-forward cache, must let go at once; one that comes back begins again. */
  #followPage(): () => void {
    const hide = () => this.#tabs.stop();
    const show = (event: PageTransitionEvent) => {
      if (event.persisted) this.#tabs.start();
    };
    addEventListener('pagehide', hide);
    addEventListener('pageshow', show);
    return () => {
      removeEventListener('pagehide', hide);
      removeEventListener('pageshow', show);
    };
  }
}

/** A browser that fails to ask has not agreed. */
async function persist(): Promise<boolean> {
  try {
    return await navigator.storage.persist();
  } catch {
    return false;
  }
}

type SendEvents = (events: EventInput | readonly EventInput[]) => Promise<StreamEvent[]>;

/** One user's hold on a stream. */
export class Stream {
  readonly name: StreamName;
  readonly #release: () => void;
  readonly #send: SendEvents;
  #closed = false;

  /** Use Mirror.stream. */
  constructor(name: StreamName, release: () => void, send: SendEvents) {
    this.name = name;
    this.#release = release;
    this.#send = send;
  }

  /** Appends one event, or several as one atomic batch. Resolves once they are durable on the server. */
  append(event: EventInput): Promise<StreamEvent>;
  append(events: readonly EventInput[]): Promise<StreamEvent[]>;
  append(events: EventInput | readonly EventInput[]): Promise<StreamEvent | StreamEvent[]>;
  async append(events: EventInput | readonly EventInput[]): Promise<StreamEvent | StreamEvent[]> {
    if (this.#closed) throw new ClosedError(`this handle of the stream ${this.name.path}`);
    const committed = await this.#send(events);
    if (isBatch(events)) return committed;
    const [event] = committed;
    if (!event) throw new MillpondError('internal', 'the append was answered without its event');
    return event;
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }
}

/** The key is made once, before the first send: sent again to another leader, the event is still appended once. */
const withKey = (event: EventInput): EventInput => ({ ...event, idempotencyKey: event.idempotencyKey ?? randomID() });

const isBatch = (events: EventInput | readonly EventInput[]): events is readonly EventInput[] => Array.isArray(events);
