/** Types of keys, as data (keyrings(7), "Key types"). */

/** What sets a type apart. */
export interface KeyType {
  readonly name: string;
  readonly isKeyring?: boolean;
  /** KEYCTL_READ gives the payload. */
  readonly isReadable: boolean;
  /** KEYCTL_UPDATE, and add_key(2) of one that is there, change the payload. */
  readonly isUpdatable: boolean;
  /** Length of a payload, in bytes. */
  readonly least: number;
  readonly most: number;
  /** The description begins with a prefix and a colon. */
  readonly needsPrefix?: boolean;
}

const USER_BYTES = { least: 1, most: 32767 } as const;

export const KEYRING: KeyType = {
  ...{ name: 'keyring', isKeyring: true, isReadable: true, isUpdatable: false },
  ...{ least: 0, most: 0 },
};

export const KEY_TYPES: ReadonlyMap<string, KeyType> = new Map(
  [
    KEYRING,
    { name: 'user', isReadable: true, isUpdatable: true, ...USER_BYTES },
    { name: 'logon', isReadable: false, isUpdatable: true, needsPrefix: true, ...USER_BYTES },
  ].map((type) => [type.name, type]),
);
