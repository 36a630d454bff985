/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-peer.c - who sent a message, and who is connected. */

#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/peer.h"

static void open_pair(int type, int ret[static 2]) {
        ASSERT_OK(RET_NERRNO(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ret)));
}

static void test_messages(void **state) {
        int fds[2], on = 1;
        struct ucred sender;
        char buf[8];

        open_pair(SOCK_DGRAM, fds);
        _cleanup_close_ int ours = fds[0], theirs = fds[1];

        assert_int_equal(receive_from_peer(ours, buf, sizeof(buf), &sender), -EAGAIN);
        assert_int_equal(send(theirs, "abc", 3, 0), 3);
        assert_int_equal(receive_from_peer(ours, buf, sizeof(buf), &sender), 3);
        assert_memory_equal(buf, "abc", 3);
        assert_int_equal(sender.pid, 0); /* nobody has asked */
        assert_int_equal(sender.uid, (uid_t) -1);

        ASSERT_OK(RET_NERRNO(setsockopt(ours, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on))));
        assert_int_equal(send(theirs, "abcdefghijk", 11, 0), 11);
        assert_int_equal(receive_from_peer(ours, buf, sizeof(buf), &sender), 8);
        assert_int_equal(sender.pid, getpid());
        assert_int_equal(sender.uid, geteuid());
}

static void test_connections(void **state) {
        int fds[2];

        open_pair(SOCK_STREAM, fds);
        _cleanup_close_ int ours = fds[0], theirs = fds[1];

        assert_int_equal(peer_of(ours).pid, getpid());
        assert_int_equal(peer_of(theirs).uid, geteuid());
        assert_int_equal(peer_of(-1).pid, 0);
        assert_int_equal(peer_of(-1).uid, (uid_t) -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_messages),
                cmocka_unit_test(test_connections),
        };

        return RUN_TESTS(tests);
}
