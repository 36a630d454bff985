/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repair.c - doctor: what umld may repair itself, when it is asked to. */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/path-trust.h"
#include "basic/string-util.h"
#include "daemon/doctor/doctor.h"
#include "daemon/net/gather.h"
#include "host/modprobe.h"
#include "host/sysctl.h"
#include "host/tap.h"
#include "host/tun-node.h"

enum {
        TUN_MAJOR = 10,
        TUN_MINOR = 200,
};

/* ---- TUN ---- */

const char *may_repair_tun(const Exam *e) {
        int r = tap_driver_try();

        return r == -ENOENT   ? "make the device node /dev/net/tun"
               : r == -ENODEV ? "load the kernel module tun"
                              : "";
}

static int load_tun(void) {
        static const char *const modules[] = { "tun", NULL };
        _cleanup_(child_done) Child child = {};
        int r = modprobe_start(modules, &child);

        return r < 0 ? r : child_wait(&child);
}

/* Of that mode the guest's user gets in by a node of its own, or by the access control list. */
int repair_tun(Exam *e) {
        int r = tap_driver_try();

        if (r == -ENOENT)
                r = mkdir_p("/dev/net", 0755);
        if (r >= 0)
                r = RET_NERRNO(mknod(TUN_NODE, S_IFCHR | 0600, makedev(TUN_MAJOR, TUN_MINOR)));
        if (r >= 0 || r == -ENODEV)
                r = tap_driver_try();
        if (r == -ENODEV)
                r = load_tun();
        return r < 0 ? r : tap_driver_try();
}

/* ---- conntrack ---- */

const char *may_repair_conntrack(const Exam *e) {
        return "double net.netfilter.nf_conntrack_max until the next boot of the host";
}

int repair_conntrack(Exam *e) {
        _cleanup_free_ char *text = NULL;
        HostFacts f = {};

        net_gather_counters(&f);
        if (f.tracked_max == 0)
                return -ENODATA;
        text = strfmt("%" PRIu64, 2 * f.tracked_max);
        return text ? sysctl_set("net/netfilter/nf_conntrack_max", text) : -ENOMEM;
}

/* ---- what others may write ---- */

static bool is_open(const char *path, int *ret_fd) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            !open_changed_by_others(fd, &st))
                return false;
        *ret_fd = TAKE_FD(fd);
        return true;
}

static int close_to_others(const char *path) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (!is_open(path, &fd))
                return -ENOENT;
        if (fchown(fd, 0, 0) < 0 || fstat(fd, &st) < 0)
                return -errno;
        return RET_NERRNO(fchmod(fd, st.st_mode & 07777 & ~(mode_t) (S_IWGRP | S_IWOTH)));
}

const char *may_repair_kernel(const Exam *e) {
        _cleanup_close_ int fd = -EBADF;

        return e->config && is_open(config_kernel(e->config), &fd)
                       ? "let only root write to the kernel's file"
                       : "";
}

int repair_kernel(Exam *e) {
        return close_to_others(config_kernel(e->config));
}

const char *may_repair_configuration(const Exam *e) {
        _cleanup_free_ char *path = e->name ? umld_config_path(e->name) : NULL;
        _cleanup_close_ int fd = -EBADF;

        return path && is_open(path, &fd) ? "let only root write to the configuration" : "";
}

int repair_configuration(Exam *e) {
        _cleanup_free_ char *path = umld_config_path(e->name);

        return path ? close_to_others(path) : -ENOMEM;
}
