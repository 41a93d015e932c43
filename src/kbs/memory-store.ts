/** A {@link Store} that forgets: for tests and for brokers that live as long as one run. */
import type { AuditRecord, Store, StoredSecret, VolumeState } from './store.ts';

export class MemoryStore implements Store {
  #secrets = new Map<string, StoredSecret>();
  #policies = new Map<string, string>();
  #audits: AuditRecord[] = [];
  #volumes = new Map<string, VolumeState>();

  transaction<T>(action: () => T): T {
    const before = [this.#secrets, this.#policies, this.#volumes] as const;
    const auditCount = this.#audits.length;
    this.#secrets = new Map(this.#secrets);
    this.#policies = new Map(this.#policies);
    this.#volumes = new Map(this.#volumes);
    try {
      return action();
    } catch (error) {
      [this.#secrets, this.#policies, this.#volumes] = before;
      this.#audits.length = auditCount;
      throw error;
    }
  }

  secret(id: string): StoredSecret | undefined {
    return this.#secrets.get(id);
  }
  secretIds(): readonly string[] {
    return [...this.#secrets.keys()].sort();
  }
  putSecret(secret: StoredSecret): void {
    this.#secrets.set(secret.id, secret);
  }
  deleteSecret(id: string): void {
    this.#secrets.delete(id);
  }
  policy(name: string): string | undefined {
    return this.#policies.get(name);
  }
  policyNames(): readonly string[] {
    return [...this.#policies.keys()].sort();
  }
  putPolicy(name: string, yaml: string): void {
    this.#policies.set(name, yaml);
  }
  lastAudit(): AuditRecord | undefined {
    return this.#audits[this.#audits.length - 1];
  }
  audits(from: number, count: number): readonly AuditRecord[] {
    return this.#audits.filter((r) => r.sequence >= from).slice(0, count);
  }
  appendAudit(record: AuditRecord): void {
    this.#audits.push(record);
  }
  volume(id: string): VolumeState | undefined {
    return this.#volumes.get(id);
  }
  putVolume(id: string, state: VolumeState): void {
    this.#volumes.set(id, state);
  }
}
