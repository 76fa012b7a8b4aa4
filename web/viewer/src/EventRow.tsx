import type { Mirror } from '@millpond/client';
import { EventJSON } from './EventJSON.tsx';
import type { EventSummary } from './events.ts';
import { formatNumber, formatTime } from './format.ts';

interface Props {
  mirror: Mirror;
  stream: number;
  offset: number;
  count: number;
  /** Undefined until it is read. */
  event: EventSummary | undefined;
  expanded: boolean;
  onToggle: (offset: number) => void;
}

export function EventRow({ mirror, stream, offset, count, event, expanded, onToggle }: Props) {
  const details = `event-${offset}`;
  return (
    <article className="event" data-testid="event-row" aria-posinset={offset} aria-setsize={count} aria-busy={!event}>
      <button
        type="button"
        className="event-meta"
        data-testid="event-meta"
        data-event-offset={offset}
        aria-expanded={expanded}
        aria-controls={expanded ? details : undefined}
        onClick={() => onToggle(offset)}
      >
        <span className="offset">{formatNumber(offset)}</span>
        <span className={event?.type.startsWith('stream/') ? 'type system' : 'type'}>{event?.type}</span>
        <span className="preview">{event?.preview}</span>
        {event && (
          <time className="time" dateTime={event.createdAt.toISOString()} title={event.createdAt.toISOString()}>
            {formatTime(event.createdAt)}
          </time>
        )}
      </button>
      {expanded && <EventJSON id={details} mirror={mirror} stream={stream} offset={offset} />}
    </article>
  );
}
