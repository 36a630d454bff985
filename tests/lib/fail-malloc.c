/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fail-malloc.c - preloaded: lets every Kth request for memory fail, K from FAIL_MALLOC_EVERY, in
 * the program whose name FAIL_MALLOC_IN gives, behind the first FAIL_MALLOC_AFTER of them. That
 * program ends if it closes its standard input: then it frees a descriptor that was never set. */

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);

static unsigned long every, after;
static atomic_ulong count;

static unsigned long number(const char *name) {
        const char *value = getenv(name);

        return value ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_environment(void) {
        const char *in = getenv("FAIL_MALLOC_IN");

        after = number("FAIL_MALLOC_AFTER");
        if (in && strcmp(in, program_invocation_short_name) == 0)
                every = number("FAIL_MALLOC_EVERY");
}

static int fails(void) {
        unsigned long n = every > 0 ? atomic_fetch_add(&count, 1) : 0;

        if (every == 0 || n < after || n % every != 0)
                return 0;
        errno = ENOMEM;
        return 1;
}

void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
        return fails() ? NULL : __libc_realloc(p, size);
}

int close(int fd) {
        if (every > 0 && fd == STDIN_FILENO)
                abort();
        return (int) syscall(SYS_close, fd);
}
