/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copy-file.c - copies large files, by cp(1). */

#include "umlctl/copy-file.h"
#include "umlctl/jobs.h"

int copy_file(int from, int to, Progress *progress, char **ret_why) {
        static const char *const words[] = { "cp", "--sparse=always", "--reflink=auto",
                                             "--", "/proc/self/fd/4", "/proc/self/fd/5" };
        _cleanup_(job_done) Job j = JOB_INIT;
        int r = 0;

        *ret_why = NULL;
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(&j.argv, words[i]);
        if (r < 0)
                return r;
        j.what = "cp";
        j.fds[4] = from;
        j.fds[5] = to;
        return jobs_run(&j, 1, progress, ret_why);
}
