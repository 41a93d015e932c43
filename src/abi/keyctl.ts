/** Key retention service (keyctl(2), keyrings(7), `include/uapi/linux/keyctl.h`). */

/** Special ids of {@link KEY_SPEC}: keyrings of the caller. */
export const KEY_SPEC = {
  KEY_SPEC_THREAD_KEYRING: -1,
  KEY_SPEC_PROCESS_KEYRING: -2,
  KEY_SPEC_SESSION_KEYRING: -3,
  KEY_SPEC_USER_KEYRING: -4,
  KEY_SPEC_USER_SESSION_KEYRING: -5,
  KEY_SPEC_GROUP_KEYRING: -6,
  KEY_SPEC_REQKEY_AUTH_KEY: -7,
  KEY_SPEC_REQUESTOR_KEYRING: -8,
} as const;

/** What request_key(2) links a new key to, unless told: KEYCTL_SET_REQKEY_KEYRING. */
export const KEY_REQKEY_DEFL = {
  NO_CHANGE: -1,
  DEFAULT: 0,
  THREAD_KEYRING: 1,
  PROCESS_KEYRING: 2,
  SESSION_KEYRING: 3,
  USER_KEYRING: 4,
  USER_SESSION_KEYRING: 5,
  GROUP_KEYRING: 6,
  REQUESTOR_KEYRING: 7,
} as const;

export const KEYCTL = {
  KEYCTL_GET_KEYRING_ID: 0,
  KEYCTL_JOIN_SESSION_KEYRING: 1,
  KEYCTL_UPDATE: 2,
  KEYCTL_REVOKE: 3,
  KEYCTL_CHOWN: 4,
  KEYCTL_SETPERM: 5,
  KEYCTL_DESCRIBE: 6,
  KEYCTL_CLEAR: 7,
  KEYCTL_LINK: 8,
  KEYCTL_UNLINK: 9,
  KEYCTL_SEARCH: 10,
  KEYCTL_READ: 11,
  KEYCTL_INSTANTIATE: 12,
  KEYCTL_NEGATE: 13,
  KEYCTL_SET_REQKEY_KEYRING: 14,
  KEYCTL_SET_TIMEOUT: 15,
  KEYCTL_ASSUME_AUTHORITY: 16,
  KEYCTL_GET_SECURITY: 17,
  KEYCTL_SESSION_TO_PARENT: 18,
  KEYCTL_REJECT: 19,
  KEYCTL_INSTANTIATE_IOV: 20,
  KEYCTL_INVALIDATE: 21,
  KEYCTL_GET_PERSISTENT: 22,
  KEYCTL_DH_COMPUTE: 23,
  KEYCTL_PKEY_QUERY: 24,
  KEYCTL_PKEY_ENCRYPT: 25,
  KEYCTL_PKEY_DECRYPT: 26,
  KEYCTL_PKEY_SIGN: 27,
  KEYCTL_PKEY_VERIFY: 28,
  KEYCTL_RESTRICT_KEYRING: 29,
  KEYCTL_MOVE: 30,
  KEYCTL_CAPABILITIES: 31,
  KEYCTL_WATCH_KEY: 32,
} as const;

/** Permissions, as bits of each of the four bytes of a mask (possessor, user, group, others). */
export const KEY_MAY = { view: 1, read: 2, write: 4, search: 8, link: 16, setattr: 32 } as const;
export const KEY_POS_SHIFT = 24;
export const KEY_USR_SHIFT = 16;
export const KEY_GRP_SHIFT = 8;
/** Every bit that a mask may have. */
export const KEY_PERMISSIONS = 0x3f3f3f3f;

export const KEYCTL_MOVE_EXCL = 1;

/** What KEYCTL_CAPABILITIES answers. */
export const KEYCTL_CAPS = {
  CAPABILITIES: 0x01,
  PERSISTENT: 0x02,
  INVALIDATE: 0x20,
  RESTRICT_KEYRING: 0x40,
  MOVE: 0x80,
} as const;
