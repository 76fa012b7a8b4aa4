import type { Mirror, StreamName } from '@millpond/client';
import { useObservable } from './useObservable.ts';

/** In place of the list while there is nothing to list: why, and what to do. */
export function NoEvents({ mirror, name, known }: { mirror: Mirror; name: StreamName; known: boolean }) {
  const status = useObservable(mirror.status);
  const { title, text } = explain(status, known);
  const url = `${location.origin}/api/streams/${name.namespace}${name.path}`;
  return (
    <main className="empty" data-testid="stream-events">
      <h1>{title}</h1>
      <p>{text}</p>
      {status.connection === 'connected' && <pre>{`curl -d '{"type":"note","payload":{"text":"hello"}}' \\\n  ${url}`}</pre>}
    </main>
  );
}

function explain(status: MirrorStatus, known: boolean): { title: string; text: string } {
  if (status.failure) return { title: 'Nothing to show', text: 'The notice above says why.' };
  if (!status.attached && status.role === 'follower') {
    return { title: 'Waiting for another tab', text: 'Another tab of this page holds the mirror and has not answered yet.' };
  }
  if (!status.attached) return { title: 'Starting', text: 'The mirror is being opened.' };
  if (status.connection !== 'connected') {
    return { title: 'No copy of this stream yet', text: 'It was never read in this browser, and the server does not answer.' };
  }
  if (!known) return { title: 'Reading', text: 'The first events are on their way.' };
  return { title: 'No events yet', text: 'Append one below, or from a terminal:' };
}

type MirrorStatus = ReturnType<Mirror['status']['getSnapshot']>;
