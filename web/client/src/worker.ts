// The worker's script: loads the mirror's program (Go, as WebAssembly) and hands messages between it and the tabs: its
// own by postMessage, all others over the BroadcastChannel.

import '../wasm/wasm_exec.js';
import { opfsImports } from '../../../mirror/opfs/opfs.js';
import { instantiateSQLite } from '../../../mirror/sqlite/linked/linked.js';
import { channelName, clientLockName, type FatalMessage, type Message, type PersistMessage, type PersistRequest, type StartMessage, type TokenMessage, type TokenRequest } from './messages.ts';
import { captureOutput, lastErrorLines } from './output.ts';
import { compile, instantiate, run as runProgram } from './program.ts';

/** What this script and the Go program know of each other: wasm/worker/worker_js.go. */
interface Host {
  readonly options: string; // JSON: url, name, auth, maxQueryStepMs, projections
  ready(): void;
  answer(client: string, text: string): void; // client "": every tab
  fatal(message: string, code?: FatalMessage['code']): void;
  getToken(id: number, fresh: boolean): void; // answered by gotToken
  askToPersist(): void; // answered by persistAnswered, or not
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string): void;
  // set by the program; they return at once
  request?(client: string, text: string): void;
  leave?(client: string): void;
  online?(): void;
  persistAnswered?(granted: boolean): void;
  gotToken?(id: number, token: string, code: string, message: string): void; // code "": there is one
}

declare global {
  var millpondHost: Host;
}

const tab = {
  post(message: Message | FatalMessage | TokenRequest | PersistRequest): void {
    self.postMessage(message);
  },
};

// The channel has no part in this: tokens come from the own tab only.
let receive: ((message: Message) => void) | undefined;
self.onmessage = ({ data }: MessageEvent<StartMessage | TokenMessage | PersistMessage | Message>) => {
  if (data.kind === 'token') millpondHost.gotToken?.(data.id, data.token, data.error?.code ?? '', data.error?.message ?? '');
  else if (data.kind === 'persist') millpondHost.persistAnswered?.(data.granted);
  else if (data.kind !== 'start') receive?.(data);
  else {
    captureOutput();
    run(data).catch((error: unknown) => tab.post(fatalOf(error)));
  }
};

async function run({ leader, client: owner, options, urls }: StartMessage): Promise<void> {
  const locks = navigator.locks as LockManager | undefined;
  const channel = locks && new BroadcastChannel(channelName(options.name));
  const clients = new Set([owner]);
  const post = (message: Message) => channel?.postMessage(message);

  const know = (client: string) => {
    if (clients.has(client)) return;
    clients.add(client);
    // Free when the tab is gone, however it went.
    void locks?.request(clientLockName(options.name, client), () => leave(client));
  };
  const leave = (client: string) => {
    if (clients.delete(client)) millpondHost.leave?.(client);
  };
  const take = (message: Message) => {
    if (message.kind === 'bye') leave(message.client);
    if (message.kind === 'hello' || (message.kind === 'request' && message.leader === leader)) know(message.client);
    if (message.kind === 'hello') post({ kind: 'leading', leader });
    if (message.kind === 'request' && message.leader === leader) millpondHost.request?.(message.client, message.text);
  };

  globalThis.millpondHost = {
    options: JSON.stringify(options),
    ready: () => {
      receive = take;
      if (channel) channel.onmessage = ({ data }: MessageEvent<Message>) => take(data);
      self.addEventListener('online', () => millpondHost.online?.());
      tab.post({ kind: 'leading', leader });
      post({ kind: 'leading', leader });
    },
    answer: (client, text) => {
      const message: Message = { kind: 'answer', leader, client, text };
      if (client === owner || client === '') tab.post(message);
      if (client !== owner) post(message);
    },
    fatal: (message, code = 'worker_crashed') => tab.post({ kind: 'fatal', code, message }),
    getToken: (id, fresh) => tab.post({ kind: 'get-token', id, fresh }),
    askToPersist: () => tab.post({ kind: 'ask-to-persist' }),
    log: (level, text) => console[level](`millpond: ${text}`),
  };

  const go = new Go();
  go.importObject.opfs = opfsImports(() => memory());
  const [program, sqliteModule] = await Promise.all([
    compile(urls.program ?? new URL('../wasm/millpond.wasm', import.meta.url).href),
    compile(urls.sqlite ?? new URL('../../../mirror/sqlite/linked/sqlite.wasm', import.meta.url).href),
  ]);
  const sqlite = await instantiateSQLite(sqliteModule, go.importObject);
  const instance = await instantiate(program, go.importObject);
  const memory = () => (instance.exports.mem as WebAssembly.Memory).buffer;
  sqlite.link(instance);
  await runProgram(go, instance);
  throw new Error(`the mirror's program has ended: ${lastErrorLines() || 'it does not say why'}`);
}

function fatalOf(error: unknown): FatalMessage {
  const code = (error as { code?: FatalMessage['code'] } | null)?.code ?? 'worker_crashed';
  return { kind: 'fatal', code, message: error instanceof Error ? error.message : String(error) };
}
