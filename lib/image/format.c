/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - the empty file system. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "image/format.h"

enum {
        OUTPUT_MAX = 4096,
};

/* Left out for the sake of older kernels: metadata_csum_seed, orphan_file. */
#define FEATURES                                                                                   \
        "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,"          \
        "sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

static int make_argv(int fd, const ImageFormat *f, Strv *argv) {
        const char *epoch = getenv("SOURCE_DATE_EPOCH");
        const char *const words[] = {
                "mke2fs", "-q",  "-F",         "-t",   "ext4",         "-b", "4096",
                "-I",     "256", "-i",         "8192", "-m",           "1",  "-O",
                FEATURES, "-e",  "remount-ro", "-L",   f->label ?: "",
        };
        /* Equal input makes an equal image where the time is told. */
        const char *const uuid = "6d7b4a52-0f3c-4c5e-9d1e-2f5a86c3b190";
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(argv, words[i]);
        if (r >= 0 && epoch)
                r = strv_push(argv, "-U");
        if (r >= 0 && epoch)
                r = strv_push(argv, uuid);
        if (r >= 0)
                r = strv_push(argv, "-E");
        if (r >= 0)
                r = strv_pushf(
                        argv, "root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1,nodiscard%s%s",
                        epoch ? ",hash_seed=" : "", epoch ? uuid : "");
        return r < 0 ? r : strv_pushf(argv, "/proc/self/fd/%d", fd);
}

/* What systemd or a login shell gives may lack the directories of administration. */
static _noreturn_ void run_mke2fs(int fd, int output, char *const argv[]) {
        _cleanup_free_ char *path =
                strfmt("%s:/usr/sbin:/sbin:/usr/bin:/bin", getenv("PATH") ?: "");
        const char *epoch = getenv("SOURCE_DATE_EPOCH");

        if (path)
                (void) setenv("PATH", path + (path[0] == ':'), 1);
        (void) setenv("MKE2FS_CONFIG", "/dev/null", 1); /* nothing of the host's taste */
        if (epoch)
                (void) setenv("E2FSPROGS_FAKE_TIME", epoch, 1);
        if (fd_cloexec(fd, false) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
            dup2(output, STDERR_FILENO) >= 0)
                (void) execvp(argv[0], argv);
        dprintf(output, "%s: %s%s", argv[0], strerror(errno),
                errno == ENOENT ? "; install e2fsprogs" : "");
        _exit(127);
}

static int wait_child(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int run(int fd, char *const argv[], char **ret_why) {
        _cleanup_close_ int reading = -EBADF, writing = -EBADF;
        char output[OUTPUT_MAX];
        int ends[2], r;
        ssize_t n;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        reading = ends[0];
        writing = ends[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_mke2fs(fd, writing, argv);
        writing = safe_close(writing);
        n = read_all(reading, output, sizeof(output));
        reading = safe_close(reading); /* more than that is not waited for */
        r = wait_child(pid);
        if (r < 0)
                *ret_why = escape_text(output, (size_t) MAX(n, (ssize_t) 0), 300);
        return r;
}

int image_format(int fd, const ImageFormat *f, char **ret_why) {
        _cleanup_strv_ Strv argv = {};
        int r;

        *ret_why = NULL;
        /* To nothing first: what is free afterwards has to be zeros. */
        if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t) f->size) < 0)
                return -errno;
        r = make_argv(fd, f, &argv);
        return r < 0 ? r : run(fd, argv.v, ret_why);
}
