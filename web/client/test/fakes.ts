// A browser with several tabs, in one process: locks, channels and workers that do what the real ones do, in an order
// that a test decides. Messages are copied, and delivered in microtasks.

import type { FatalMessage, Message, PersistMessage, PersistRequest, Request, StartMessage, TokenMessage, TokenRequest } from '../src/messages.ts';
import { clientLockName } from '../src/messages.ts';
import { Tabs } from '../src/tabs.ts';
import type { Auth } from '../src/types.ts';

/** Web Locks of one origin: exclusive, first come first served. */
export class FakeLocks {
  readonly #queues = new Map<string, (() => void)[]>();
  refuse: Error | undefined;

  request(name: string, ...rest: unknown[]): Promise<unknown> {
    if (this.refuse) return Promise.reject(this.refuse);
    const callback = rest.pop() as () => unknown;
    const { signal } = (rest[0] ?? {}) as { signal?: AbortSignal };
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      let held = false;
      const grant = () => {
        held = true;
        const leave = () => this.#leave(queue, grant);
        void Promise.resolve(callback()).then(resolve, reject).finally(leave);
      };
      signal?.addEventListener('abort', () => {
        if (held) return; // as in browsers: too late
        this.#leave(queue, grant);
        reject(new DOMException('aborted', 'AbortError'));
      });
      queue.push(grant);
      if (queue.length === 1) queueMicrotask(() => queue[0] === grant && grant());
    });
  }

  waiting(name: string): number {
    return this.#queues.get(name)?.length ?? 0;
  }

  #leave(queue: (() => void)[], grant: () => void): void {
    const first = queue[0] === grant;
    queue.splice(queue.indexOf(grant), 1);
    if (first) queue[0]?.();
  }
}

type Listener = ((event: MessageEvent<Message>) => void) | null;

/** BroadcastChannels of one name. */
export class FakeHub {
  readonly #channels = new Set<FakeChannel>();
  /** All that was sent. */
  readonly log: Message[] = [];

  open(): FakeChannel {
    const channel = new FakeChannel((message) => {
      this.log.push(message);
      const others = [...this.#channels].filter((other) => other !== channel);
      queueMicrotask(() => others.forEach((other) => this.#channels.has(other) && other.onmessage?.({ data: message } as MessageEvent<Message>)));
    }, () => this.#channels.delete(channel));
    this.#channels.add(channel);
    return channel;
  }
}

export class FakeChannel {
  onmessage: Listener = null;
  readonly #post: (message: Message) => void;
  readonly close: () => void;

  constructor(post: (message: Message) => void, close: () => void) {
    this.#post = post;
    this.close = close;
  }

  postMessage(message: Message): void {
    this.#post(structuredClone(message));
  }
}

/** A worker with a mirror that answers what a test tells it to. It speaks as worker.ts does. */
export class FakeWorker {
  onmessage: ((event: MessageEvent<Message | FatalMessage | TokenRequest>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly requests: { client: string; request: Request }[] = [];
  readonly left: string[] = [];
  readonly tokens: TokenMessage[] = [];
  /** What was answered to askToPersist. */
  readonly persisted: boolean[] = [];
  auth = false;
  leader = '';
  owner = '';
  terminated = false;
  readonly #browser: FakeBrowser;
  readonly #channel: FakeChannel;
  readonly #clients = new Set<string>();

  constructor(browser: FakeBrowser) {
    this.#browser = browser;
    this.#channel = browser.hub.open();
  }

  postMessage(message: Message | StartMessage | TokenMessage | PersistMessage): void {
    const copy = structuredClone(message);
    queueMicrotask(() => this.#receive(copy));
  }

  terminate(): void {
    this.terminated = true;
    this.#channel.close();
  }

  /** Does what worker.ts does once the mirror is open. */
  ready(): void {
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    this.#toTab({ kind: 'leading', leader: this.leader });
    this.#channel.postMessage({ kind: 'leading', leader: this.leader });
  }

  answer(client: string, answer: object): void {
    const message: Message = { kind: 'answer', leader: this.leader, client, text: JSON.stringify(answer) };
    if (client === this.owner || client === '') this.#toTab(message);
    if (client !== this.owner) this.#channel.postMessage(message);
  }

  /** Asks for a token. */
  ask(id: number, fresh = false): void {
    this.#toTab({ kind: 'get-token', id, fresh });
  }

  /** Asks to have its data kept. */
  askToPersist(): void {
    this.#toTab({ kind: 'ask-to-persist' });
  }

  die(code: FatalMessage['code'] = 'worker_crashed'): void {
    this.#toTab({ kind: 'fatal', code, message: 'panic: told to' });
  }

  /** The methods that came, in order. */
  methods(): string[] {
    return this.requests.map(({ request }) => request.method);
  }

  #receive(message: Message | StartMessage | TokenMessage | PersistMessage): void {
    if (this.terminated) return;
    if (message.kind === 'token') this.tokens.push(message);
    if (message.kind === 'persist') this.persisted.push(message.granted);
    if (message.kind === 'start') {
      this.auth = message.options.auth;
      this.leader = message.leader;
      this.owner = message.client;
      this.#clients.add(this.owner);
      if (this.#browser.readyAtOnce) this.ready();
    } else if (message.kind === 'hello') {
      this.#know(message.client);
      this.#channel.postMessage({ kind: 'leading', leader: this.leader });
    } else if (message.kind === 'request' && message.leader === this.leader) {
      this.#know(message.client);
      this.requests.push({ client: message.client, request: JSON.parse(message.text) as Request });
      this.#browser.serve?.(this, message.client, JSON.parse(message.text) as Request);
    }
  }

  #know(client: string): void {
    if (this.#clients.has(client)) return;
    this.#clients.add(client);
    void this.#browser.locks.request(clientLockName('db', client), () => this.left.push(client));
  }

  #toTab(message: Message | FatalMessage | TokenRequest | PersistRequest): void {
    queueMicrotask(() => !this.terminated && this.onmessage?.({ data: structuredClone(message) } as MessageEvent<Message>));
  }
}

export class FakeBrowser {
  readonly locks = new FakeLocks();
  readonly hub = new FakeHub();
  readonly workers: FakeWorker[] = [];
  readyAtOnce = true;
  workerFails: Error | undefined;
  persist = (): Promise<boolean> => Promise.resolve(true);
  serve: ((worker: FakeWorker, client: string, request: Request) => void) | undefined;

  /** The worker that runs now. */
  get worker(): FakeWorker {
    const [worker, second] = this.workers.filter((worker) => !worker.terminated);
    if (!worker || second) throw new Error(`${worker ? 'more than one' : 'no'} worker runs`);
    return worker;
  }

  tab({ withLocks = true, auth }: { withLocks?: boolean; auth?: Auth | undefined } = {}): Tabs {
    const tabs = new Tabs(
      {
        locks: withLocks ? (this.locks as unknown as LockManager) : undefined,
        newChannel: () => this.hub.open(),
        newWorker: () => {
          if (this.workerFails) throw this.workerFails;
          const worker = new FakeWorker(this);
          this.workers.push(worker);
          return worker as unknown as Worker;
        },
        persist: () => this.persist(),
      },
      { url: 'http://server', name: 'db', auth },
    );
    tabs.start();
    return tabs;
  }
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
