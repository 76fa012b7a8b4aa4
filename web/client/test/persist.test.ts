import { expect, test } from 'vitest';
import { FakeBrowser, settle } from './fakes.ts';

// B14: a worker cannot ask for persistence, so its own tab does, and brings the answer.
test('the tab that leads asks to have the data kept', async () => {
  const browser = new FakeBrowser();
  browser.tab();
  browser.tab();
  await settle();
  for (const granted of [true, false]) {
    browser.persist = () => Promise.resolve(granted);
    browser.worker.askToPersist();
    await settle();
    expect(browser.worker.persisted.pop()).toBe(granted);
  }
  expect(browser.hub.log.filter(({ kind }) => (kind as string).includes('persist'))).toEqual([]);
});

// Firefox asks its user, who may never answer.
test('an answer that never comes, or comes too late, does no harm', async () => {
  const browser = new FakeBrowser();
  const tabs = browser.tab();
  await settle();
  let answer: ((granted: boolean) => void) | undefined;
  browser.persist = () => new Promise((resolve) => (answer = resolve));
  const worker = browser.worker;
  worker.askToPersist();
  await settle();
  tabs.stop();
  answer?.(true);
  await settle();
  expect(worker.persisted).toEqual([]);
});
