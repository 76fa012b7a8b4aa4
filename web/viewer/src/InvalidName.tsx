import { defaultNamespace, type StreamName } from '@millpond/client';
import { addressOf } from './route.ts';

export function InvalidName({ name, field, message }: { name: StreamName; field: 'namespace' | 'path'; message: string }) {
  return (
    <main className="empty" role="alert" data-testid="stream-warning">
      <h1>Not a stream’s {field}</h1>
      <p>
        <code>{name[field] || '(empty)'}</code>
      </p>
      <p>{message}</p>
      <p>
        <a href={addressOf({ namespace: defaultNamespace, path: '/' })}>Go to streams</a>
      </p>
    </main>
  );
}
