/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail.c - drops privileges before untrusted input is read. */

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "basic/cleanup.h"
#include "basic/process.h"
#include "basic/sandbox.h"
#include "basic/string-util.h"
#include "image/tool.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "umld-config.h"

/* Decompressors use windows of up to 2 GiB if the input says so; directories are kept in memory. */
#define MEMORY_MAX (UINT64_C(2) << 30)

enum {
        FILES_MAX = 64,
};

/* Without it e2fsprogs cannot open an image that is another user's, and says so, nor record for an
 * undo file what they change. */
static void preload_for_tools(void) {
        static const char *const places[] = { "../lib/preload/", "../../lib/umld/" };
        _cleanup_free_ char *directory = NULL;
        int fd = -EBADF;

        if (program_directory(&directory) >= 0)
                FOREACH_ELEMENT (p, places) {
                        _cleanup_free_ char *path = strfmt("%s/%sumld-image-fix.so", directory, *p);

                        fd = path && fd < 0 ? open(path, O_RDONLY | O_CLOEXEC) : fd;
                }
        if (fd < 0)
                fd = open(UMLD_LIBDIR "/umld-image-fix.so", O_RDONLY | O_CLOEXEC);
        tool_preload(fd);
}

int jail_enter(void) {
        static const Sandbox sandbox = {
                .uid = IMAGE_UID, .files = FILES_MAX, .file_size = UINT64_MAX, .memory = MEMORY_MAX
        };
        int r;

        preload_for_tools();
        (void) signal(SIGXFSZ, SIG_IGN); /* write() then fails with EFBIG */
        (void) signal(SIGPIPE, SIG_IGN);
        r = sandbox_enter(&sandbox);
        return r < 0 ? say_error("cannot drop privileges: %s", strerror(-r)) : 0;
}

void jail_limit_files(uint64_t max) {
        struct rlimit l;

        if (getrlimit(RLIMIT_FSIZE, &l) < 0)
                return;
        l.rlim_max = MIN(l.rlim_max, (rlim_t) max);
        l.rlim_cur = l.rlim_max;
        (void) setrlimit(RLIMIT_FSIZE, &l);
}
