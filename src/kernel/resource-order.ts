/** An order of kernel objects for kcmp(2): by when it was first asked for. */

export class ResourceOrder {
  readonly #numbers = new WeakMap<object, number>();
  #last = 0;

  /** 0: the same object; 1: `a` comes first; 2: `b` does. */
  compare(a: object, b: object): 0 | 1 | 2 {
    if (a === b) return 0;
    return this.#numberOf(a) < this.#numberOf(b) ? 1 : 2;
  }

  #numberOf(resource: object): number {
    let number = this.#numbers.get(resource);
    if (number === undefined) {
      number = ++this.#last;
      this.#numbers.set(resource, number);
    }
    return number;
  }
}
