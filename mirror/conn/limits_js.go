package conn

// maxQueuedBytes bounds what a browser has received and the mirror has not taken: more than all credit there can be.
const maxQueuedBytes = 64 << 20
