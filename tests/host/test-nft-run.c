/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nft-run.c - the child that knows libnftables: however much it has to say, the cause is told,
 * and nobody waits for it. */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "private-net.h"

#include "basic/child.h"
#include "nat/nft-run.h"

/* Before libc's, also for the library that is loaded later: this is how it sends a transaction. */
static bool hang;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        while (hang)
                pause();
        return syscall(SYS_sendmsg, fd, message, flags);
}

/* A chain, and that many rules for one that is not there. */
static char *failing(int n) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        fprintf(f, "add table inet umld-failing\nadd chain inet umld-failing there\n");
        for (int i = 0; i < n; i++)
                fprintf(f,
                        "add rule inet umld-failing nochain tcp dport %d dnat ip to 10.0.0.2:%d\n",
                        20000 + i, 30000 + i);
        assert_int_equal(fclose(f), 0);
        return text;
}

static int run(const char *commands, NftRefusal *ret) {
        _cleanup_(nft_run_freep) NftRun *run = NULL;
        int r;

        ASSERT_OK(nft_run_start(commands, -EBADF, &run));
        while ((r = nft_run_poll(run, ret)) == -EAGAIN)
                (void) usleep(1000);
        return r;
}

static void test_many_failures(void **state) {
        static const int counts[] = { 1, 100, 150, 200, 207, 250, 400, 2000 };

        FOREACH_ELEMENT (n, counts) {
                _cleanup_free_ char *commands = failing(*n);
                NftRefusal refusal;

                ASSERT_ERROR(run(commands, &refusal), ENOENT);
                assert_string_equal(refusal.text,
                                    "Could not process rule: No such file or directory");
                assert_string_equal(refusal.command,
                                    "add rule inet umld-failing nochain tcp dport 20000 dnat ip to "
                                    "10.0.0.2:30000");
                shell("! nft list ruleset | grep -q umld-failing");
        }
}

static void test_done(void **state) {
        NftRefusal refusal;

        ASSERT_OK(run("add table inet umld-done\n", &refusal));
        assert_string_equal(refusal.text, "");
        shell("nft list table inet umld-done >/run/said && nft delete table inet umld-done");
}

/* A kernel that does not answer keeps the child, and not us; and the lock stays with the child. */
static void test_hangs(void **state) {
        _cleanup_(nft_run_freep) NftRun *run = NULL;
        usec_t end = now_usec(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC, before;
        NftRefusal refusal;

        hang = true;
        ASSERT_OK(nft_run_start("add table inet umld-hangs\n", -EBADF, &run));
        hang = false;
        for (int i = 0; i < 100; i++) {
                before = now_usec(CLOCK_MONOTONIC);
                ASSERT_ERROR(nft_run_poll(run, &refusal), EAGAIN);
                assert_true(now_usec(CLOCK_MONOTONIC) - before < 100 * USEC_PER_MSEC);
                (void) usleep(1000);
        }
        nft_run_kill(run);
        while (nft_run_poll(run, &refusal) == -EAGAIN && now_usec(CLOCK_MONOTONIC) < end)
                (void) usleep(1000);
        ASSERT_ERROR(nft_run_poll(run, &refusal), EIO);
        shell("! nft list ruleset | grep -q umld-hangs");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_many_failures),
                cmocka_unit_test(test_done),
                cmocka_unit_test(test_hangs),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
