import type { RunState } from './run-state.js';

/** What all parts of the page draw from. */
export interface Shown {
  readonly state: RunState;
  /** In milliseconds since 1970, by the server's clock. */
  readonly nowMs: number;
  /** The selected task; -1 if there is none. */
  readonly selected: number;
  readonly filter: Filter;
}

/** Which tasks are looked at. */
export interface Filter {
  /** A group; -1 for all. */
  readonly group: number;
  /** Statuses, as places in `STATUS_CODES`; empty for all. */
  readonly statuses: ReadonlySet<number>;
}

export const NO_FILTER: Filter = { group: -1, statuses: new Set() };

export function isFiltered({ group, statuses }: Filter): boolean {
  return group >= 0 || statuses.size > 0;
}

/** Whether a task is among those that are looked at. */
export function passes({ group, statuses }: Filter, state: RunState, task: number): boolean {
  return (group < 0 || state.run.groups[task] === group) && (statuses.size === 0 || statuses.has(state.status(task)));
}

/** What a user can do in any part of the page. */
export interface Actions {
  /** @param task - -1 to select none */
  select(task: number): void;
  filterGroup(group: number): void;
  filterStatuses(statuses: readonly number[]): void;
  /** Something has to be drawn. */
  changed(): void;
}
