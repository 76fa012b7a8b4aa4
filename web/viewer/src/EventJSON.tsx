import type { Mirror } from '@millpond/client';
import { useEffect, useState } from 'react';
import { readEventText } from './events.ts';
import { formatJSON } from './format.ts';

export function EventJSON({ id, mirror, stream, offset }: { id: string; mirror: Mirror; stream: number; offset: number }) {
  const [text, setText] = useState<string>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    let gone = false;
    readEventText(mirror, stream, offset).then(
      (read) => !gone && setText(formatJSON(read)),
      (reason: unknown) => !gone && setError(reason instanceof Error ? reason.message : String(reason)),
    );
    return () => {
      gone = true;
    };
  }, [mirror, stream, offset]);
  return (
    <div id={id} className="event-json">
      {error !== undefined ? (
        <p className="error">{error}</p>
      ) : (
        <pre data-testid="event-json" tabIndex={0} aria-label={`Event ${offset} as JSON`}>
          {text ?? ' '}
        </pre>
      )}
      {text !== undefined && <CopyButton text={text} />}
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [label, setLabel] = useState('Copy');
  // Pages without https have no clipboard.
  if (!('clipboard' in navigator)) return null;
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setLabel('Copied'),
      () => setLabel('Not allowed'),
    );
  };
  return (
    <button type="button" className="quiet copy" onClick={copy}>
      {label}
    </button>
  );
}
