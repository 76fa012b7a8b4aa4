import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

/** As near to the end counts as there: fractions of a pixel, and a row's border. */
const nearPixels = 24;

/**
 * Follows the end of a list that grows: from the start, and again whenever the reader comes back to the end. A reader of
 * history is left in peace, and told how many rows were missed.
 */
export function useTail(scroller: RefObject<HTMLElement | null>, count: number, height: number) {
  const [leftAt, setLeftAt] = useState<number>(); // the count when the reader left the end
  const following = leftAt === undefined;
  const lastTop = useRef(0);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (following) element?.scrollTo(0, element.scrollHeight);
  }, [scroller, following, count, height]);

  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!;
    // Only going up leaves the end: rows that come below do not.
    const up = scrollTop < lastTop.current;
    lastTop.current = scrollTop;
    const there = scrollHeight - clientHeight - scrollTop <= nearPixels;
    if (there) setLeftAt(undefined);
    else if (up) setLeftAt((at) => at ?? count);
  };
  return { following, missed: following ? 0 : count - leftAt, onScroll, go: () => setLeftAt(undefined) };
}
