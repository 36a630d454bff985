/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu-fix.c - lets UML kernels before 6.13 run on CPUs with more extended state than they know.
 *
 * Such a kernel passes 2,696 bytes to PTRACE_SETREGSET(NT_X86_XSTATE). The host accepts only the
 * complete state of the CPU and otherwise returns EFAULT, and with AMX that is about 11,000 bytes:
 * the guest's init dies. Preloaded into the kernel, this ptrace() reads the complete state of the
 * traced process, overwrites its beginning with what the kernel passed, and sets the result. The
 * rest, which the kernel does not know, stays as it is in that process.
 *
 * It runs inside the kernel: often on one of its 16 KB stacks, in threads without a TLS of their
 * own, between its signals. So there is no allocation, no stdio, nothing large on the stack, and no
 * lock that could block. */

#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "basic/macro.h"

enum {
        STATE_MAX = 64 * 1024, /* five times what AMX needs; only touched pages use memory */
};

typedef long (*PtraceFunction)(enum __ptrace_request request, ...);

static PtraceFunction next_ptrace;
/* Size of this CPU's state in bytes, the same for every process; 0 = not known yet. */
static size_t state_size;
static char state_buffer[STATE_MAX] __attribute__((aligned(64)));
static int state_buffer_busy;

__attribute__((constructor)) static void find_next_ptrace(void) {
        next_ptrace = (PtraceFunction) dlsym(RTLD_NEXT, "ptrace");
}

/* Returns the result of ptrace() for this SETREGSET. buffer has STATE_MAX bytes. */
static long set_whole_state(pid_t pid, void *type, const struct iovec *head, char *buffer) {
        struct iovec whole = { .iov_base = buffer, .iov_len = STATE_MAX };

        if (next_ptrace(PTRACE_GETREGSET, pid, type, &whole) < 0)
                return -1;
        __atomic_store_n(&state_size, whole.iov_len, __ATOMIC_RELAXED);
        memcpy(buffer, head->iov_base, MIN(head->iov_len, whole.iov_len));
        return next_ptrace(PTRACE_SETREGSET, pid, type, &whole);
}

static long set_state(pid_t pid, void *type, const struct iovec *head) {
        char *buffer;
        long r;
        int saved;

        if (!__atomic_exchange_n(&state_buffer_busy, 1, __ATOMIC_ACQUIRE)) {
                r = set_whole_state(pid, type, head, state_buffer);
                __atomic_store_n(&state_buffer_busy, 0, __ATOMIC_RELEASE);
                return r;
        }

        /* Another thread, or this one below a signal handler, is executing the same code. */
        buffer = mmap(NULL, STATE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (buffer == MAP_FAILED)
                return -1;
        r = set_whole_state(pid, type, head, buffer);
        saved = errno;
        (void) munmap(buffer, STATE_MAX);
        errno = saved;
        return r;
}

/* A caller that passes the complete state needs no help; nor does one without a buffer. */
static bool too_short(const struct iovec *iov) {
        size_t known = __atomic_load_n(&state_size, __ATOMIC_RELAXED);

        return iov && iov->iov_base && (known == 0 || iov->iov_len < known);
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

        if (!next_ptrace) {
                errno = ENOSYS;
                return -1;
        }
        if (request == PTRACE_SETREGSET && (uintptr_t) address == NT_X86_XSTATE && too_short(data))
                return set_state(pid, address, data);
        return next_ptrace(request, pid, address, data);
}
