/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.c - files of the host as an archive. */

#include <unistd.h>

#include "umlctl/pack.h"
#include "umlctl/programs.h"

static int make_argv(const Strv *pairs, Strv *argv) {
        static const char *const words[] = { "pack", "--files", "--root-owns", "--" };
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_IMAGE, &program);

        if (r >= 0)
                r = strv_push(argv, program);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(argv, words[i]);
        return r < 0 ? r : strv_copy(argv, pairs);
}

int pack_files(const Workspace *w, const char *file, const Strv *pairs, Progress *progress,
               int *ret, char **ret_why) {
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_close_ int fd = workspace_file(w, file);
        int r = fd < 0 ? fd : make_argv(pairs, &j.argv);

        *ret_why = NULL;
        if (r < 0)
                return r;
        j.what = "umld-image";
        j.fds[STDOUT_FILENO] = fd;
        progress_set(progress, "reading files to copy");
        r = jobs_run(&j, 1, progress, ret_why);
        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return r;
        *ret = TAKE_FD(fd);
        return 0;
}
