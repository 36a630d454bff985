/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c - creates and removes persistent tap devices, and finds the process attached to one. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "host/tap.h"
#include "host/tun-node.h"

#define FDINFO_MAX 4096

/* Attaches to the tap, creating it if it does not exist. It vanishes when the descriptor is closed
 * unless made persistent, so a later failure leaves nothing behind. */
static int tap_attach(const char *ifname, int *ret_fd) {
        struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
        _cleanup_close_ int fd = -EBADF;

        assert(ifname_valid(ifname)); /* the kernel would take a '%' for a pattern */

        fd = open(tun_node(), O_RDWR | O_CLOEXEC);
        if (fd < 0) {
                if (errno == ENXIO)
                        return -ENODEV;
                return errno == EACCES ? -EPERM : -errno;
        }
        strncpy(ifr.ifr_name, ifname, IFNAMSIZ - 1);
        if (ioctl(fd, TUNSETIFF, &ifr) < 0)
                return errno == ENOTTY ? -ENODEV : -errno; /* the node is some other file */
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The driver has nothing to read for a descriptor that is attached to no interface. */
int tap_driver_try(void) {
        _cleanup_close_ int fd = open(tun_node(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
        char byte;

        if (fd < 0)
                return errno == ENXIO ? -ENODEV : errno == EACCES ? -EPERM : -errno;
        return read(fd, &byte, sizeof(byte)) < 0 && errno == EBADFD ? 0 : -ENOTTY;
}

int tap_create(const char *ifname, uid_t owner) {
        _cleanup_close_ int fd = -EBADF;
        struct ifreq ifr = {};
        int r;

        assert(owner != (uid_t) -1); /* that would be a tap for everybody */

        r = tap_attach(ifname, &fd);
        if (r < 0)
                return r;
        if (ioctl(fd, TUNGETIFF, &ifr) < 0)
                return -errno;
        /* The kernel has no query for the owner, and setting the same one again changes nothing. */
        if (ioctl(fd, TUNSETOWNER, (unsigned long) owner) < 0)
                return -errno;
        if (ifr.ifr_flags & IFF_PERSIST)
                return 0;
        return ioctl(fd, TUNSETPERSIST, 1UL) < 0 ? -errno : 1;
}

/* 1 = there is an interface of that name, of whatever kind. */
static int interface_exists(const char *ifname) {
        if (if_nametoindex(ifname) > 0)
                return 1;
        return errno == ENODEV ? 0 : -errno;
}

int tap_remove(const char *ifname) {
        _cleanup_close_ int fd = -EBADF;
        int r = interface_exists(ifname);

        if (r <= 0)
                return r;
        r = tap_attach(ifname, &fd);
        if (r < 0)
                return r;
        return ioctl(fd, TUNSETPERSIST, 0UL) < 0 ? -errno : 1;
}

static bool fdinfo_names_tap(const char *path, const char *ifname) {
        _cleanup_free_ char *text = NULL;
        const char *p;
        size_t n = strlen(ifname);

        if (read_file(path, FDINFO_MAX, &text) < 0)
                return false; /* closed meanwhile */
        p = strstr(text, "\niff:\t");
        if (!p)
                return false;
        p += strlen("\niff:\t");
        return strncmp(p, ifname, n) == 0 && (p[n] == '\n' || p[n] == '\0');
}

static bool process_holds_tap(const char *pid, const char *ifname) {
        char path[64 + NAME_MAX + NAME_MAX];
        _cleanup_closedir_ DIR *dir = NULL;
        struct dirent *de;

        snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
        dir = opendir(path);
        if (!dir)
                return false; /* gone meanwhile */
        while ((de = readdir(dir))) {
                if (de->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, de->d_name);
                if (fdinfo_names_tap(path, ifname))
                        return true;
        }
        return false;
}

/* Another network namespace may have a tap of that name too. */
static bool process_in_namespace(const char *pid, const struct stat *netns) {
        char path[64 + NAME_MAX];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
        return stat(path, &st) >= 0 && st.st_dev == netns->st_dev && st.st_ino == netns->st_ino;
}

int tap_holder(const char *ifname, pid_t *ret_pid, char ret_comm[static 16]) {
        _cleanup_closedir_ DIR *proc = opendir("/proc");
        struct stat netns;
        struct dirent *de;
        pid_t found = 0;

        if (!proc || stat("/proc/self/ns/net", &netns) < 0)
                return -errno;
        while ((de = readdir(proc))) {
                uint64_t pid;

                if (parse_unsigned(de->d_name, 1, INT32_MAX, &pid) < 0)
                        continue;
                if (found > 0 && (pid_t) pid > found)
                        continue;
                if (process_in_namespace(de->d_name, &netns) &&
                    process_holds_tap(de->d_name, ifname))
                        found = (pid_t) pid;
        }
        if (found == 0)
                return 0;
        process_comm(found, ret_comm);
        *ret_pid = found;
        return 1;
}
