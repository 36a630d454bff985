/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fail-files.c - preloaded: lets one call fail by which a program creates, writes, syncs or renames
 * files, in the program whose name FAIL_FILES_IN gives.
 *
 * FAIL_FILES_COUNT   a file that is mapped by all these processes: how many such calls there were,
 *                    and behind it the name of the one that failed
 * FAIL_FILES_AT      the number of the call that fails
 * FAIL_FILES_HOW     full: it and all later ones that need space fail with ENOSPC; error: it fails
 *                    with EIO; short: it writes a part only; kill: it kills the program
 *
 * Only what reaches a regular file or a directory counts: pipes and sockets have tests elsewhere.
 * What a stream of stdio writes fails when the stream is closed or flushed, without being written:
 * libc does not call the write() of here. */

/* Both names of each function are defined below. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
        SIZE = 4096,
};

typedef struct Shared {
        atomic_ulong count;
        char met[64];
} Shared;

static Shared *shared;
static unsigned long at;
static char how;

__attribute__((constructor)) static void read_environment(void) {
        const char *in = getenv("FAIL_FILES_IN"), *path = getenv("FAIL_FILES_COUNT"),
                   *number = getenv("FAIL_FILES_AT"), *way = getenv("FAIL_FILES_HOW");
        void *map;
        int fd;

        if (!in || !path || !number || !way || strcmp(in, program_invocation_short_name) != 0)
                return;
        fd = (int) syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                abort();
        map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                abort();
        (void) syscall(SYS_close, fd);
        at = strtoul(number, NULL, 10);
        how = *way;
        shared = map;
}

/* Must the call fail that does `what`? Then with the errno that is returned, else 0. */
static int failing(const char *what, bool needs_space) {
        unsigned long n;

        if (!shared)
                return 0;
        n = atomic_fetch_add(&shared->count, 1) + 1;
        if (at == 0 || n < at || (n > at && (how != 'f' || !needs_space)))
                return 0;
        if (n == at)
                (void) snprintf(shared->met, sizeof(shared->met), "%s", what);
        if (how == 'k')
                (void) kill(getpid(), SIGKILL);
        return how == 'f' ? ENOSPC : EIO;
}

static bool is_file(int fd) {
        struct stat st;

        return shared && fstat(fd, &st) >= 0 && S_ISREG(st.st_mode);
}

#define NEXT(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

#define FAIL(e)                                                                                    \
        do {                                                                                       \
                errno = (e);                                                                       \
                return -1;                                                                         \
        } while (0)

/* ---- writing ---- */

/* How much of it is to be written; negative: -errno. */
static ssize_t allowed(int fd, size_t size) {
        int e = is_file(fd) ? failing("write", true) : 0;

        if (e == 0 || size == 0)
                return (ssize_t) size;
        return how == 's' ? (ssize_t) (size / 2 + 1) : -e;
}

ssize_t write(int fd, const void *data, size_t size) {
        ssize_t n = allowed(fd, size);

        if (n < 0)
                FAIL((int) -n);
        return NEXT(write)(fd, data, (size_t) n);
}

