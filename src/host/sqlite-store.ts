/**
 * The broker's store in one SQLite file (node:sqlite). A committed transaction is on disk: WAL with
 * `synchronous=FULL` syncs at each commit.
 */
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { AuditRecord, Store, StoredSecret, VolumeState } from '../kbs/store.ts';

const SCHEMA_VERSION = 1;
const SCHEMA = `
CREATE TABLE secrets (id TEXT PRIMARY KEY, version INTEGER NOT NULL, policy TEXT NOT NULL,
  nonce BLOB NOT NULL, ciphertext BLOB NOT NULL, tag BLOB NOT NULL) STRICT;
CREATE TABLE policies (name TEXT PRIMARY KEY, yaml TEXT NOT NULL) STRICT;
CREATE TABLE audits (sequence INTEGER PRIMARY KEY, text TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE volumes (id TEXT PRIMARY KEY, counter INTEGER NOT NULL, root BLOB NOT NULL,
  policy TEXT NOT NULL) STRICT;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

type Row = Record<string, SQLOutputValue>;
const text = (row: Row, name: string): string => String(row[name]);
const number = (row: Row, name: string): number => Number(row[name]);
const bytes = (row: Row, name: string): Uint8Array => row[name] as Uint8Array;

export class SqliteStore implements Store, Disposable {
  readonly #database: DatabaseSync;
  #depth = 0;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;',
    );
    const version = number(this.#row('PRAGMA user_version') ?? {}, 'user_version');
    if (version === 0) this.transaction(() => this.#database.exec(SCHEMA));
    else if (version !== SCHEMA_VERSION)
      throw new Error(`${path} has schema ${version}, this version reads ${SCHEMA_VERSION}`);
  }

  #row(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#database.prepare(sql).get(...values);
  }

  #rows(sql: string, ...values: (string | number)[]): Row[] {
    return this.#database.prepare(sql).all(...values);
  }

  #run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  transaction<T>(action: () => T): T {
    if (this.#depth > 0) return action();
    this.#database.exec('BEGIN IMMEDIATE');
    this.#depth++;
    try {
      const value = action();
      this.#database.exec('COMMIT');
      return value;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth--;
    }
  }

  secret(id: string): StoredSecret | undefined {
    const row = this.#row('SELECT * FROM secrets WHERE id = ?', id);
    if (!row) return undefined;
    const sealed = {
      nonce: bytes(row, 'nonce'),
      ciphertext: bytes(row, 'ciphertext'),
      tag: bytes(row, 'tag'),
    };
    return { id, version: number(row, 'version'), policy: text(row, 'policy'), sealed };
  }

  secretIds(): readonly string[] {
    return this.#rows('SELECT id FROM secrets ORDER BY id').map((row) => text(row, 'id'));
  }

  putSecret({ id, version, policy, sealed }: StoredSecret): void {
    const { nonce, ciphertext, tag } = sealed;
    const sql = 'INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?, ?)';
    this.#run(sql, id, version, policy, nonce, ciphertext, tag);
  }

  deleteSecret(id: string): void {
    this.#run('DELETE FROM secrets WHERE id = ?', id);
  }

  policy(name: string): string | undefined {
    const row = this.#row('SELECT yaml FROM policies WHERE name = ?', name);
    return row && text(row, 'yaml');
  }

  policyNames(): readonly string[] {
    return this.#rows('SELECT name FROM policies ORDER BY name').map((row) => text(row, 'name'));
  }

  putPolicy(name: string, yaml: string): void {
    this.#run('INSERT OR REPLACE INTO policies VALUES (?, ?)', name, yaml);
  }

  lastAudit(): AuditRecord | undefined {
    return this.#rows('SELECT * FROM audits ORDER BY sequence DESC LIMIT 1').map(auditOf)[0];
  }

  audits(from: number, count: number): readonly AuditRecord[] {
    const sql = 'SELECT * FROM audits WHERE sequence >= ? ORDER BY sequence LIMIT ?';
    return this.#rows(sql, from, count).map(auditOf);
  }

  appendAudit({ sequence, text: record, hash }: AuditRecord): void {
    // Plain INSERT: a sequence number that is already there is an error, never an overwrite.
    this.#run('INSERT INTO audits VALUES (?, ?, ?)', sequence, record, hash);
  }

  volume(id: string): VolumeState | undefined {
    const row = this.#row('SELECT * FROM volumes WHERE id = ?', id);
    if (!row) return undefined;
    return {
      counter: number(row, 'counter'),
      root: bytes(row, 'root'),
      policy: text(row, 'policy'),
    };
  }

  putVolume(id: string, { counter, root, policy }: VolumeState): void {
    this.#run('INSERT OR REPLACE INTO volumes VALUES (?, ?, ?, ?)', id, counter, root, policy);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

const auditOf = (row: Row): AuditRecord => ({
  sequence: number(row, 'sequence'),
  text: text(row, 'text'),
  hash: bytes(row, 'hash'),
});
