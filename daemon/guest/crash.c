/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash.c - collects and writes what is known about a guest's crash. */

#include <sys/ioctl.h>
#include <sys/socket.h>

#include "api/crash-files.h"
#include "basic/log.h"
#include "daemon/guest/crash-report.h"
#include "daemon/guest/crash.h"
#include "host/memfs.h"

static const char *tap_state(const char *tap) {
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq ifr = {};

        if (fd < 0)
                return NULL;
        memcpy(ifr.ifr_name, tap, IFNAMSIZ);
        if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
                return errno == ENODEV ? "missing" : NULL;
        return ifr.ifr_flags & IFF_UP ? "up" : "down";
}

void guest_keep_crash(Guest *g) {
        _cleanup_free_ char *directory = NULL, *text = TAKE_PTR(g->past.crash);
        int r;

        if (!text)
                return;
        directory = crash_directory(g->config->name);
        r = directory ? crash_report_write(directory, text) : -ENOMEM;
        if (r < 0)
                log_warning_errno(r, "cannot write a report of this crash, continuing: %m");
}

void guest_note_crash(Guest *g, Verdict verdict, const char *detail, usec_t run_time) {
        CrashReport c = {
                .when = now_usec(CLOCK_REALTIME),
                .run_time = run_time,
                .verdict = verdict,
                .detail = detail,
                .panic = guest_process_panic(g->boot.process),
                .booted = guest_process_booted(g->boot.process),
                .kernel_path = config_kernel(g->config),
                .kernel_version =
                        g->setup->host->kernel.uml ? g->setup->host->kernel.uml->release : NULL,
                .memory_size = g->config->memory,
                .memory_path = g->setup->host->memory.path,
                .tap = g->config->tap,
                .tap_state = tap_state(g->config->tap),
                .console = console_tail(g->console),
        };
        MemFs fs;

        guest_keep_crash(g); /* of a boot that ended before this was called */
        if (!restart_is_crash(verdict))
                return;
        c.have_status = guest_process_status(g->boot.process, &c.status);
        if (c.memory_path && memfs_measure(c.memory_path, &fs) >= 0) {
                c.memory_room = fs.size;
                c.memory_taken = fs.used;
        }
        g->past.crash = crash_report_format(&c);
        if (!g->past.crash)
                log_oom();
}
