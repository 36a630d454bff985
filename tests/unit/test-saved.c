/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-saved.c - the state that one umld leaves to the next. */

#include "test.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "daemon/base/keeper.h"
#include "daemon/base/saved.h"

static void test_round(void **state) {
        const Moment moment = { .clock = CLOCK_BOOTTIME, .at = 7, .realtime = UINT64_MAX };
        _cleanup_(saved_done) SavedText t = {};
        _cleanup_(saved_freep) Saved *s = NULL;
        _cleanup_close_ int fd = -EBADF;
        char *text = NULL;

        assert_int_equal(saved_begin(&t), 0);
        saved_put(&t, "text", "[Guest]\nA=\\n b\\\n");
        saved_put(&t, "nothing", NULL);
        saved_put(&t, "empty", "");
        saved_putf(&t, "some", "%d %s", -3, "x=y");
        saved_put_number(&t, "most", UINT64_MAX);
        saved_put_moment(&t, "then", &moment);
        fd = saved_finish(&t, "/tmp");
        assert_true(fd >= 0);
        assert_int_equal(saved_read(fd, &s), 0);
        assert_string_equal(saved_get(s, "text"), "[Guest]\nA=\\n b\\\n");
        assert_null(saved_get(s, "nothing"));
        assert_string_equal(saved_get(s, "empty"), "");
        assert_string_equal(saved_get(s, "some"), "-3 x=y");
        assert_true(saved_number(s, "most", 1) == UINT64_MAX);
        assert_int_equal(saved_number(s, "nothing", 5), 5);
        assert_int_equal(saved_number(s, "some", 5), 5); /* it is none */
        assert_true(saved_flag(s, "most"));
        assert_false(saved_flag(s, "empty"));
        assert_int_equal(saved_moment(s, "then", CLOCK_BOOTTIME).at, 7);
        assert_true(saved_moment(s, "then", CLOCK_BOOTTIME).realtime == UINT64_MAX);
        saved_text(s, "empty", &text);
        assert_string_equal(text, "");
        saved_text(s, "nothing", &text);
        assert_null(text);
}

/* It cannot be changed behind the back of who reads it. */
static void test_sealed(void **state) {
        _cleanup_(saved_done) SavedText t = {};
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(saved_begin(&t), 0);
        fd = saved_finish(&t, "/tmp");
        assert_true(fd >= 0);
        if (fcntl(fd, F_GET_SEALS) > 0)
                assert_int_equal(pwrite(fd, "x", 1, 0), -1);
}

static int parse(const char *text) {
        _cleanup_(saved_freep) Saved *s = NULL;

        return saved_parse(text, &s);
}

static void test_versions(void **state) {
        assert_int_equal(parse("umld-state 1 0\nend=1\n"), 0);
        assert_int_equal(parse("umld-state 1 99\nunknown=x\nend=1\n"), 0);
        assert_int_equal(parse("umld-state 0 9\nend=1\n"), 0); /* an older one is read */
        assert_int_equal(parse("umld-state 2 0\nend=1\n"), -EPROTONOSUPPORT);
        assert_int_equal(parse("umld-state 99 0\n"), -EPROTONOSUPPORT);
}

static void test_damaged(void **state) {
        static const char *const texts[] = {
                "",
                "\n",
                "end=1\n",
                "umld-state\nend=1\n",
                "umld-state x y\nend=1\n",
                "umld-state 1 0\n",
                "umld-state 1 0\nname=web\n",
                "umld-state 1 0\nname\nend=1\n",
                "umld-state 1 0\nend=0\n",
        };

        FOREACH_ELEMENT (text, texts)
                assert_int_equal(parse(*text), -EBADMSG);
}

/* ---- umld-init's store ---- */

static size_t count(int fd, StoreMessageType type, const char *name) {
        StoreMessage m;
        size_t n = 0;
        int passed;

        while (store_receive(fd, &m, &passed) > 0) {
                safe_close(passed);
                n += m.type == type && streq(m.name, name);
        }
        return n;
}

/* An umld-init that does not read for a while is not left with what umld has closed, such as the
 * lock of an image. */
static void test_full_store(void **state) {
        static Keeper k;
        int pair[2];

        assert_int_equal(
                socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        keeper_begin(&k, pair[0]);
        keeper_list(&k);
        keeper_put(&k, "disk0", pair[1]);
        assert_int_equal(keeper_finish(&k, USEC_PER_SEC, USEC_PER_SEC), 0);
        while (store_send(pair[0], STORE_TIMES, NULL, 0, 0, -EBADF) >= 0)
                ;
        keeper_list(&k);
        assert_int_equal(keeper_finish(&k, USEC_PER_SEC, USEC_PER_SEC), -EAGAIN);
        assert_int_equal(count(pair[1], STORE_DROP, "disk0"), 0);
        keeper_list(&k);
        assert_int_equal(keeper_finish(&k, USEC_PER_SEC, USEC_PER_SEC), 0);
        assert_int_equal(count(pair[1], STORE_DROP, "disk0"), 1);
        assert_int_equal(k.n, 0);
        safe_close(pair[0]);
        safe_close(pair[1]);
}

/* Only the first descriptor of a message is ours, and the other one does not stay open. */
static void test_second_descriptor(void **state) {
        union {
                struct cmsghdr align;
                char buf[CMSG_SPACE(2 * sizeof(int))];
        } control = {};
        StoreMessage sent = { .type = STORE_PUT, .name = "two" }, m;
        struct iovec iov = { .iov_base = &sent, .iov_len = sizeof(sent) };
        struct msghdr mh = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        int pair[2], two[2], fd, next;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(pipe2(two, O_CLOEXEC | O_NONBLOCK), 0);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(two));
        memcpy(CMSG_DATA(c), two, sizeof(two));
        assert_true(sendmsg(pair[0], &mh, 0) > 0);
        safe_close(two[1]);
        assert_int_equal(store_receive(pair[1], &m, &fd), 1);
        assert_true(fd >= 0);
        safe_close(fd);
        next = read(two[0], &(char){ 0 }, 1); /* nobody writes any more */
        assert_int_equal(next, 0);
        safe_close(two[0]);
        safe_close(pair[0]);
        safe_close(pair[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round),      cmocka_unit_test(test_sealed),
                cmocka_unit_test(test_versions),   cmocka_unit_test(test_damaged),
                cmocka_unit_test(test_full_store), cmocka_unit_test(test_second_descriptor),
        };

        return RUN_TESTS(tests);
}
