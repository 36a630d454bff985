/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd-manager.c - asks systemd to start, stop, enable and disable the service of a guest. */

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "conf/parts.h"
#include "umlctl/systemd-manager.h"

#define DESTINATION       "org.freedesktop.systemd1"
#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"

bool manager_usable(void) {
        return sd_booted() > 0 && !umld_dirs_overridden();
}

int manager_open(sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        if (sd_bus_open_system(ret) >= 0)
                return sd_bus_set_close_on_exit(*ret, false);
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
        if (r >= 0)
                r = sd_bus_set_close_on_exit(bus, false);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                *ret = TAKE_PTR(bus);
        return r;
}

char *manager_unit(const char *name) {
        return strfmt("umld@%s.service", name); /* a guest's name needs no escaping */
}

static int unit_path(sd_bus *bus, const char *unit, char **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE, "LoadUnit", NULL,
                               &reply, "s", unit);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

int manager_unit_busy(sd_bus *bus, const char *unit) {
        _cleanup_free_ char *path = NULL, *state = NULL;
        int r;

        r = unit_path(bus, unit, &path);
        if (r >= 0)
                r = sd_bus_get_property_string(bus, DESTINATION, path, DESTINATION ".Unit",
                                               "ActiveState", NULL, &state);
        if (r < 0)
                return r;
        return !streq(state, "inactive") && !streq(state, "failed");
}

/* Not by when its text was written: a file that was moved or copied to its place may be older. */
static bool is_newer(int directory, const char *path, int flags, const struct timespec *than) {
        struct stat st;

        return fstatat(directory, path, &st, flags) >= 0 &&
               (st.st_ctim.tv_sec > than->tv_sec ||
                (st.st_ctim.tv_sec == than->tv_sec && st.st_ctim.tv_nsec > than->tv_nsec));
}

/* The file, or the link that leads to it. */
static bool changed_since(int directory, const char *path, const struct timespec *then) {
        return is_newer(directory, path, 0, then) ||
               is_newer(directory, path, AT_SYMLINK_NOFOLLOW, then);
}

/* The directory has another time if one was added or removed. */
static bool dropins_changed_since(const char *path, const struct timespec *then) {
        _cleanup_closedir_ DIR *dir = opendir(path);
        bool changed = dir && changed_since(AT_FDCWD, path, then);

        for (struct dirent *e; dir && !changed && (e = readdir(dir));)
                changed = config_dropin_valid(e->d_name) &&
                          changed_since(dirfd(dir), e->d_name, then);
        return changed;
}

void manager_follow(sd_bus *bus, const char *name) {
        _cleanup_free_ char *file = umld_config_path(name),
                            *more = file ? config_dropin_directory(file) : NULL;
        struct stat made = {};

        if (!more)
                return;
        (void) stat("/run/systemd/generator", &made); /* each time it is another one */
        if (changed_since(AT_FDCWD, file, &made.st_mtim) ||
            dropins_changed_since(more, &made.st_mtim))
                (void) sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                          "Reload", NULL, NULL, NULL);
}

void manager_job_done(ManagerJob *job) {
        free(job->unit);
        free(job->path);
        free(job->result);
        *job = (ManagerJob){};
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *path, *result;
        ManagerJob *job = userdata;

        if (sd_bus_message_read(m, "uoss", NULL, &path, NULL, &result) < 0)
                return 0;
        if (!job->path || !streq(path, job->path) || job->result)
                return 0;
        job->result = strdup(result);
        waiter_kick(job->waiter);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ManagerJob *job = userdata;

        job->lost = true;
        waiter_kick(job->waiter);
        return 0;
}

/* Called before the job is queued, or a job that ends quickly would be missed. */
static int watch_jobs(sd_bus *bus, ManagerJob *job) {
        /* On a direct connection messages have no sender. */
        const char *sender = sd_bus_is_bus_client(bus) > 0 ? DESTINATION : NULL;
        int r;

        r = sd_bus_match_signal(bus, NULL, sender, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved",
                                on_job_removed, job);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, job);
        if (r >= 0)
                r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                       "Subscribe", NULL, NULL, NULL);
        return r < 0 ? r : sd_bus_attach_event(bus, job->waiter->event, SD_EVENT_PRIORITY_NORMAL);
}

int manager_job(sd_bus *bus, Waiter *waiter, const char *method, const char *name, ManagerJob *job,
                sd_bus_error *ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;
        int r;

        job->unit = manager_unit(name);
        if (!job->unit)
                return -ENOMEM;
        job->waiter = waiter;
        if (waiter) {
                r = watch_jobs(bus, job);
                if (r < 0)
                        return r;
        }
        r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE, method, ret_error,
                               &reply, "ss", job->unit, "replace");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        return r < 0 ? r : free_and_strdup(&job->path, path);
}

void manager_failure_done(ManagerFailure *f) {
        free(f->status_text);
        free(f->result);
        *f = (ManagerFailure){};
}

void manager_failure_read(sd_bus *bus, const char *unit, ManagerFailure *ret) {
        static const char interface[] = DESTINATION ".Service";
        _cleanup_free_ char *path = NULL;
        ManagerFailure f = {};
        int32_t status = 0;

        if (unit_path(bus, unit, &path) >= 0) {
                (void) sd_bus_get_property_string(bus, DESTINATION, path, interface, "StatusText",
                                                  NULL, &f.status_text);
                (void) sd_bus_get_property_string(bus, DESTINATION, path, interface, "Result", NULL,
                                                  &f.result);
                (void) sd_bus_get_property_trivial(bus, DESTINATION, path, interface,
                                                   "ExecMainStatus", NULL, 'i', &status);
        }
        f.exit_status = status;
        *ret = f;
}

/* Does a reply contain a non-empty list of changes? */
static int has_changes(sd_bus_message *reply) {
        int r = sd_bus_message_enter_container(reply, 'a', "(sss)");

        return r < 0 ? r : sd_bus_message_at_end(reply, false) == 0;
}

int manager_enable(sd_bus *bus, const char *name, bool enable, sd_bus_error *ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *unit = manager_unit(name);
        int r, changed;

        if (!unit)
                return -ENOMEM;
        if (enable) {
                r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                       "EnableUnitFiles", ret_error, &reply, "asbb", 1, unit, false,
                                       false);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "b"); /* the unit has an [Install] section */
        } else
                r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                       "DisableUnitFiles", ret_error, &reply, "asb", 1, unit,
                                       false);
        if (r < 0)
                return r;
        changed = has_changes(reply);
        if (changed <= 0)
                return changed;
        r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE, "Reload",
                               ret_error, NULL, NULL);
        return r < 0 ? r : 1;
}

int manager_enabled(sd_bus *bus, const char *name, sd_bus_error *ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *unit = manager_unit(name);
        const char *state;
        int r;

        if (!unit)
                return -ENOMEM;
        r = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                               "GetUnitFileState", ret_error, &reply, "s", unit);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &state);
        return r < 0 ? r : streq(state, "enabled") || streq(state, "enabled-runtime");
}
