// The JavaScript half of package opfs: sync access handles in a table, for a Go program in this worker.
//
//   const go = new Go();
//   go.importObject.opfs = opfsImports(() => instance.exports.mem.buffer);
//
// Import functions cannot wait for promises. So what opens and removes files is at globalThis.millpondOPFS,
// where the Go half finds it; there is one Go program a worker.

const FOLDER = 'millpond';
/** A file with random text, another one at each open. */
const IDENTITY = 'identity';

/**
 * Makes the import module "opfs" of a Go program.
 *
 * @param {() => ArrayBuffer} getMemory the program's memory, asked at each call: it is another buffer when it has grown
 * @returns {import('./opfs.js').OPFSImports}
 */
export function opfsImports(getMemory) {
  /** @type {(FileSystemSyncAccessHandle | null)[]} */
  const handles = [];
  const promises = { open, check, measure, remove, failure: null };
  /** @type {Map<string, string>} what the file IDENTITY of each open mirror holds */
  const identities = new Map();
  globalThis.millpondOPFS = promises;

  /**
   * Opens all of the files, or none.
   *
   * @param {string} name of the mirror
   * @param {string[]} files
   * @returns {Promise<number[]>} their places in the table
   */
  async function open(name, files) {
    const folder = await (await millpondFolder()).getDirectoryHandle(name, { create: true });
    const settled = await Promise.allSettled(files.map((file) => openFile(folder, file)));
    const refused = settled.find((s) => s.status === 'rejected');
    try {
      if (refused) throw refused.reason;
      identities.set(name, await identify(folder));
    } catch (e) {
      for (const s of settled) if (s.status === 'fulfilled') s.value.close();
      throw e;
    }
    return settled.map((s) => place(s.value));
  }

  /**
   * Fails with a NotFoundError when the folder is not the one that was opened. Handles to files of one that was cleared go on
   * reading and writing.
   *
   * @param {string} name of the mirror
   */
  async function check(name) {
    const folder = await (await millpondFolder()).getDirectoryHandle(name);
    const file = await (await folder.getFileHandle(IDENTITY)).getFile();
    if ((await file.text()) !== identities.get(name)) throw new DOMException('the files were made anew by somebody else', 'NotFoundError');
  }

  /** @param {FileSystemSyncAccessHandle} handle */
  function place(handle) {
    const free = handles.indexOf(null);
    const id = free < 0 ? handles.length : free;
    handles[id] = handle;
    return id;
  }

  /** Notes an exception for the Go half to ask for, and answers what says that there is one. */
  const failed = (e) => {
    promises.failure = { name: String(e?.name ?? 'Error'), message: String(e?.message ?? e) };
    return -1;
  };

  const options = { at: 0 }; // one object for all calls: they are many
  return {
    read(id, pointer, length, at) {
      try {
        options.at = at;
        return handles[id].read(new Uint8Array(getMemory(), pointer >>> 0, length), options);
      } catch (e) {
        return failed(e);
      }
    },
    write(id, pointer, length, at) {
      try {
        options.at = at;
        return handles[id].write(new Uint8Array(getMemory(), pointer >>> 0, length), options);
      } catch (e) {
        return failed(e);
      }
    },
    truncate(id, size) {
      try {
        handles[id].truncate(size);
        return 0;
      } catch (e) {
        return failed(e);
      }
    },
    flush(id) {
      try {
        handles[id].flush();
        return 0;
      } catch (e) {
        return failed(e);
      }
    },
    size(id) {
      try {
        return handles[id].getSize();
      } catch (e) {
        return failed(e);
      }
    },
    close(id) {
      try {
        handles[id].close();
        handles[id] = null;
        return 0;
      } catch (e) {
        return failed(e);
      }
    },
  };
}

/**
 * @param {FileSystemDirectoryHandle} folder
 * @param {string} file
 */
async function openFile(folder, file) {
  const handle = await folder.getFileHandle(file, { create: true });
  if (!handle.createSyncAccessHandle) throw new DOMException('sync access handles need a dedicated worker', 'NotSupportedError');
  return handle.createSyncAccessHandle();
}

/**
 * Writes another identity into a folder whose files are open.
 *
 * @param {FileSystemDirectoryHandle} folder
 */
async function identify(folder) {
  const identity = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-');
  const handle = await openFile(folder, IDENTITY);
  try {
    handle.truncate(0);
    handle.write(new TextEncoder().encode(identity), { at: 0 });
    handle.flush();
  } finally {
    handle.close();
  }
  return identity;
}

/** @param {string} name of the mirror */
async function remove(name) {
  try {
    await (await millpondFolder()).removeEntry(name, { recursive: true });
  } catch (e) {
    if (e?.name !== 'NotFoundError') throw e;
  }
}

/** What the browser says about the room of this site. */
async function measure() {
  const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([navigator.storage.estimate(), navigator.storage.persisted()]);
  return { usage, quota, persisted };
}

/** The folder that has a folder for each mirror. */
async function millpondFolder() {
  if (!globalThis.navigator?.storage?.getDirectory) {
    throw new DOMException('navigator.storage.getDirectory is missing: it needs a secure context (https or localhost)', 'NotSupportedError');
  }
  return (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
}
