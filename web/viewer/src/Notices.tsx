import type { Mirror, MillpondError, MirrorStatus, StreamName } from '@millpond/client';
import type { ReactNode } from 'react';
import { applyUpdate, updateReady } from './release.ts';
import { useObservable } from './useObservable.ts';

/** What the reader should know, most serious first. */
export function Notices({ mirror, name, error }: { mirror: Mirror; name: StreamName; error: MillpondError | undefined }) {
  const status = useObservable(mirror.status);
  const update = useObservable(updateReady);
  const stream = status.streams.find((s) => s.namespace === name.namespace && s.path === name.path);
  return (
    <div className="notices">
      {status.failure && (
        <Notice tone="bad" title="The mirror does not work here" action={<Retry mirror={mirror} />}>
          {sentence(status.failure.message)}
        </Notice>
      )}
      {error && (
        <Notice tone="bad" title="The events cannot be read">
          {sentence(error.message)}
        </Notice>
      )}
      {stream?.state === 'failed' && (
        <Notice tone="bad" title="This stream is not followed" action={<Retry mirror={mirror} />}>
          {sentence(stream.lastError?.message)}
        </Notice>
      )}
      {stream?.stale && (
        <Notice tone="warn" title="This stream was reset">
          What is shown is from before, until the new events are here{stream.rebuild ? ` (${stream.rebuild.offset} of ${stream.rebuild.target})` : ''}.
        </Notice>
      )}
      {!status.failure && <ConnectionNotice mirror={mirror} status={status} />}
      {status.storage === 'memory' && (
        <Notice tone="warn" title="Kept in memory only">
          The copy is gone when the last tab closes. {sentence(status.storageError?.message)}
        </Notice>
      )}
      {status.storage !== 'memory' && status.storageError && (
        <Notice tone={status.storageError.action === 'refill' || status.storageError.code === 'storage_low' ? 'warn' : 'bad'} title={status.storageError.code === 'storage_low' ? 'Little room is left' : storageTitle[status.storageError.action]}>
          {sentence(status.storageError.message)}
        </Notice>
      )}
      {!!status.appendsLost && (
        <Notice tone="bad" title={`${status.appendsLost} events that were written here are lost`}>
          The browser&rsquo;s database was damaged before they were sent. Look at the stream, and write them again.
        </Notice>
      )}
      {update && (
        <Notice
          tone="info"
          title="A new version of this page is ready"
          action={
            <button type="button" onClick={applyUpdate}>
              Reload
            </button>
          }
        />
      )}
    </div>
  );
}

function ConnectionNotice({ mirror, status }: { mirror: Mirror; status: MirrorStatus }) {
  if (status.connection === 'reconnecting') {
    return (
      <Notice tone="warn" title="No connection to the server" action={<Retry mirror={mirror} />}>
        What is here stays readable; it connects again by itself. {sentence(status.lastError?.message)}
      </Notice>
    );
  }
  if (status.connection === 'stopped') {
    return (
      <Notice tone="bad" title="Not connected, and not trying to" action={<Retry mirror={mirror} />}>
        {sentence(status.lastError?.message)}
      </Notice>
    );
  }
  return null;
}

function Retry({ mirror }: { mirror: Mirror }) {
  return (
    <button type="button" onClick={() => void mirror.reconnect().catch(() => undefined) /* the status says why */}>
      Try now
    </button>
  );
}

const storageTitle = {
  'free-space': 'No room is left for new events',
  retry: 'New events cannot be stored',
  refill: 'The copy was built anew',
  'open-again': 'Kept in memory only',
} as const;

/** Messages are written to follow others: alone they are sentences. */
function sentence(message = ''): string {
  return message && message.charAt(0).toUpperCase() + message.slice(1).replace(/[.!?]?$/, '.');
}

interface NoticeProps {
  tone: 'bad' | 'warn' | 'info';
  title: string;
  action?: ReactNode;
  children?: ReactNode;
}

function Notice({ tone, title, action, children }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'} data-testid="stream-warning">
      <p>
        <b>{title}.</b> {children}
      </p>
      {action}
    </div>
  );
}
