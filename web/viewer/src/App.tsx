import { checkName, defaultNamespace, type Mirror, type StreamName } from '@millpond/client';
import { useEffect, useMemo } from 'react';
import { Header } from './Header.tsx';
import { InvalidName } from './InvalidName.tsx';
import { address, goTo, nameOf } from './route.ts';
import { StreamPage } from './StreamPage.tsx';
import { useObservable } from './useObservable.ts';

const root: StreamName = { namespace: defaultNamespace, path: '/' };

export function App({ mirror }: { mirror: Mirror }) {
  const href = useObservable(address);
  const name = useMemo(() => nameOf(new URL(href)), [href]);
  const elsewhere = name === undefined;
  useEffect(() => {
    if (elsewhere) goTo(root, { replace: true });
  }, [elsewhere]);
  if (!name) return null;
  const fault = checkName(name);
  if (fault) {
    return (
      <div className="page">
        <Header mirror={mirror} name={name} />
        <InvalidName name={name} field={fault.field} message={fault.message} />
      </div>
    );
  }
  return <StreamPage key={`${name.namespace}:${name.path}`} mirror={mirror} name={name} />;
}
