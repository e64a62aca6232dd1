/*
 * Elements are made from names and text. Nothing on the page is ever made from markup: what a task is called and what an error says is text, whatever it holds.
 */

/** @param children - strings become text */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

/**
 * The element of the page with this id.
 *
 * @throws Error if the page has none
 */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element "${id}". This is a bug in taskmap.`);
  return found as E;
}

/** Writes only what is different: an element that is written anew is laid out anew, and read aloud anew. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setClass(element: Element, className: string): void {
  if (element.className !== className) element.className = className;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Brings the children of an element to these, and touches those that stay as little as can be. */
export function setChildren(element: Element, children: readonly Element[]): void {
  for (const [index, child] of children.entries()) {
    if (element.children[index] !== child) element.insertBefore(child, element.children[index] ?? null);
  }
  while (element.children.length > children.length) element.lastElementChild!.remove();
}
