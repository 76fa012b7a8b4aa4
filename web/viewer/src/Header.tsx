import type { Mirror, MirrorStatus, StreamName } from '@millpond/client';
import { formatNumber } from './format.ts';
import iconURL from './icon.svg';
import { StreamForm } from './StreamForm.tsx';
import { useObservable } from './useObservable.ts';

export function Header({ mirror, name, count }: { mirror: Mirror; name: StreamName; count?: number | undefined }) {
  const status = useObservable(mirror.status);
  const word = statusWord(status, name);
  return (
    <header className="header">
      <a className="brand" href="/streams/" aria-label="Millpond: go to streams">
        <img src={iconURL} alt="" width="24" height="24" />
        <span>Millpond</span>
      </a>
      <StreamForm key={`${name.namespace}:${name.path}`} name={name} />
      <div className="facts">
        <span className={`status ${tone[word]}`} role="status" data-testid="stream-status" title={explain(status, name)}>
          {word}
        </span>
        <span data-testid="subscription-status" title={roleTitle[status.role]}>
          {status.role}
        </span>
        <span>
          <b data-testid="event-count">{count === undefined ? '–' : formatNumber(count)}</b> {count === 1 ? 'event' : 'events'}
        </span>
      </div>
    </header>
  );
}

type Word = 'connecting' | 'reconnecting' | 'subscribing' | 'subscribed' | 'rebuilding' | 'failed' | 'stopped' | 'offline' | 'connected';

const tone: Record<Word, 'good' | 'busy' | 'bad'> = {
  connecting: 'busy',
  connected: 'busy',
  subscribing: 'busy',
  rebuilding: 'busy',
  reconnecting: 'bad',
  offline: 'bad',
  failed: 'bad',
  stopped: 'bad',
  subscribed: 'good',
};

const roleTitle: Record<MirrorStatus['role'], string> = {
  idle: 'This tab does nothing',
  electing: 'This tab asks who holds the mirror',
  leader: 'This tab holds the mirror; other tabs use it through this one',
  follower: 'Another tab holds the mirror; this one uses it through that one',
};

/** The connection and the stream in one word: the one that says most. */
function statusWord(status: MirrorStatus, name: StreamName): Word {
  if (status.failure) return 'failed';
  if (!status.attached) return 'connecting';
  if (status.connection === 'closed') return 'stopped';
  if (status.connection !== 'connected') return status.connection;
  return streamOf(status, name)?.state ?? 'connected';
}

function explain(status: MirrorStatus, name: StreamName): string | undefined {
  return (status.failure ?? streamOf(status, name)?.lastError ?? status.lastError)?.message;
}

const streamOf = (status: MirrorStatus, { namespace, path }: StreamName) =>
  status.streams.find((stream) => stream.namespace === namespace && stream.path === path);
