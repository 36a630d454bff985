/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-key.c - makes the SSH host key of a new guest, and remembers it. */

#include <stdio.h>
#include <sys/stat.h>

#include "api/ssh-files.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "umlctl/host-key.h"
#include "umlctl/jobs.h"

/* Ed25519: every OpenSSH since 2014 has it, and it is made at once. */
static int make_argv(const Workspace *w, Strv *argv) {
        static const char *const words[] = { "ssh-keygen", "-q", "-t", "ed25519", "-N",
                                             "",           "-C", "",   "-f" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(argv, words[i]);
        return r < 0 ? r : strv_pushf(argv, "%s/" HOST_KEY_FILE, w->path);
}

int host_key_make(const Workspace *w, Progress *progress, char **ret_why) {
        _cleanup_(job_done) Job j = JOB_INIT;
        int r;

        *ret_why = NULL;
        if (!program_installed("ssh-keygen"))
                return 0;
        r = make_argv(w, &j.argv);
        j.what = "ssh-keygen";
        if (r >= 0)
                r = jobs_run(&j, 1, progress, ret_why);
        return r < 0 ? r : 1;
}

int host_key_remember(const Workspace *w, const char *guest) {
        _cleanup_free_ char *path = strfmt("%s/" HOST_KEY_PUBLIC, w->path), *key = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = path ? read_first_line(path, &key) : -ENOMEM;

        if (r >= 0)
                r = fd = workspace_file(w, SSH_KNOWN_HOSTS);
        if (r < 0)
                return r;
        if (dprintf(fd, SSH_ALIAS " %s\n", guest, key) < 0)
                return -errno;
        return RET_NERRNO(fchmod(fd, 0644));
}