ssize_t writev(int fd, const struct iovec *v, int count) {
        struct iovec first = count > 0 ? v[0] : (struct iovec){};
        ssize_t n = allowed(fd, first.iov_len);

        if (n < 0)
                FAIL((int) -n);
        if ((size_t) n == first.iov_len)
                return NEXT(writev)(fd, v, count);
        first.iov_len = (size_t) n;
        return NEXT(writev)(fd, &first, 1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
        ssize_t n = allowed(fd, size);

        if (n < 0)
                FAIL((int) -n);
        return NEXT(pwrite)(fd, data, (size_t) n, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) {
        return pwrite(fd, data, size, offset);
}

ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
                        unsigned flags) {
        ssize_t n = allowed(out, size);

        if (n < 0)
                FAIL((int) -n);
        return NEXT(copy_file_range)(in, in_offset, out, out_offset, (size_t) n, flags);
}

/* dprintf() does not call the write() above. */
int vdprintf(int fd, const char *format, va_list ap) {
        char *text = NULL;
        int n = vasprintf(&text, format, ap);
        ssize_t done = 0;

        while (n > 0 && done < n) {
                ssize_t r = write(fd, text + done, (size_t) (n - done));

                if (r < 0)
                        n = -1;
                else
                        done += r;
        }
        free(text);
        return n;
}

int dprintf(int fd, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vdprintf(fd, format, ap);
        va_end(ap);
        return n;
}

/* ---- the rest; a part of these cannot be done ---- */

#define CALL(what, needs_space, name, parameters, arguments)                                       \
        int name parameters {                                                                      \
                int e = how == 's' ? 0 : failing(what, needs_space);                               \
                if (e != 0)                                                                        \
                        FAIL(e);                                                                   \
                return NEXT(name) arguments;                                                       \
        }

CALL("fsync", true, fsync, (int fd), (fd))
CALL("fdatasync", true, fdatasync, (int fd), (fd))
CALL("syncfs", true, syncfs, (int fd), (fd))
CALL("ftruncate", false, ftruncate, (int fd, off_t size), (fd, size))
CALL("ftruncate", false, ftruncate64, (int fd, off64_t size), (fd, size))
CALL("fallocate", true, fallocate, (int fd, int mode, off_t from, off_t size),
     (fd, mode, from, size))
CALL("fallocate", true, fallocate64, (int fd, int mode, off64_t from, off64_t size),
     (fd, mode, from, size))
CALL("fchmod", false, fchmod, (int fd, mode_t mode), (fd, mode))
CALL("fchown", false, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
CALL("mkdir", true, mkdir, (const char *path, mode_t mode), (path, mode))
CALL("rename", false, rename, (const char *from, const char *to), (from, to))
CALL("renameat", false, renameat, (int d, const char *from, int e1, const char *to),
     (d, from, e1, to))
CALL("renameat2", false, renameat2,
     (int d, const char *from, int e1, const char *to, unsigned flags), (d, from, e1, to, flags))
CALL("link", true, link, (const char *from, const char *to), (from, to))
CALL("linkat", true, linkat, (int d, const char *from, int e1, const char *to, int flags),
     (d, from, e1, to, flags))

static int create_fails(int flags) {
        return (flags & O_CREAT) && how != 's' ? failing("open", true) : 0;
}

static mode_t mode_of(int flags, va_list ap) {
        return (flags & (O_CREAT | O_TMPFILE)) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name, parameters, arguments)                                                          \
        int name parameters {                                                                      \
                int e = create_fails(flags);                                                       \
                va_list ap;                                                                        \
                mode_t mode;                                                                       \
                va_start(ap, flags);                                                               \
                mode = mode_of(flags, ap);                                                         \
                va_end(ap);                                                                        \
                if (e != 0)                                                                        \
                        FAIL(e);                                                                   \
                return NEXT(name) arguments;                                                       \
        }

OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))
OPEN(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode))

/* ---- streams ---- */

static bool opens_for_writing(const char *mode) {
        return mode[0] != 'r' || strchr(mode, '+');
}

FILE *fopen(const char *path, const char *mode) {
        int e = opens_for_writing(mode) && how != 's' ? failing("fopen", true) : 0;

        errno = e != 0 ? e : errno;
        return e != 0 ? NULL : NEXT(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
        return fopen(path, mode);
}

/* Must not be written what is in its buffer? */
static bool stream_fails(FILE *f, const char *what) {
        int e = f && __fwriting(f) && is_file(fileno(f)) ? failing(what, true) : 0;

        if (e == 0)
                return false;
        __fpurge(f);
        errno = how == 's' ? ENOSPC : e;
        return true;
}

int fflush(FILE *f) {
        return stream_fails(f, "fflush") ? EOF : NEXT(fflush)(f);
}

int fclose(FILE *f) {
        bool fails = stream_fails(f, "fclose");
        int e = errno, r = NEXT(fclose)(f);

        errno = fails ? e : errno;
        return fails ? EOF : r;
}
