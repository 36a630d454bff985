/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - makes an empty file system, checks one, grows one. */

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/format.h"
#include "image/tool.h"

enum {
        E2FSCK_UNCORRECTED = 4, /* exit statuses of e2fsck from here on are failures */
};

/* metadata_csum_seed and orphan_file are left out for the sake of older kernels. */
#define FEATURES                                                                                   \
        "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,"          \
        "sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

static int push_all(Strv *argv, const char *const *words, size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = strv_push(argv, words[i]);
        return r;
}

static int make_argv(const ImageFormat *f, Strv *argv) {
        bool fixed = getenv("SOURCE_DATE_EPOCH");
        const char *const words[] = {
                "mke2fs", "-q",  "-F",         "-t",   "ext4",         "-b", "4096",
                "-I",     "256", "-i",         "8192", "-m",           "1",  "-O",
                FEATURES, "-e",  "remount-ro", "-L",   f->label ?: "", "-E",
        };
        /* SOURCE_DATE_EPOCH makes images reproducible. */
        const char *const uuid = "6d7b4a52-0f3c-4c5e-9d1e-2f5a86c3b190";
        int r = push_all(argv, words, ARRAY_SIZE(words));

        if (r >= 0)
                r = strv_pushf(
                        argv, "root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1,nodiscard%s%s",
                        fixed ? ",hash_seed=" : "", fixed ? uuid : "");
        if (r >= 0 && fixed)
                r = strv_push(argv, "-U");
        if (r >= 0 && fixed)
                r = strv_push(argv, uuid);
        return r < 0 ? r : strv_push(argv, TOOL_IMAGE);
}

int image_format(int fd, const ImageFormat *f, char **ret_why) {
        _cleanup_strv_ Strv argv = {};
        int r;

        *ret_why = NULL;
        /* The file is truncated first, because all that is free afterwards must be zeros. */
        if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t) f->size) < 0)
                return -errno;
        r = make_argv(f, &argv);
        if (r >= 0)
                r = tool_run(&argv, fd, ret_why);
        return r > 0 ? -EIO : r;
}

int image_repair(int fd, char **ret_output) {
        static const char *const words[] = { "e2fsck", "-f", "-p", TOOL_IMAGE };
        _cleanup_strv_ Strv argv = {};
        int r = push_all(&argv, words, ARRAY_SIZE(words));

        *ret_output = NULL;
        if (r >= 0)
                r = tool_run(&argv, fd, ret_output);
        if (r < 0)
                return r;
        return r >= E2FSCK_UNCORRECTED ? -EUCLEAN : r > 0;
}

int image_grow(int fd, uint64_t size, char **ret_why) {
        static const char *const words[] = { "resize2fs", TOOL_IMAGE };
        _cleanup_strv_ Strv argv = {};
        struct stat st;
        int r;

        *ret_why = NULL;
        if (fstat(fd, &st) < 0 || ((uint64_t) st.st_size < size && ftruncate(fd, (off_t) size) < 0))
                return -errno;
        r = push_all(&argv, words, ARRAY_SIZE(words));
        if (r >= 0)
                r = strv_pushf(&argv, "%lluK", (unsigned long long) size / 1024);
        if (r >= 0)
                r = tool_run(&argv, fd, ret_why);
        return r > 0 ? -EIO : r;
}
