/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space.c - taking more of the host than was promised: each attempt ends a little beyond that. */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

        (void) a;
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

        (void) a;
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

        (void) a;
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

        (void) a;
        while (n <= most && dup(STDOUT_FILENO) >= 0)
                n++;
        return n > most ? REACHED : BOUNDED;
}

static int try_own_memory(const Attempt *a) {
        void *p = mmap(NULL, (size_t) 512 * MEBIBYTE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        (void) a;
        return p == MAP_FAILED ? -errno : REACHED;
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
};

const AttemptGroup group_space = { "Space", attempts, ARRAY_SIZE(attempts) };
