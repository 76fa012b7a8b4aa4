import type { Mirror, StreamName } from '@millpond/client';
import { useEffect, useMemo } from 'react';
import { Composer } from './Composer.tsx';
import { EventList } from './EventList.tsx';
import { Header } from './Header.tsx';
import { Notices } from './Notices.tsx';
import { NoEvents } from './NoEvents.tsx';
import { noHead, readHead, streamHead } from './events.ts';
import { useObservable } from './useObservable.ts';

export function StreamPage({ mirror, name }: { mirror: Mirror; name: StreamName }) {
  useEffect(() => {
    const stream = mirror.stream(name.path, name);
    return () => stream.close();
  }, [mirror, name]);
  const live = useMemo(() => streamHead(mirror, name), [mirror, name]);
  const { result, error } = useObservable(live);
  const head = useMemo(() => (result ? readHead(result) : noHead), [result]);
  useEffect(() => {
    document.title = `${name.path} · Millpond`;
  }, [name.path]);
  return (
    <div className="page">
      <Header mirror={mirror} name={name} count={result && head.count} />
      <Notices mirror={mirror} name={name} error={error} />
      {head.count > 0 ? (
        <EventList key={head.key} mirror={mirror} head={head} />
      ) : (
        <NoEvents mirror={mirror} name={name} known={result !== undefined} />
      )}
      <Composer mirror={mirror} name={name} />
    </div>
  );
}
