import { answerTokenRequest } from './auth.ts';
import { EnvironmentError, type MillpondError, TimeoutError } from './errors.ts';
import { helloIntervalMs, leaderlessAfterMs } from './limits.ts';
import { Link } from './link.ts';
import { requestLock } from './lock.ts';
import { channelName, clientLockName, type Message, randomID, type StartMessage, type WasmURLs } from './messages.ts';
import { Cell } from './observable.ts';
import { Supervisor } from './supervisor.ts';
import type { Auth, Role, SQLProjection } from './types.ts';

/** What of the browser the tabs need; tests give their own. */
export interface TabsEnvironment {
  /** Undefined on pages without https: then each tab is alone, with a mirror in memory. */
  locks: LockManager | undefined;
  newChannel(name: string): Channel;
  newWorker(): Worker;
  /** Asks the browser, and so maybe its user, not to delete the site's data when room gets scarce. */
  persist(): Promise<boolean>;
}

export interface TabsOptions {
  url: string;
  name: string;
  auth?: Auth | undefined;
  maxQueryStepMs?: number | undefined;
  projections?: readonly SQLProjection[] | undefined;
  showRebuild?: boolean | undefined;
}

export type Channel = Pick<BroadcastChannel, 'postMessage' | 'close'> & {
  onmessage: ((event: MessageEvent<Message>) => void) | null;
};

export interface TabState {
  readonly role: Role;
  readonly attached: boolean;
  readonly failure: MillpondError | undefined;
}

const idle: TabState = { role: 'idle', attached: false, failure: undefined };

/**
 * The part of one tab among all tabs on a mirror. The tab that gets the lock leads: it runs the worker. All others
 * follow: they wait for the lock, and until it comes speak to the leader's worker over the channel.
 */
export class Tabs {
  readonly state = new Cell<TabState>(idle);
  readonly link = new Link((leader, text) => this.#post({ kind: 'request', leader, client: this.#client, text }));
  readonly #environment: TabsEnvironment;
  readonly #options: StartMessage['options'];
  readonly #auth: Auth | undefined;
  readonly #urls: WasmURLs;
  #client = ''; // another one at each start: the worker of a leader forgets the old one when its lock is free
  #channel: Channel | undefined;
  #supervisor: Supervisor | undefined;
  #releaseClient: (() => void) | undefined;
  #releaseLead: (() => void) | undefined;
  #asking: ReturnType<typeof setInterval> | undefined;
  #unansweredMs = 0;

  constructor(environment: TabsEnvironment, { auth, ...options }: TabsOptions, urls: WasmURLs = {}) {
    this.#environment = environment;
    this.#options = { ...options, auth: auth !== undefined };
    this.#auth = auth;
    this.#urls = urls;
  }

  start(): void {
    if (this.state.getSnapshot().role !== 'idle') return;
    const { locks } = this.#environment;
    const { name } = this.#options;
    this.#client = randomID();
    this.#set({ ...idle, role: 'electing' });
    if (!locks) {
      this.#lead();
      return;
    }
    this.#channel = this.#environment.newChannel(channelName(name));
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    const failed = (error: EnvironmentError) => this.#lockFailed(error);
    // This tab's own lock first: a leader that has heard of the tab waits for it to be free.
    this.#releaseClient = requestLock(locks, clientLockName(name, this.#client), { held: () => this.#ask(), failed });
    this.#releaseLead = requestLock(locks, channelName(name), { held: () => this.#lead(), failed });
  }

  /** Stops leading or following at once: nothing of this tab keeps another from leading. What is open stays so for the next start. */
  stop(): void {
    clearInterval(this.#asking);
    this.#supervisor?.stop();
    this.#supervisor = undefined;
    this.link.detach();
    this.#channel?.postMessage({ kind: 'bye', client: this.#client });
    this.#channel?.close();
    this.#channel = undefined;
    this.#releaseLead?.();
    this.#releaseClient?.();
    this.state.set(idle);
  }

  #lead(): void {
    clearInterval(this.#asking);
    this.link.detach();
    this.#set({ role: 'leader', attached: false, failure: undefined });
    const start = { client: this.#client, options: this.#options, urls: this.#urls };
    this.#supervisor = new Supervisor(() => this.#environment.newWorker(), start, {
      starting: (leader) => this.#channel?.postMessage({ kind: 'starting', leader }),
      message: (message) => this.#answered(message),
      getToken: (request) => answerTokenRequest(this.#auth, request),
      persist: async () => ({ kind: 'persist', granted: await this.#environment.persist() }),
      ended: (error, final) => this.#workerEnded(error, final),
    });
    this.#supervisor.start();
  }

  #workerEnded(error: MillpondError, final: boolean): void {
    this.link.detach();
    this.#set({ attached: false, failure: error });
    if (!final) return;
    // Another tab may be luckier.
    this.link.break(error);
    this.#follow();
    this.#releaseLead?.();
  }

  #lockFailed(error: EnvironmentError): void {
    this.#supervisor?.stop(); // the lock may be another's now
    this.link.detach();
    this.#set({ attached: false, failure: error });
    this.#follow();
  }

  #follow(): void {
    this.#supervisor = undefined;
    this.#set({ role: 'follower' });
    this.#ask();
  }

  /** Asks who leads, again and again while there is a reason to doubt that anybody does. */
  #ask(): void {
    if (this.#supervisor || !this.#channel) return;
    const hello: Message = { kind: 'hello', client: this.#client };
    this.#unansweredMs = 0;
    this.#post(hello);
    clearInterval(this.#asking);
    this.#asking = setInterval(() => {
      if (this.link.leader !== undefined && this.link.pending === 0) return;
      this.#unansweredMs += helloIntervalMs;
      if (this.#unansweredMs >= leaderlessAfterMs) this.#leaderless();
      this.#post(hello);
    }, helloIntervalMs);
  }

  #leaderless(): void {
    this.link.detach();
    const { failure } = this.state.getSnapshot();
    const message = 'no tab that holds the mirror answers; asking on';
    this.#set({ role: 'follower', attached: false, failure: failure ?? new TimeoutError('no_leader', message) });
  }

  /** What comes over the channel. A leader hears only itself there. */
  #heard(message: Message): void {
    if (this.#supervisor) return;
    if (message.kind === 'starting') {
      this.link.detach();
      this.#unansweredMs = 0;
      this.#set({ role: 'follower', attached: false });
    } else if (message.kind === 'leading') {
      this.#set({ role: 'follower' });
      this.#answered(message);
    } else if (message.kind === 'answer' && (message.client === this.#client || message.client === '')) {
      this.#answered(message);
    }
  }

  /** What a worker says, be it over the channel or directly. */
  #answered(message: Message): void {
    this.#unansweredMs = 0;
    if (message.kind === 'answer') this.link.receive(message.leader, message.text);
    if (message.kind !== 'leading') return;
    this.link.attach(message.leader);
    this.#set({ attached: true, failure: undefined });
  }

  #post(message: Message): void {
    if (this.#supervisor) this.#supervisor.post(message);
    else this.#channel?.postMessage(message);
  }

  #set(change: Partial<TabState>): void {
    this.state.set({ ...this.state.getSnapshot(), ...change });
  }
}
