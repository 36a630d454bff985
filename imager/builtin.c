/* SPDX-License-Identifier: GPL-2.0-or-later */
/* builtin.c - umld-image builtin: the default guest as an archive on standard output. It is made of
 * this host's static busybox and of the files in imager/builtin, which are compiled in. */

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/child.h"
#include "basic/fd-util.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "image/node.h"
#include "imager/busybox.h"
#include "imager/modes.h"

enum {
        APPLETS_MAX = 64 * 1024, /* bytes of their list */
};

#define PATIENCE (30 * USEC_PER_SEC)

static const struct {
        const char *path;
        mode_t mode;
        const char *data;
        size_t size;
} files[] = {
#include "builtin-files.inc"
};

static const struct {
        const char *path;
        mode_t mode;
} directories[] = {
        { "bin", 0755 },     { "dev", 0755 },      { "etc", 0755 },  { "proc", 0755 },
        { "root", 0700 },    { "run", 0755 },      { "sbin", 0755 }, { "srv", 0755 },
        { "srv/www", 0755 }, { "sys", 0755 },      { "tmp", 01777 }, { "usr", 0755 },
        { "usr/bin", 0755 }, { "usr/sbin", 0755 },
};

/* Device nodes for kernels without devtmpfs. */
static const struct {
        const char *path;
        unsigned major, minor;
} devices[] = {
        { "dev/console", 5, 1 }, { "dev/tty", 5, 0 },  { "dev/tty0", 4, 0 },
        { "dev/null", 1, 3 },    { "dev/zero", 1, 5 }, { "dev/random", 1, 8 },
        { "dev/urandom", 1, 9 },
};

/* To files that are written at each boot, and to what the applets of those names would do slowly.
 */
static const struct {
        const char *path, *target;
} links[] = {
        { "srv/www/index.html", "../../run/index.html" },
        { "etc/resolv.conf", "../run/resolv.conf" },
        { "sbin/reboot", "../etc/init.d/rcK" },
        { "sbin/poweroff", "../etc/init.d/rcK" },
        { "sbin/halt", "../etc/init.d/rcK" },
};

static struct archive_entry *new_entry(const char *path, mode_t mode) {
        struct archive_entry *e = archive_entry_new();
        ImageNode node;

        if (!e)
                return NULL;
        image_node_init(&node, mode);
        archive_entry_set_pathname(e, path);
        archive_entry_set_mode(e, mode);
        archive_entry_set_mtime(e, node.mtime.tv_sec, node.mtime.tv_nsec);
        archive_entry_set_size(e, 0);
        return e;
}

/* Takes over the entry. */
static int put(struct archive *a, struct archive_entry *e, const void *data, size_t size) {
        int r;

        if (!e)
                return -ENOMEM;
        archive_entry_set_size(e, (int64_t) size);
        r = archive_write_header(a, e) < ARCHIVE_WARN ? -EIO : 0;
        archive_entry_free(e);
        if (r >= 0 && size > 0 && archive_write_data(a, data, size) != (la_ssize_t) size)
                r = -EIO;
        return r;
}

static int put_link(struct archive *a, const char *path, const char *target) {
        struct archive_entry *e = new_entry(path, S_IFLNK | 0777);

        if (e)
                archive_entry_set_symlink(e, target);
        return put(a, e, NULL, 0);
}

static int put_device(struct archive *a, const char *path, unsigned major, unsigned minor) {
        struct archive_entry *e = new_entry(path, S_IFCHR | 0600);

        if (e) {
                archive_entry_set_rdevmajor(e, major);
                archive_entry_set_rdevminor(e, minor);
        }
        return put(a, e, NULL, 0);
}

/* ---- busybox ---- */

static bool is_applet(const char *path) {
        return (startswith(path, "bin/") || startswith(path, "sbin/") ||
                startswith(path, "usr/bin/") || startswith(path, "usr/sbin/")) &&
               !strstr(path, "..") && !streq(path, "bin/busybox");
}

static int print_applets(int output, void *busybox) {
        (void) execl(busybox, "busybox", "--list-full", (char *) NULL);
        return SPAWN_FAILED;
}

static int put_links(struct archive *a, char *list) {
        char *save = NULL;
        int r = 0;

        for (char *path = strtok_r(list, "\n", &save); r >= 0 && path;
             path = strtok_r(NULL, "\n", &save))
                if (is_applet(path))
                        r = put_link(a, path, "/bin/busybox");
        return r;
}

static int put_applets(struct archive *a, const char *busybox) {
        Child c = {};
        int r = child_start(&c, &(const ChildWish){ .run = print_applets,
                                                    .userdata = (void *) busybox,
                                                    .patience = PATIENCE,
                                                    .keep = APPLETS_MAX });

        if (r >= 0)
                r = child_wait(&c);
        if (r >= 0)
                r = c.status == 0 && !c.overflow ? put_links(a, c.said) : -EIO;
        child_done(&c);
        return r;
}

static int put_busybox(struct archive *a, char **ret_why) {
        _cleanup_free_ char *data = NULL;
        const char *path;
        ssize_t n = busybox_read(&path, &data);
        int r;

        if (n < 0) {
                *ret_why = strdup("no static busybox; install the package busybox-static, or set "
                                  "BUSYBOX");
                return (int) n;
        }
        r = put(a, new_entry("bin/busybox", S_IFREG | 0755), data, (size_t) n);
        return r < 0 ? r : put_applets(a, path);
}

/* Later entries replace earlier ones: init must not be the applet. */
static int put_all(struct archive *a, char **ret_why) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(directories); i++)
                r = put(a, new_entry(directories[i].path, S_IFDIR | directories[i].mode), NULL, 0);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(devices); i++)
                r = put_device(a, devices[i].path, devices[i].major, devices[i].minor);
        if (r >= 0)
                r = put_busybox(a, ret_why);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(links); i++)
                r = put_link(a, links[i].path, links[i].target);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(files); i++)
                r = put(a, new_entry(files[i].path, S_IFREG | files[i].mode), files[i].data,
                        files[i].size);
        return r;
}

int mode_builtin(int argc, char *argv[]) {
        _cleanup_free_ char *why = NULL;
        struct archive *a = archive_write_new();
        int r;

        if (argc != 1)
                return EXIT_USAGE;
        (void) signal(SIGPIPE, SIG_IGN);
        if (!a || archive_write_set_format_pax(a) != ARCHIVE_OK ||
            archive_write_open_fd(a, STDOUT_FILENO) != ARCHIVE_OK)
                r = -EIO;
        else
                r = put_all(a, &why);
        if (r >= 0 && archive_write_close(a) != ARCHIVE_OK)
                r = -EIO;
        archive_write_free(a);
        if (r < 0)
                dprintf(STDERR_FILENO, "%s\n", why ?: strerror(-r));
        return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
