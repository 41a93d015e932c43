/** Processors of an instance at most: one word of a `cpu_set_t`; each further one is a host thread. */
export const MOST_PROCESSORS = 64;
