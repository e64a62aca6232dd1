type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where both types are the same: `same<typeof result, string>()`. */
export function same<A, B>(..._: Equal<A, B> extends true ? [] : [{ is: A; mustBe: B }]): void {}

// @ts-expect-error the helper itself must be able to say no
same<string, string | undefined>();
// @ts-expect-error also to any, which fits everywhere else
same<any, string>();
