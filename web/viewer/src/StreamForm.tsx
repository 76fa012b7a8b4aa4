import { checkName, defaultNamespace, type StreamName } from '@millpond/client';
import { type SubmitEvent, useState } from 'react';
import { goTo } from './route.ts';

/** Where the reader is, and the way to another stream: a path, or namespace:path. */
export function StreamForm({ name }: { name: StreamName }) {
  const [text, setText] = useState(name.namespace === defaultNamespace ? name.path : `${name.namespace}:${name.path}`);
  const [error, setError] = useState<string>();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const next = parseName(text.trim());
    const fault = checkName(next);
    setError(fault?.message);
    if (!fault) goTo(next);
  };
  return (
    <form className="stream-form" onSubmit={submit} role="search" aria-label="Stream">
      <input
        aria-label="Stream path"
        aria-invalid={error !== undefined}
        aria-describedby={error === undefined ? undefined : 'stream-form-error'}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setError(undefined);
        }}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        enterKeyHint="go"
      />
      <button type="submit" aria-label="Go to stream">
        Go
      </button>
      {error !== undefined && (
        <p id="stream-form-error" className="hint error" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}

/** A path may lack its first slash: nobody means anything else. */
function parseName(text: string): StreamName {
  const colon = text.indexOf(':');
  const namespace = colon < 0 ? defaultNamespace : text.slice(0, colon);
  const path = text.slice(colon + 1);
  return { namespace, path: path.startsWith('/') ? path : `/${path}` };
}
