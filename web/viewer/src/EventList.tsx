import type { Mirror } from '@millpond/client';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import { EventRow } from './EventRow.tsx';
import { type Head, readSummaries } from './events.ts';
import { EventWindow } from './eventWindow.ts';
import { formatNumber } from './format.ts';
import { useTail } from './useTail.ts';
import { useObservable } from './useObservable.ts';

const estimatedRowPixels = 37;
const rowsBeyondView = 12;

/** The events of one copy of a stream. Only the visible ones, and a few around them, are read and drawn. */
export function EventList({ mirror, head }: { mirror: Mirror; head: Head }) {
  const { stream, count } = head;
  const scroller = useRef<HTMLDivElement>(null);
  const [expanded, setExpanded] = useState<ReadonlySet<number>>(new Set());
  const events = useMemo(() => new EventWindow((first, last) => readSummaries(mirror, stream, first, last)), [mirror, stream]);
  useObservable(events);

  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => estimatedRowPixels,
    overscan: rowsBeyondView,
    useFlushSync: false,
  });
  const rows = virtualizer.getVirtualItems();
  const height = virtualizer.getTotalSize();
  const tail = useTail(scroller, count, height);

  const first = rows[0]?.index ?? 0;
  const last = rows.at(-1)?.index ?? -1;
  useLayoutEffect(() => events.show(first, last, count), [events, first, last, count]);

  const toggle = (offset: number) => {
    const next = new Set(expanded);
    if (!next.delete(offset)) next.add(offset);
    setExpanded(next);
  };
  return (
    <main className="list">
      <div ref={scroller} className="scroller" data-testid="stream-events" tabIndex={0} role="feed" aria-label="Events" onScroll={tail.onScroll}>
        <div className="rows" style={{ height }}>
          {rows.map(({ index, start }) => (
            <div
              key={index}
              ref={virtualizer.measureElement}
              data-testid="virtual-row"
              data-index={index}
              className="virtual-row"
              style={{ transform: `translateY(${start}px)` }}
            >
              <EventRow
                mirror={mirror}
                stream={stream}
                offset={index + 1}
                count={count}
                event={events.row(index)}
                expanded={expanded.has(index + 1)}
                onToggle={toggle}
              />
            </div>
          ))}
        </div>
      </div>
      {!tail.following && (
        <button type="button" className="to-tail" onClick={tail.go}>
          Scroll to bottom{tail.missed > 0 && `, ${formatNumber(tail.missed)} new event${tail.missed === 1 ? '' : 's'}`}
        </button>
      )}
    </main>
  );
}
