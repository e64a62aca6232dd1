/** Titles of the contract of executors that cannot hold, or not be seen, where functions are called elsewhere. */

/**
 * What the contract says of time that stands still. In another process it goes on, and that has a clock of its own:
 * spec/bullmq/executor.spec.ts and spec/places/http-place.spec.ts say it of real time.
 */
export const OF_TIME: readonly string[] = [
  'wait longer by the factor backoff each time',
  'fail an attempt that takes longer',
  'count from the start of the attempt, for each attempt anew',
  'fail a function that never lets go of the thread once it returns or throws',
  'tells progress, clamped to 0 and 1, and works when taken apart',
  'come in order, one flat record each',
  'have no duration where nobody was listening yet when the attempt began',
  'can be listened to from the middle of a run on',
  'fails with the timeout if it throws the reason',
  'fails with the timeout, its own error as the cause, if it throws another',
  'fails with the timeout, too, if it returns in spite of it: what it returns is dropped',
  'is given up after graceMs if it never settles, and what it does then is ignored',
  'is given up at once where graceMs is 0',
  'by both its timeout and its run fails with the timeout, which came first',
  'by its timeout has no further attempt once its run is stopped',
  'may tell progress until it ends',
  'may have listeners on its signal that throw, abort, or close: nothing is lost',
  'sees the reason of the abort on its signal, also when it asks for the signal later',
];

/** What it says of values that cannot leave a process as they are. */
export const OF_IDENTITY: readonly string[] = [
  'arrive as the very values that were returned',
  'skips the descendants of a failed task and runs all else',
  'keeps what a task threw as it was thrown, whatever it is',
  'may be a function, an object with a `then` that is none, or a class',
  'tells of a result that cannot be kept, and its task runs again the next time, as does what takes it',
  'that are rejected fail their tasks, whatever with',
];

/** What it says of the moment at which something happens: on its way to another process it happens a little later. */
export const OF_THE_MOMENT: readonly string[] = [
  'from a task lets that task end if it is not waited for, and nothing new start',
  "'stop' starts nothing new",
  'is waited for: a task is done, and the next begins, only once its result is safe',
  'that fails later ends the run with its error as well',
  'that never answers does not hold up an abort for ever, nor close()',
  'holds an abort up until what is being saved is safe',
  'leave room for others meanwhile',
  'is done if it returns after all without ever having asked for its signal: nothing told it to stop',
  'that is aborted by a task interrupts what is running',
  'that is aborted by a close interrupts what is running',
  "with onFailure: 'stop' has no further attempts of what fails while it ends",
  'that is aborted by a listener interrupts what is running',
  'that is aborted while it stops interrupts the rest, and still says what failed',
  "with onFailure: 'stop' lets what is running end",
  "with onFailure: 'abort' interrupts what is running with the failure",
];

/** What it says of how often values are made from bytes: here all that is sent is bytes. */
export const OF_BYTES: readonly string[] = ['makes a kept result only when somebody asks for it, and once'];
