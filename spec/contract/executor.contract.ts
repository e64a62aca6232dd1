import { afterEach, describe, vi } from 'vitest';
import { validateRuns } from '../support/validated-runs.js';
import { againContract } from './executor-again.contract.js';
import { argumentContract } from './executor-arguments.contract.js';
import { attemptContract } from './executor-attempts.contract.js';
import { endingContract } from './executor-endings.contract.js';
import { eventContract } from './executor-events.contract.js';
import type { ExecutorSubject } from './executor-harness.js';
import { noPromiseContract } from './executor-no-promises.contract.js';
import { promiseContract } from './executor-promises.contract.js';
import { runContract } from './executor-runs.contract.js';
import { schemaContract } from './executor-schemas.contract.js';
import { storeContract } from './executor-stores.contract.js';

/** What every executor does. Their own specs hold only what differs. */
export function executorContract(subject: ExecutorSubject): void {
  describe(`${subject.name}, by the contract of executors`, () => {
    validateRuns();
    afterEach(() => {
      vi.restoreAllMocks();
    });

    runContract(subject);
    attemptContract(subject);
    argumentContract(subject);
    eventContract(subject);
    endingContract(subject);
    storeContract(subject);
    againContract(subject);
    schemaContract(subject);
    if (subject.isAsync) promiseContract(subject);
    else noPromiseContract(subject);
  });
}
