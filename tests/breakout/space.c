/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space.c - taking more of the host than was promised: each attempt ends a little beyond that. */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "breakout.h"
#include "guest/fake-guest.h"

enum {
        MEBIBYTE = 1 << 20,
        BEYOND = 8, /* MiB that are certainly too many */
};

static char block[MEBIBYTE];

/* Writes up to that many MiB; the number it could write whole. */
static long fill(int fd, long most) {
        long n = 0;

        (void) signal(SIGXFSZ, SIG_IGN);
        while (n < most && write(fd, block, sizeof(block)) == (ssize_t) sizeof(block))
                n++;
        return n;
}

/* Several, because the size of each file is limited by itself. */
static int try_memory_directory(const Attempt *a) {
        long most = target_number("memory"), n = 0;

        memset(block, 1, sizeof(block));
        for (int i = 0; i < 4; i++) {
                int fd = open(getenv("TMPDIR"), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

                if (fd < 0)
                        return -errno;
                n += fill(fd, (most + BEYOND) / 4 + 1);
        }
        return n > most ? REACHED : BOUNDED;
}

/* Names are removed again; what a file holds is counted before. */
static int try_socket_directory(const Attempt *a) {
        char path[PATH_MAX];
        int files = 0;
        long bytes = 0;

        for (; files < 64; files++) {
                int fd;
                ssize_t n;

                snprintf(path, sizeof(path), "%s/fill%d", guest.uml_dir, files);
                fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                if (fd < 0)
                        break;
                n = write(fd, block, sizeof(block));
                bytes += n > 0 ? n : 0;
                close(fd);
        }
        for (int i = 0; i < files; i++) {
                snprintf(path, sizeof(path), "%s/fill%d", guest.uml_dir, i);
                (void) unlink(path);
        }
        return (a->number ? bytes > 65536 : files > 16) ? REACHED : BOUNDED;
}

/* A file with a hole costs nothing, but may be filled later. */
static int try_grow_disk(const Attempt *a) {
        int fd = open(target("disk"), O_RDWR | O_CLOEXEC), r;
        struct stat st;

        (void) signal(SIGXFSZ, SIG_IGN);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        r = ftruncate(fd, (off_t) 1 << 40) < 0 ? -errno : REACHED;
        (void) ftruncate(fd, st.st_size);
        return r;
}

static int try_processes(const Attempt *a) {
        long most = target_number("processes"), n = 0;
        pid_t pid = 0;

        for (; n <= most; n++) {
                pid = fork();
                if (pid == 0)
                        for (;;)
                                (void) pause();
                if (pid < 0)
                        break;
        }
        (void) signal(SIGTERM, SIG_IGN);
        (void) kill(0, SIGTERM);
        while (wait(NULL) > 0)
                ;
        return n > most ? REACHED : BOUNDED;
}

/* In a process group of its own, which ends as a whole. */
static int try_process_bomb(const Attempt *a) {
        (void) setpgid(0, 0);
        return try_processes(a);
}

static int try_descriptors(const Attempt *a) {
        long most = target_number("descriptors"), n = 0;

        while (n <= most && dup(STDOUT_FILENO) >= 0)
                n++;
        return n > most ? REACHED : BOUNDED;
}

static int try_own_memory(const Attempt *a) {
        void *p = mmap(NULL, (size_t) 512 * MEBIBYTE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return p == MAP_FAILED ? -errno : REACHED;
}

/* Memory that belongs to no process: RLIMIT_DATA does not count it. */
static int try_unnamed_memory(const Attempt *a) {
        int fd = (int) syscall(SYS_memfd_create, "bomb", 0);

        return fd < 0 ? -errno : REACHED;
}

static int try_shared_memory(const Attempt *a) {
        void *p = mmap(NULL, MEBIBYTE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED ? -errno : REACHED;
}

static int try_shared_zeros(const Attempt *a) {
        int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return mmap(NULL, MEBIBYTE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED
                       ? -errno
                       : REACHED;
}

enum {
        TAKERS = 3,
        TAKEN = 192 * MEBIBYTE, /* below the limit of a process */
};

static _Noreturn void take_memory(int done) {
        char *p = mmap(NULL, TAKEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                _exit(1);
        memset(p, 1, TAKEN);
        (void) !write(done, "", 1);
        for (;;)
                (void) pause();
}

/* Each of them within its limits, together beyond what the guest was promised. */
static int try_all_memory(const Attempt *a) {
        pid_t pids[TAKERS];
        int pair[2], n = 0;
        pid_t ended = 0;
        char c;

        if (pipe2(pair, O_NONBLOCK) < 0)
                return -errno;
        for (int i = 0; i < TAKERS; i++) {
                pids[i] = fork();
                if (pids[i] == 0)
                        take_memory(pair[1]);
        }
        for (; n < TAKERS && ended == 0; ended = waitpid(-1, NULL, WNOHANG))
                if (read(pair[0], &c, 1) == 1)
                        n++;
                else
                        (void) poll(&(struct pollfd){ .fd = pair[0], .events = POLLIN }, 1, 20);
        for (int i = 0; i < TAKERS; i++)
                if (pids[i] > 0)
                        (void) kill(pids[i], SIGKILL);
        return n == TAKERS ? REACHED : BOUNDED;
}

static const Attempt attempts[] = {
        { "write more into its memory directory than its memory", try_memory_directory },
        { "write more than 64 KiB into the directory of its sockets", try_socket_directory,
          .number = 1 },
        { "make more than 16 files in the directory of its sockets", try_socket_directory },
        { "make its disk larger than it is", try_grow_disk },
        { "start processes without end", try_process_bomb },
        { "open descriptors without end", try_descriptors },
        { "take 512 MiB of memory of a process's own", try_own_memory },
        { "take memory in a file without a name", try_unnamed_memory },
        { "take memory that processes share", try_shared_memory },
        { "take memory that processes share, by /dev/zero", try_shared_zeros },
        { "take 576 MiB of memory by three processes", try_all_memory },
};

const AttemptGroup group_space = { "Space", attempts, ARRAY_SIZE(attempts) };
