/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu-state.c - the CPU-state fix that build-kernel builds into kernels before 6.13.
 *
 * Such a kernel keeps 2,696 bytes of a process's extended CPU state. A CPU with AMX has some
 * 11,000, and PTRACE_SETREGSET(NT_X86_XSTATE) refuses less than the whole with EFAULT, so the first
 * task switch panics. The linker sends the kernel's calls of ptrace() here: what was refused is
 * laid over the whole state of the process and written with it. The rest stays as it is. */

#include <errno.h>
#include <linux/elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

long __real_ptrace(enum __ptrace_request request, ...);
long __wrap_ptrace(enum __ptrace_request request, ...);

static long write_whole_state(int pid, void *type, const struct iovec *head) {
        /* UML of these versions has one processor and calls this with signals blocked. */
        static char state[65536] __attribute__((aligned(64)));
        struct iovec whole = { .iov_base = state, .iov_len = sizeof(state) };

        if (__real_ptrace(PTRACE_GETREGSET, pid, type, &whole) < 0)
                return -1;
        if (whole.iov_len <= head->iov_len) {
                errno = EFAULT;
                return -1;
        }
        memcpy(state, head->iov_base, head->iov_len);
        return __real_ptrace(PTRACE_SETREGSET, pid, type, &whole);
}

long __wrap_ptrace(enum __ptrace_request request, ...) {
        va_list ap;
        int pid;
        void *addr, *data;
        long r;

        va_start(ap, request);
        pid = va_arg(ap, int);
        addr = va_arg(ap, void *);
        data = va_arg(ap, void *);
        va_end(ap);
        r = __real_ptrace(request, pid, addr, data);
        if (r < 0 && errno == EFAULT && request == PTRACE_SETREGSET &&
            addr == (void *) NT_X86_XSTATE)
                r = write_whole_state(pid, addr, data);
        return r;
}
