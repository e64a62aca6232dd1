import type { ValueFile } from './journal-format.js';

/** Where the outcome of a task is. */
export interface Place {
  readonly graph: string;
  readonly task: string;
  /** The number of its record, counted from 1 in each file. */
  sequence: number;
  /** Where its record begins in the file, in bytes; -1 as long as it is not written. */
  offset: number;
  /** How many bytes its record has. */
  size: number;
  readonly file: ValueFile | undefined;
}

/** Where the outcomes of all tasks of all graphs are. */
export class PlaceTable {
  readonly #placesByGraph = new Map<string, Map<string, Place>>();
  /** How many bytes of the file are records that still count. */
  liveBytes = 0;

  get(graph: string, task: string): Place | undefined {
    return this.#placesByGraph.get(graph)?.get(task);
  }

  /** @returns the place before, if there was one */
  set(place: Place): Place | undefined {
    const before = this.delete(place.graph, place.task);
    const places = this.#placesByGraph.get(place.graph) ?? new Map<string, Place>();
    this.#placesByGraph.set(place.graph, places.set(place.task, place));
    this.liveBytes += place.size;
    return before;
  }

  delete(graph: string, task: string): Place | undefined {
    const places = this.#placesByGraph.get(graph);
    const before = places?.get(task);
    if (places === undefined || before === undefined) return undefined;
    this.liveBytes -= before.size;
    places.delete(task);
    if (places.size === 0) this.#placesByGraph.delete(graph);
    return before;
  }

  /** The keys of all that there is of a graph. */
  keys(graph: string): Iterable<string> {
    return this.#placesByGraph.get(graph)?.keys() ?? [];
  }

  /** In the order in which they are in the file. */
  of(graph: string): Place[] {
    return inOrder([...(this.#placesByGraph.get(graph)?.values() ?? [])]);
  }

  all(): Place[] {
    return inOrder([...this.#placesByGraph.values()].flatMap((places) => [...places.values()]));
  }
}

function inOrder(places: Place[]): Place[] {
  return places.sort((one, other) => one.offset - other.offset);
}
