/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-tap.c - taps made, owned, found busy, and removed, on the real driver. */

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "private-net.h"

#include "host/tap.h"

#define OWNER 12345

/* Attaches as a guest's kernel would; returns the descriptor or a negative errno. */
static int attach(const char *ifname) {
        struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        strcpy(ifr.ifr_name, ifname);
        if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
                safe_close(fd);
                return -errno;
        }
        return fd;
}

static void hold_tap(const void *ifname) {
        assert(prctl(PR_SET_NAME, "holder") >= 0);
        assert(attach(ifname) >= 0);
}

static void hold_tap_elsewhere(const void *ifname) {
        assert(unshare(CLONE_NEWNET) >= 0);
        hold_tap(ifname);
}

static void assert_owner(const char *ifname, unsigned owner) {
        _cleanup_free_ char *text = shell_output("ip tuntap show dev %s", ifname);
        _cleanup_free_ char *wanted = NULL;

        assert_true(asprintf(&wanted, "%s: tap persist user %u\n", ifname, owner) > 0);
        assert_string_equal(text, wanted);
}

static void test_create_and_remove(void **state) {
        assert_int_equal(tap_create("tap0", OWNER), 1);
        assert_owner("tap0", OWNER);
        assert_int_equal(tap_create("tap0", OWNER), 0);
        assert_owner("tap0", OWNER);

        assert_int_equal(tap_remove("tap0"), 1);
        assert_int_equal(if_nametoindex("tap0"), 0);
        assert_int_equal(tap_remove("tap0"), 0);
}

/* A tap without an owner, or with another one, is put right and keeps its index. */
static void test_owner_corrected(void **state) {
        unsigned index;

        shell("ip tuntap add dev tap0 mode tap");
        index = if_nametoindex("tap0");
        assert_int_equal(tap_create("tap0", OWNER), 0);
        assert_owner("tap0", OWNER);
        assert_int_equal(tap_create("tap0", OWNER + 1), 0);
        assert_owner("tap0", OWNER + 1);
        assert_int_equal(if_nametoindex("tap0"), index);
        assert_int_equal(tap_remove("tap0"), 1);
}

static void open_node_to_all(void) {
        assert_int_equal(mount("tmpfs", "/dev/net", "tmpfs", 0, NULL), 0);
        assert_int_equal(mknod("/dev/net/tun", S_IFCHR | 0600, makedev(10, 200)), 0);
        assert_int_equal(chmod("/dev/net/tun", 0666), 0);
}

static void as_owner(void) {
        assert(setresuid(OWNER, OWNER, OWNER) >= 0);
        assert(attach("tap0") >= 0);
}

static void as_stranger(void) {
        assert(setresuid(OWNER + 1, OWNER + 1, OWNER + 1) >= 0);
        assert(attach("tap0") == -EPERM);
}

static void test_only_owner_attaches(void **state) {
        open_node_to_all(); /* as a guest's jail may have it: the tap itself has to refuse */
        ASSERT_OK(tap_create("tap0", OWNER));
        in_child(as_owner);
        in_child(as_stranger);
        ASSERT_OK(tap_remove("tap0"));
        assert_int_equal(umount("/dev/net"), 0);
}

static void test_busy(void **state) {
        char comm[16] = "";
        pid_t pid, found = 0;

        ASSERT_OK(tap_create("tap0", OWNER));
        assert_int_equal(tap_holder("tap0", &found, comm), 0);
        pid = child_that_stays(hold_tap, "tap0");
        ASSERT_ERROR(tap_create("tap0", OWNER), EBUSY);
        ASSERT_ERROR(tap_remove("tap0"), EBUSY);
        assert_int_equal(tap_holder("tap0", &found, comm), 1);
        assert_int_equal(found, pid);
        assert_string_equal(comm, "holder");
        /* Names are compared whole. */
        assert_int_equal(tap_holder("tap", &found, comm), 0);
        assert_int_equal(tap_holder("tap00", &found, comm), 0);

        child_kill(pid);
        assert_int_equal(tap_holder("tap0", &found, comm), 0);
        assert_int_equal(tap_create("tap0", OWNER), 0);
        assert_int_equal(tap_remove("tap0"), 1);
}

/* Another namespace's tap of the same name is nobody's business here. */
static void test_holder_elsewhere(void **state) {
        char comm[16];
        pid_t found, pid = child_that_stays(hold_tap_elsewhere, "tap0");

        assert_int_equal(tap_holder("tap0", &found, comm), 0);
        assert_int_equal(tap_create("tap0", OWNER), 1);
        assert_int_equal(tap_remove("tap0"), 1);
        child_kill(pid);
}

static void test_other_kinds(void **state) {
        shell("ip link add foreign type veth && ip tuntap add dev tun9 mode tun");
        ASSERT_ERROR(tap_create("foreign", OWNER), EINVAL);
        ASSERT_ERROR(tap_create("tun9", OWNER), EINVAL);
        ASSERT_ERROR(tap_remove("foreign"), EINVAL);
        ASSERT_ERROR(tap_remove("tun9"), EINVAL);
        assert_true(if_nametoindex("foreign") > 0);
        assert_true(if_nametoindex("tun9") > 0);
        shell("ip link del foreign && ip link del tun9");
}

static void test_no_node(void **state) {
        assert_int_equal(mount("tmpfs", "/dev/net", "tmpfs", 0, NULL), 0);
        ASSERT_ERROR(tap_create("tap0", OWNER), ENOENT);
        assert_int_equal(tap_remove("tap0"), 0); /* needs no driver to see that there is none */

        /* A node that no driver serves, and a file in its place. */
        assert_int_equal(mknod("/dev/net/tun", S_IFCHR | 0600, makedev(10, 254)), 0);
        ASSERT_ERROR(tap_create("tap0", OWNER), ENODEV);
        shell("rm /dev/net/tun && touch /dev/net/tun");
        ASSERT_ERROR(tap_create("tap0", OWNER), ENODEV);
        assert_int_equal(umount("/dev/net"), 0);
}

static void without_rights(void) {
        assert(setresuid(OWNER, OWNER, OWNER) >= 0);
        assert(tap_create("tap1", OWNER) == -EPERM);
}

static void test_forbidden(void **state) {
        in_child(without_rights); /* at the node, which is root's */
        open_node_to_all();
        in_child(without_rights); /* by TUNSETIFF */
        assert_int_equal(umount("/dev/net"), 0);
        assert_int_equal(if_nametoindex("tap1"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_create_and_remove),
                cmocka_unit_test(test_owner_corrected),
                cmocka_unit_test(test_only_owner_attaches),
                cmocka_unit_test(test_busy),
                cmocka_unit_test(test_holder_elsewhere),
                cmocka_unit_test(test_other_kinds),
                cmocka_unit_test(test_no_node),
                cmocka_unit_test(test_forbidden),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
