/** Where something made of each argument is known. */
interface Known<Of, Made> {
  has(of: Of): boolean;
  get(of: Of): Made | undefined;
  set(of: Of, made: Made): unknown;
}

/**
 * A function that makes something of each argument once: of what does not change, and asks nothing that does.
 *
 * @param known of objects a WeakMap, which lets them go
 */
export function remembered<Of, Made>(
  make: (of: Of) => Made,
  known: Known<Of, Made> = new Map<Of, Made>(),
): (of: Of) => Made {
  return (of) => {
    if (!known.has(of)) known.set(of, make(of));
    return known.get(of) as Made;
  };
}
