/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks-host.c - doctor: who we are, and what kind of host this is. */

#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/doctor/doctor.h"
#include "host/beancounters.h"
#include "host/hostmem.h"
#include "host/lock.h"
#include "umld-config.h"

enum {
        FILES_WANTED = 512,      /* descriptors: umld itself needs some dozens, a relay one each */
        PROCESSES_WANTED = 256,  /* of a guest: its kernel, and one for each of its processes */
        BEANCOUNTERS_MAX = 65536 /* bytes of the table */
};

void check_rights(Exam *e) {
        if (geteuid() == 0)
                exam_tell(e, DOCTOR_OK, "", "run as root");
        else
                exam_tell(e, DOCTOR_WARNING, "run it as root to check everything",
                          "not run as root: what only root may see is unknown");
}

void check_versions(Exam *e) {
        struct utsname host;

        if (uname(&host) < 0)
                exam_tell_error(e, -errno, "", "uname");
        else
                exam_tell(e, DOCTOR_OK, "", "umld %s, Linux %s, %s, glibc %s", UMLD_VERSION,
                          host.release, host.machine, gnu_get_libc_version());
}

/* Of systemd's directories, the first that there is decides; where it is in them does not matter.
 */
static bool has_unit(void) {
        static const char *const directories[] = {
                "/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
                "/usr/lib/systemd/system", "/lib/systemd/system",
        };

        FOREACH_ELEMENT (directory, directories) {
                _cleanup_free_ char *path = strfmt("%s/umld@.service", *directory);

                if (path && access(path, F_OK) >= 0)
                        return true;
        }
        return false;
}

/* Without it guests run, but are not there after the next boot of the host. */
void check_service_manager(Exam *e) {
        if (sd_booted() <= 0 && access(UMLD_BOOT_SCRIPT, X_OK) < 0)
                exam_tell(e, DOCTOR_WARNING,
                          "install umld's package, or umld with -Dinit-script=lsb or openrc",
                          "systemd is not PID 1, and there is no boot script " UMLD_BOOT_SCRIPT
                          ": no guest is started at boot");
        else if (sd_booted() <= 0)
                exam_tell(e, DOCTOR_OK, "",
                          "systemd is not PID 1: umlctl starts umld itself, and the boot script "
                          "what umlctl enable names");
        else if (!has_unit())
                exam_tell(e, DOCTOR_WARNING, "install umld's package, or its unit",
                          "systemd is PID 1, but does not have the unit umld@.service: no guest "
                          "is started at boot");
        else
                exam_tell(e, DOCTOR_OK, "", "systemd is PID 1: guests are units umld@NAME");
}

/* The clock of a guest is that of the host when it boots. */
void check_clock(Exam *e) {
        _cleanup_free_ char *program = NULL;
        struct timex t = {};
        struct stat st;

        if (program_directory(&program) >= 0 && stat(program, &st) >= 0 &&
            time(NULL) < st.st_mtim.tv_sec)
                exam_tell(e, DOCTOR_WARNING, "set it, for example with an NTP client",
                          "the host's clock shows a time before umld was installed");
        else if (adjtimex(&t) < 0)
                exam_tell(e, DOCTOR_UNKNOWN, "",
                          "cannot tell whether the clock is synchronised: %s", strerror(errno));
        else if (t.status & STA_UNSYNC)
                exam_tell(e, DOCTOR_OK, "",
                          "nothing in this host synchronises the clock; in a container the "
                          "provider does");
        else
                exam_tell(e, DOCTOR_OK, "", "synchronised");
}

static void tell_limit(Exam *e, const char *what, const char *option, rlim_t soft, rlim_t wanted) {
        _cleanup_free_ char *remedy =
                strfmt("raise it (ulimit %s %" PRIu64 ")", option, (uint64_t) wanted);

        exam_tell(e, DOCTOR_WARNING, remedy ?: "", "umld may have only %" PRIu64 " %s",
                  (uint64_t) soft, what);
}

void check_limits(Exam *e) {
        struct rlimit files, processes;

        if (getrlimit(RLIMIT_NOFILE, &files) < 0 || getrlimit(RLIMIT_NPROC, &processes) < 0) {
                exam_tell_error(e, -errno, "", "the limits of umld");
                return;
        }
        if (files.rlim_cur < FILES_WANTED)
                tell_limit(e, "open files", "-n", files.rlim_cur, FILES_WANTED);
        if (processes.rlim_cur < PROCESSES_WANTED)
                tell_limit(e, "processes", "-u", processes.rlim_cur, PROCESSES_WANTED);
        if (!e->told)
                exam_tell(e, DOCTOR_OK, "", "umld may have %" PRIu64 " open files",
                          (uint64_t) files.rlim_cur);
}

/* ---- what a killed umld has left ---- */

const char *may_repair_leftovers(const Exam *e) {
        const Ledger *l = e->setup ? &e->setup->host->ledger : NULL;

        return e->name && !e->running && l &&
                               (l->tap || l->cgroups.n > 0 || l->mount || l->n_owners > 0)
                       ? "undo what the killed umld of this guest has left on the host"
                       : "";
}

/* No umld of this guest can be started meanwhile. */
int repair_leftovers(Exam *e) {
        _cleanup_free_ char *path = umld_path(DIR_RUNTIME, e->name, "lock");
        _cleanup_(setup_freep) Setup *s = NULL;
        _cleanup_(fault_done) Fault f = {};
        _cleanup_close_ int lock = -EBADF;
        pid_t holder;
        int r;

        lock = path ? pid_lock(path, &holder) : -ENOMEM;
        r = lock < 0 ? lock : setup_new(e->config, umld_dir(DIR_RUNTIME), &s);
        return r < 0 ? r : setup_wait(s, SETUP_SWEEP, &f);
}

void check_leftovers(Exam *e) {
        if (*may_repair_leftovers(e))
                exam_tell(e, DOCTOR_WARNING, "the guest's next start undoes it",
                          "a killed umld of this guest has left changes on the host");
        else if (e->name)
                exam_tell(e, DOCTOR_OK, "", "nothing is left of a killed umld");
}

/* ---- OpenVZ ---- */

static void tell_failures(Exam *e, const char *text, const BeancounterInfo *info) {
        Beancounter b;

        if (beancounter_find(text, info->resource, &b) < 0 || b.failures == 0)
                return;
        exam_tell(e, DOCTOR_WARNING,
                  "use less of it, or ask the provider for more; the counter is reset when the "
                  "container is restarted",
                  "%s, %s: %" PRIu64 " requests were refused; %" PRIu64 " are held", info->resource,
                  info->meaning, b.failures, b.held);
}

void check_beancounters(Exam *e) {
        _cleanup_free_ char *text = NULL;
        ssize_t r = read_file(host_memory_sources.beancounters, BEANCOUNTERS_MAX, &text);

        if (r == -ENOENT)
                return; /* not OpenVZ */
        if (r < 0) {
                exam_tell_error(e, (int) r, "", host_memory_sources.beancounters);
                return;
        }
        for (const BeancounterInfo *i = beancounter_infos; i->resource; i++)
                tell_failures(e, text, i);
        if (!e->told)
                exam_tell(e, DOCTOR_OK, "",
                          "OpenVZ has refused nothing since the container's start");
}
