/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.c - where a guest's console is logged. */

#include <sys/stat.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "daemon/guest/log.h"
#include "host/accounts.h"

/* Consoles may contain anything, so only root and the group may read them. Whoever made a directory
 * for root alone, umlctl for example, did not know the group. */
static int make_directory(const char *path, gid_t group) {
        int r = mkdir_p(path, 0750);
        struct stat st;

        if (r >= 0 && group != (gid_t) -1 && lstat(path, &st) >= 0 && st.st_gid == 0 &&
            lchown(path, (uid_t) -1, group) < 0)
                log_debug_errno(errno, "%s: cannot be given to group umld: %m", path);
        return r;
}

static int open_file(const Config *c, ConsoleLog **ret) {
        _cleanup_free_ char *directory = umld_path(DIR_LOG, c->name, NULL);
        _cleanup_free_ char *path = umld_path(DIR_LOG, c->name, "console.log");
        gid_t group = account_readers();
        int r;

        if (!directory || !path)
                return log_oom();
        r = make_directory(umld_dir(DIR_LOG), group);
        if (r >= 0)
                r = make_directory(directory, group);
        if (r >= 0)
                r = console_log_open(path, c->log_max, c->log_files, group, ret);
        if (r < 0)
                return log_error_errno(
                        r, "%s: cannot log the guest's console: %m; free some space or set Log=no",
                        path);
        return 0;
}

int guest_open_log(Guest *g) {
        _cleanup_(console_log_closep) ConsoleLog *log = NULL;
        _cleanup_(console_journal_freep) ConsoleJournal *journal = NULL;
        int r = 0, q = 0;

        if (g->config->log)
                r = open_file(g->config, &log);
        if (g->config->journal) {
                q = console_journal_new(CONSOLE_JOURNAL_SOCKET, g->config->name, &journal);
                if (q < 0)
                        log_error_errno(q, "cannot send the guest's console to the journal: %m");
        }
        console_set_sinks(g->console, TAKE_PTR(log), TAKE_PTR(journal));
        return r < 0 ? r : q;
}
