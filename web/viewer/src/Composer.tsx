import { type Mirror, MillpondError, type Stream, type StreamName } from '@millpond/client';
import { type KeyboardEvent, type SyntheticEvent, useEffect, useRef, useState } from 'react';
import { parseEvents } from './compose.ts';

type State = { kind: 'idle' } | { kind: 'busy' } | { kind: 'done' } | { kind: 'failed'; message: string };

const example = '{ "type": "note", "payload": { "text": "hello" } }';

export function Composer({ mirror, name }: { mirror: Mirror; name: StreamName }) {
  const [text, setText] = useState(example);
  const [state, setState] = useState<State>({ kind: 'idle' });
  const stream = useRef<Stream>(undefined);
  useEffect(() => {
    const opened = mirror.stream(name.path, name);
    stream.current = opened;
    return () => opened.close();
  }, [mirror, name]);

  const submit = async () => {
    setState({ kind: 'busy' });
    try {
      await stream.current!.append(parseEvents(text));
      setState({ kind: 'done' });
    } catch (error) {
      const code = error instanceof MillpondError ? `${error.code}: ` : '';
      setState({ kind: 'failed', message: code + (error instanceof Error ? error.message : String(error)) });
    }
  };
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (state.kind !== 'busy') void submit();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onSubmit(event);
  };
  return (
    <form className="composer" data-testid="stream-composer" onSubmit={onSubmit}>
      <div className="composer-head">
        <label htmlFor="composer-text">Event JSON</label>
        <output className={`composer-state ${state.kind}`} data-testid="composer-state" htmlFor="composer-text" aria-live="polite">
          {describe(state)}
        </output>
        <kbd>Ctrl + Enter</kbd>
      </div>
      <textarea
        id="composer-text"
        data-testid="composer-textarea"
        rows={2}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        aria-keyshortcuts="Control+Enter"
      />
      <button type="submit" className="primary" aria-disabled={state.kind === 'busy'}>
        Append event
      </button>
    </form>
  );
}

function describe(state: State): string {
  switch (state.kind) {
    case 'idle':
      return '';
    case 'busy':
      return 'appending…';
    case 'done':
      return 'appended';
    case 'failed':
      return state.message;
  }
}
