/**
 * The list of checks of one appraisal. A verifier declares its plan as data (what is checked, by
 * which clause); running it fills in what happened. Checks that were never reached are listed as
 * skipped, so that "not checked" can never be read as "fine".
 */
import { Refusal, type RefusalCode } from './errors.ts';

export type CheckStatus = 'pass' | 'fail' | 'warn' | 'skipped';

export interface Check {
  readonly id: string;
  readonly status: CheckStatus;
  /** What was checked, or why it failed. */
  readonly reason: string;
  /** Specification and section that demand it. */
  readonly clause: string;
  readonly code?: RefusalCode;
}

/** One planned check: [what must hold, clause]. */
export type Plan = Readonly<Record<string, readonly [title: string, clause: string]>>;

export class Checklist<P extends Plan> {
  readonly #plan: P;
  readonly #checks = new Map<string, Check>();
  readonly warnings: string[] = [];
  refusal: Refusal | undefined;

  constructor(plan: P) {
    this.#plan = plan;
  }

  /** Runs one planned check; a {@link Refusal} is recorded and ends the verification. */
  async step<T>(id: keyof P & string, action: () => T | Promise<T>): Promise<T> {
    const [title, clause] = this.#plan[id] as readonly [string, string];
    try {
      const value = await action();
      if (!this.#checks.has(id))
        this.#checks.set(id, { id, status: 'pass', reason: title, clause });
      return value;
    } catch (error) {
      if (error instanceof Refusal) {
        this.refusal = error;
        const { code } = error;
        this.#checks.set(id, { id, status: 'fail', reason: error.message, clause, code });
      }
      throw error;
    }
  }

  /** Marks a planned check as not possible or not perfect, without refusing. */
  warn(id: keyof P & string, message: string): void {
    const clause = this.#plan[id]?.[1] ?? '';
    this.warnings.push(message);
    this.#checks.set(id, { id, status: 'warn', reason: message, clause });
  }

  /** Marks a planned check as not applicable to this evidence. */
  skip(id: keyof P & string, reason: string): void {
    this.#checks.set(id, { id, status: 'skipped', reason, clause: this.#plan[id]?.[1] ?? '' });
  }

  /** Every planned check in the plan's order. */
  list(): Check[] {
    return Object.entries(this.#plan).map(
      ([id, [title, clause]]) =>
        this.#checks.get(id) ?? { id, status: 'skipped', reason: `not reached: ${title}`, clause },
    );
  }
}

/** What verifying one piece of evidence gave: claims only when every check allows them. */
export type Verdict<Claims> = {
  readonly checks: readonly Check[];
  readonly warnings: readonly string[];
} & (
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly error: RefusalCode; readonly reason: string }
);

/** Runs `action` over a fresh checklist and turns its outcome into a {@link Verdict}. */
export async function runChecks<P extends Plan, Claims>(
  plan: P,
  action: (checks: Checklist<P>) => Promise<Claims>,
): Promise<Verdict<Claims>> {
  const checks = new Checklist(plan);
  try {
    const claims = await action(checks);
    return { ok: true, claims, checks: checks.list(), warnings: checks.warnings };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { code, message } = error;
    const { warnings } = checks;
    return { ok: false, error: code, reason: message, checks: checks.list(), warnings };
  }
}
