import { type Mirror, openMirror } from '@millpond/client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { registerServiceWorker } from './release.ts';
import './styles.css';

declare global {
  interface Window {
    /** The mirror, for people at the console: await millpond.query('SELECT count(*) FROM events'). */
    millpond: Mirror;
    /** Opens another one, for them too. */
    openMirror: typeof openMirror;
  }
}

window.openMirror = openMirror;
window.millpond = openMirror();
registerServiceWorker();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App mirror={window.millpond} />
  </StrictMode>,
);
