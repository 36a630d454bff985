/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tool.c - runs programs of e2fsprogs. */

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/spawn.h"
#include "basic/undo-record.h"
#include "image/tool.h"

enum {
        FD_IMAGE = 3,
        FD_PRELOAD,
        FD_UNDO, /* image-fix.c knows it */
        FDS,
        OUTPUT_MAX = 2048,
        SHOWN_MAX = 400,
};

static int preload = -EBADF;

void tool_preload(int fd) {
        preload = fd;
}

static_assert(FD_PRELOAD == 4 && FD_UNDO == 5, "environment variables name them");

/* Before what is preloaded anyway. */
static void set_preload(void) {
        const char *others = getenv("LD_PRELOAD");
        _cleanup_free_ char *all = strfmt("/proc/self/fd/4%s%s", others ? ":" : "", others ?: "");

        if (all)
                (void) setenv("LD_PRELOAD", all, 1);
}

/* The PATH set by systemd or a login shell may lack the sbin directories. */
static int set_environment(void) {
        _cleanup_free_ char *path =
                strfmt("%s:/usr/sbin:/sbin:/usr/bin:/bin", getenv("PATH") ?: "");
        const char *epoch = getenv("SOURCE_DATE_EPOCH");

        if (!path)
                return -ENOMEM;
        (void) setenv("PATH", path + (path[0] == ':'), 1);
        (void) setenv("MKE2FS_CONFIG", "/dev/null", 1); /* not the defaults of this host */
        (void) setenv("E2FSCK_CONFIG", "/dev/null", 1);
        (void) setenv("LC_ALL", "C.UTF-8", 1);
        if (preload >= 0)
                set_preload();
        if (undo_record_fd() >= 0)
                (void) setenv(IMAGE_UNDO_VARIABLE, "5", 1);
        if (epoch)
                (void) setenv("E2FSPROGS_FAKE_TIME", epoch, 1);
        return 0;
}

/* The image is descriptor 3. */
static int run(void *userdata) {
        const Strv *argv = userdata;

        if (set_environment() >= 0)
                (void) execvp(argv->v[0], argv->v);
        return SPAWN_FAILED;
}

/* Reads everything and keeps the end. */
static size_t read_end(int fd, char buf[static OUTPUT_MAX]) {
        char chunk[OUTPUT_MAX];
        size_t size = 0;
        ssize_t n;

        while ((n = read_all(fd, chunk, sizeof(chunk))) > 0) {
                size_t keep = MIN(size, OUTPUT_MAX - (size_t) n);

                memmove(buf, buf + size - keep, keep);
                memcpy(buf + keep, chunk, (size_t) n);
                size = keep + (size_t) n;
        }
        return size;
}

/* Joins the lines. */
static char *shown(const char *text, size_t size) {
        _cleanup_free_ char *copy = strndup(text, size);
        size_t n = copy ? strlen(copy) : 0;

        for (size_t i = 0; i < n; i++)
                if (copy[i] == '\n' || copy[i] == '\r' || copy[i] == '\t')
                        copy[i] = ' ';
        return copy ? escape_text(strstrip(copy), strlen(strstrip(copy)), SHOWN_MAX) : NULL;
}

int tool_run(const Strv *argv, int fd, char **ret_output) {
        _cleanup_close_ int reading = -EBADF, writing = -EBADF;
        char output[OUTPUT_MAX];
        size_t size;
        int ends[2], r;
        pid_t pid;

        *ret_output = NULL;
        if (preload < 0 && undo_record_fd() >= 0) {
                *ret_output = strdup("umld-image-fix.so is not installed, so a change could not be "
                                     "undone");
                return -ENOENT;
        }
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        reading = ends[0];
        writing = ends[1];
        r = spawn(&(const Spawn){ .run = run,
                                  .userdata = (void *) argv,
                                  .fds = (const int[]){ -EBADF, writing, writing, fd, preload,
                                                        undo_record_fd() },
                                  .n_fds = FDS },
                  &pid);
        if (r < 0)
                return r;
        writing = safe_close(writing);
        size = read_end(reading, output);
        r = spawn_wait_exit(pid);
        *ret_output = r == SPAWN_FAILED ? strfmt("%s: not found; install e2fsprogs", argv->v[0])
                                        : shown(output, size);
        return r == SPAWN_FAILED ? -ENOENT : r;
}
