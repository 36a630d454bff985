/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-remove.c - remove: deletes a guest with its image and its logs. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "umlctl/autostart.h"
#include "umlctl/guests.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"
#include "umlctl/systemd-manager.h"
#include "umlctl/verbs.h"

static bool there(UmldDir dir, const char *name, const char *file) {
        _cleanup_free_ char *path = umld_path(dir, name, file);

        return path && access(path, F_OK) >= 0;
}

static int check(const char *guest) {
        if (!guest_configured(guest) && !there(DIR_STATE, guest, NULL) &&
            !there(DIR_LOG, guest, NULL))
                return fail_with(EXIT_NO_GUEST, "no such guest: %s", guest);
        if (control_running(guest))
                return fail_with(EXIT_FAILED, "%s is running; stop it first (umlctl stop %s)",
                                 guest, guest);
        if (guest_orphaned(guest))
                return fail_with(
                        EXIT_FAILED,
                        "%s runs without its umld, which was killed; stop it first (umlctl "
                        "stop %s)",
                        guest, guest);
        if (there(DIR_RUNTIME, guest, "undo"))
                return fail_with(EXIT_FAILED,
                                 "%s: its umld was killed and has left changes on the host; start "
                                 "and stop the guest first",
                                 guest);
        return 0;
}

/* Disk usage of the guest's files. */
static uint64_t size_on_disk(const char *guest) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, guest, "root.img");
        struct stat st;

        return path && stat(path, &st) >= 0 ? (uint64_t) st.st_blocks * 512 : 0;
}

/* 0 = confirmed. */
static int ask(const char *guest) {
        char answer[16];

        if (!isatty(STDIN_FILENO))
                return fail_with(EXIT_USAGE,
                                 "%s: standard input is not a terminal, so the removal cannot be "
                                 "confirmed; use --force",
                                 guest);
        fprintf(stderr,
                "Remove the guest %s with its configuration, its image (%s) and its logs? [y/N] ",
                guest, FORMAT_SIZE(size_on_disk(guest)));
        if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
                return 0;
        return fail_with(EXIT_FAILED, "%s was not removed", guest);
}

/* Disables it, so that it is no longer started at boot. */
static void disable(const char *guest) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *manager = NULL;

        bool changed = autostart_set(guest, false) > 0;

        if (manager_usable() && manager_open(&manager) >= 0)
                changed = manager_enable(manager, guest, false, &error) > 0 || changed;
        if (changed)
                note("%s: no longer started at boot", guest);
}

static int remove_path(const char *guest, char *path) {
        _cleanup_free_ char *own = path;
        int r = path ? rm_rf(path) : -ENOMEM;

        if (r == -EACCES || r == -EPERM)
                return fail_with(EXIT_NOT_PERMITTED, "%s: cannot remove %s: %s", guest, own,
                                 strerror(-r));
        return r < 0 ? fail_with(EXIT_FAILED, "%s: cannot remove %s: %s", guest, own ?: "",
                                 strerror(-r))
                     : 0;
}

int verb_remove(const Options *o, const char *guest) {
        int r = check(guest);

        if (r == 0 && !o->force)
                r = ask(guest);
        if (r != 0)
                return r;
        disable(guest);
        /* The configuration first: without it the guest can no longer be started. */
        r = remove_path(guest, umld_config_path(guest));
        if (r == 0)
                r = remove_path(guest, guest_dropin_directory(guest));
        if (r == 0)
                r = remove_path(guest, umld_path(DIR_STATE, guest, NULL));
        if (r == 0)
                r = remove_path(guest, umld_path(DIR_LOG, guest, NULL));
        if (r == 0 && !o->quiet)
                printf("%s was removed\n", guest);
        return r;
}
