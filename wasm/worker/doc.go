// Package worker is the mirror's program in the browser: it runs in a dedicated worker, owns a mirror there, and serves the tabs
// through the object millpondHost, which web/client/src/worker.ts makes and describes.
//
// A program of one's own is a main that calls Main with its projections: see ../example and docs/projections.md.
package worker
