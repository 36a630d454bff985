/* SPDX-License-Identifier: GPL-2.0-or-later */
/* amx-sim.c - to be preloaded: a CPU with about 8 KB more of extended state than the real one.
 *
 * Behaves as the host's kernel does there: PTRACE_GETREGSET(NT_X86_XSTATE) gives as much of the
 * larger state as the caller has room for, PTRACE_SETREGSET takes all of it or answers EFAULT. The
 * invented bytes follow the real ones and hold a pattern; whoever brings back another is answered
 * EIO, for a real CPU would have lost state then. */

#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "basic/macro.h"

enum {
        INVENTED = 8576, /* with the 2,432 bytes of a CPU without AMX about what one with it has */
        STATE_MAX = 64 * 1024,
        PATTERN = 0xa5,
};

typedef long (*PtraceFunction)(enum __ptrace_request request, ...);

static PtraceFunction next_ptrace;
static size_t real_size;
static char buffer[STATE_MAX]; /* kernels that need the fix call ptrace() from one thread only */

__attribute__((constructor)) static void init(void) {
        unsigned a, b = 0, c, d;

        next_ptrace = (PtraceFunction) dlsym(RTLD_NEXT, "ptrace");
        (void) __get_cpuid_count(0xd, 0, &a, &b, &c, &d);
        real_size = b;
}

static long get_state(pid_t pid, void *type, struct iovec *iov) {
        size_t room = MIN(iov->iov_len, real_size + INVENTED);
        struct iovec real = { .iov_base = iov->iov_base, .iov_len = MIN(room, real_size) };

        if (next_ptrace(PTRACE_GETREGSET, pid, type, &real) < 0)
                return -1;
        if (room > real_size)
                memset((char *) iov->iov_base + real_size, PATTERN, room - real_size);
        iov->iov_len = room;
        return 0;
}

static long set_state(pid_t pid, void *type, struct iovec *iov) {
        struct iovec real = { .iov_base = buffer, .iov_len = real_size };

        if (iov->iov_len < real_size + INVENTED) {
                errno = EFAULT;
                return -1;
        }
        for (size_t i = real_size; i < real_size + INVENTED; i++)
                if (((unsigned char *) iov->iov_base)[i] != PATTERN) {
                        errno = EIO;
                        return -1;
                }
        memcpy(buffer, iov->iov_base, real_size);
        if (next_ptrace(PTRACE_SETREGSET, pid, type, &real) < 0)
                return -1;
        iov->iov_len = real_size + INVENTED;
        return 0;
}

long ptrace(enum __ptrace_request request, ...) {
        void *address, *data;
        va_list ap;
        pid_t pid;

        va_start(ap, request);
        pid = va_arg(ap, pid_t);
        address = va_arg(ap, void *);
        data = va_arg(ap, void *);
        va_end(ap);

        if ((uintptr_t) address == NT_X86_XSTATE && request == PTRACE_GETREGSET)
                return get_state(pid, address, data);
        if ((uintptr_t) address == NT_X86_XSTATE && request == PTRACE_SETREGSET)
                return set_state(pid, address, data);
        return next_ptrace(request, pid, address, data);
}
