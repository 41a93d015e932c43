/**
 * What a system-call handler returns: a number ≥ 0, `-errno`, or one of the outcomes below. They
 * lie outside -4095 … -1, the range that a guest can see (`IS_ERR_VALUE`), so none leaks unnoticed.
 */

/** The task sleeps ({@link Task.sleep} was called); the result comes when it resumes. */
export const BLOCKED = -0x10000;
/** Registers are set already (execve, rt_sigreturn); leave rax alone. */
export const REGISTERS_SET = -0x10001;
/** The task is gone or going (exit, exit_group): it must not run again. */
export const EXITED = -0x10002;

/**
 * Results inside the kernel when a signal interrupts a call (`include/linux/errno.h`). The signal
 * code turns them into a restart or EINTR; guests never see them.
 */
/** Restart unless a handler without SA_RESTART ran, then EINTR. */
export const ERESTARTSYS = 512;
/** Always restart. */
export const ERESTARTNOINTR = 513;
/** Restart if no handler ran, else EINTR. */
export const ERESTARTNOHAND = 514;
/** Like ERESTARTNOHAND, but restarts through `restart_syscall` with the time that remains. */
export const ERESTART_RESTARTBLOCK = 516;
