/*
 * All that crosses the border between threads. Messages are flat arrays, because the engine copies an array of a hundred
 * entries several times faster than ten objects of ten; the first entry says what kind it is. Both sides count the messages
 * that they have sent and received, those that could not be read included: a message is named by its number.
 */

/** From the main thread to a worker. */
export const ToWorker = {
  /** run, its id as events tell it, who may run which task ({@link Claim}), whether its tasks may have headers, then for each function: its number, how it is found ({@link FunctionReference}), two texts. */
  functions: 0,
  /** run, then for each task: id, token, function, flags ({@link TaskFlags}), with a context its name, the attempt and how long it may take (ms, or 0), with headers their number and each one's name and value, number of inputs, and for each input its kind ({@link InputKind}) and value. */
  tasks: 1,
  /** run, id, token, reason: abort this attempt. */
  abort: 2,
  /** run: forget all about it. */
  end: 3,
} as const;

/** From a worker to the main thread. */
export const FromWorker = {
  /** The number of the first entry on the board, then for each task: run, id, token, status ({@link TaskEnd}), when it began, how long it took (ms), value. */
  ended: 0,
  /** run, id, token, when it began, fraction, note. */
  progress: 1,
  /** An encoded error that belongs to no task that is running. */
  stray: 2,
  /** run, id, token, when: only from a thread that runs many at once; of the others one can see it. */
  started: 3,
  /** The number of a message that could not be read, and why. */
  unreadable: 4,
} as const;

/** So many entries has what is told of a task that has ended. */
export const RECORD_LENGTH = 7;

/**
 * How an attempt on a worker ended. What it returned is the value itself, or packed; what it threw is encoded; of what
 * cannot be sent, or could not be read, the value says which part it is. A large result comes as a list of its bytes and, if
 * there is a store, its hash: nobody reads it but who asks for it.
 */
export const TaskEnd = { returned: 0, threw: 1, unsendable: 2, inputLost: 3, packed: 4, encoded: 5 } as const;

/** Added to the end of an attempt whose function had been told to come to an end. */
export const TOLD = 8;

/** Where an input is: in the message, as it is, packed or as bytes; or among the results that were made on this very worker; or it is only waited for, and made there too. */
export const InputKind = { value: 0, here: 1, after: 2, packed: 3, encoded: 4 } as const;

/**
 * Who may run a task: an int32 for each task of a run, in memory that all threads share. The token of a sending means that the task stands in an inbox; its thread
 * changes it to `taken` as it begins, the main thread to `nobody` as it takes the task back. Whoever comes second leaves it alone.
 */
export const Claim = { nobody: 0, taken: -1 } as const;

/** What else there is to know of a task: it takes its context; others there take its result; what is done is told before it begins, since it takes long; headers go with it; its result goes into a store, which needs a hash. */
export const TaskFlags = { withContext: 1, keep: 2, tellFirst: 4, withHeaders: 8, hash: 16 } as const;

/** How a worker finds a function: the name of an export and the address of its module, or its text and what else it takes, see `functionOf()`. */
export const FunctionReference = { module: 0, source: 1 } as const;
