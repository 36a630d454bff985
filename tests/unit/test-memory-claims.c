/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-memory-claims.c - what guests have been promised and have not taken yet. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "test.h"

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"
#include "host/lock.h"
#include "host/memfile.h"

#define MIB (UINT64_C(1) << 20)

static void test_text(void **state) {
        static const char *const bad[] = { "",
                                           "1",
                                           "1 2 3",
                                           "1 2 3 4 5",
                                           "-1 2 3 4",
                                           "1 2 3 -4",
                                           "x 2 3 4",
                                           "1 2 3 2147483648",
                                           "1 2 3 4x",
                                           "0x1 2 3 4",
                                           "1,2,3,4",
                                           "1 2 3 4 \n x",
                                           "99999999999999999999999999 2 3 4" };
        const MemoryClaim a = { UINT64_MAX, UINT64_MAX, UINT64_MAX, INT32_MAX };
        char text[MEMORY_CLAIM_TEXT_MAX];
        MemoryClaim b = {};

        memory_claim_format(&a, text);
        ASSERT_OK(memory_claim_parse(text, &b));
        assert_true(b.need == a.need && b.device == a.device && b.inode == a.inode);
        assert_int_equal(b.pid, a.pid);
        FOREACH_ELEMENT (s, bad)
                ASSERT_ERROR(memory_claim_parse(*s, &b), EBADMSG);
        assert_true(b.need == a.need && b.pid == a.pid);
}

/* This process stands for a kernel: it holds an unlinked file, sparse, of which 2M are there. */
static int hold_memory_file(void) {
        char path[] = "/tmp/test-claims.XXXXXX", block[4096] = { 1 };
        int fd = mkostemp(path, O_CLOEXEC);

        assert_true(fd >= 0 && unlink(path) == 0 && ftruncate(fd, 64 * MIB) == 0);
        for (off_t at = 0; at < (off_t) (2 * MIB); at += (off_t) sizeof(block))
                assert_int_equal(pwrite(fd, block, sizeof(block), at), sizeof(block));
        return fd;
}

static void test_open(void **state) {
        _cleanup_close_ int fd = hold_memory_file();
        MemFile file = {};
        _cleanup_close_ int moved = -EBADF;
        MemoryClaim c = { .need = 64 * MIB };
        uint64_t charged = 0;
        struct stat st;

        assert_int_equal(memory_claim_open(&c), 64 * MIB); /* not started */
        ASSERT_OK(memfile_find(getpid(), &file));
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(file.inode, st.st_ino);
        assert_int_equal(file.size, 64 * MIB);
        assert_true(file.charged >= 2 * MIB && file.charged < 3 * MIB);

        c = (MemoryClaim){ 64 * MIB, file.device, file.inode, getpid() };
        assert_int_equal(memory_claim_open(&c), 64 * MIB - file.charged);
        ASSERT_OK(memfile_charged(getpid(), file.device, file.inode, &charged));
        assert_int_equal(charged, file.charged);
        ASSERT_ERROR(memfile_charged(getpid(), file.device + 1, file.inode, &charged), ENOENT);
        ASSERT_ERROR(memfile_charged(0, file.device, file.inode, &charged), ENOENT);
        moved = dup(fd); /* found there all the same */
        assert(moved >= 0 && dup2(STDIN_FILENO, fd) >= 0);
        ASSERT_OK(memfile_charged(getpid(), file.device, file.inode, &charged));
        assert_int_equal(memory_claim_open(&c), 64 * MIB - file.charged);
        c.inode++; /* another one's pid by now */
        assert_int_equal(memory_claim_open(&c), 64 * MIB);
        c = (MemoryClaim){ MIB, file.device, file.inode, getpid() };
        assert_int_equal(memory_claim_open(&c), 0);
        ASSERT_ERROR(memfile_find(0, &file), ENOENT);
}

/* As of a kernel whose descriptors are not visible: what it has mapped counts. */
static void test_mapped(void **state) {
        const MemoryClaim c = { 64 * MIB, 7, 0, getpid() };
        uint64_t before = memory_claim_open(&c), after;
        char *memory =
                mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(memory != MAP_FAILED);
        memset(memory, 1, 2 * MIB);
        after = memory_claim_open(&c);
        assert_in_range(before - after, 2 * MIB - 4096, 3 * MIB);
        assert_int_equal(munmap(memory, 2 * MIB), 0);
}

static void test_sums(void **state) {
        static const MemoryClaims claims = {
                .v = { { .need = 5, .device = 7 }, { .need = 6 }, { .need = 20, .device = 7 } },
                .n = 3,
        };
        static const MemoryClaims huge = { .v = { { .need = UINT64_MAX }, { .need = 2 } }, .n = 2 };

        assert_int_equal(memory_claims_open(&claims, 7), 25);
        assert_int_equal(memory_claims_open(&claims, 0), 31);
        assert_int_equal(memory_claims_open(&claims, 9), 0);
        assert_true(memory_claims_open(&huge, 0) == UINT64_MAX);
}

/* An umld that is alive: its lock is held. */
static int be_alive(const char *runtime, const char *name) {
        _cleanup_free_ char *dir = strfmt("%s/%s", runtime, name),
                            *lock = strfmt("%s/%s/lock", runtime, name);

        ASSERT_OK(mkdir_p(dir, 0755));
        return pid_lock(lock, NULL);
}

static void test_book(void **state) {
        _cleanup_free_ char *runtime = strfmt("/tmp/test-claims.%d", getpid()),
                            *shared = strfmt("%s/.shared", runtime),
                            *left = strfmt("%s/memory", shared), *sum = strfmt("%s/sum", left);
        const char *text = "1 5\n3 3\n7 2\n";
        _cleanup_close_ int web = -EBADF, mail = -EBADF;
        MemoryClaim c = { .need = 100 * MIB, .device = 3 };
        Config web_config = { .name = (char *) "web" }, mail_config = { .name = (char *) "mail" };
        const Host web_host = { .config = &web_config, .runtime = runtime, .shared = shared },
                   mail_host = { .config = &mail_config,
                                 .runtime = runtime,
                                 .shared = shared,
                                 .memory.need = 50 * MIB };
        SharedSetting *book = NULL;
        MemoryClaims others = {};
        uint64_t open, on_device;

        web = be_alive(runtime, "web");
        mail = be_alive(runtime, "mail");
        assert_true(web >= 0 && mail >= 0);
        ASSERT_OK(memory_claims_note(&web_host, &c));
        ASSERT_OK(memory_claims_others(&web_host, &others));
        assert_int_equal(others.n, 0);
        c.need = 50 * MIB;
        ASSERT_OK(memory_claims_note(&web_host, &c)); /* instead of the first */
        ASSERT_OK(memory_claims_note(&mail_host, &c));
        ASSERT_OK(memory_claims_others(&mail_host, &others));
        assert_int_equal(others.n, 1);
        assert_int_equal(others.v[0].need, 50 * MIB);
        ASSERT_OK(memory_claims_hold(&mail_host, &book, &others));
        assert_int_equal(others.n, 2);
        ASSERT_ERROR(memory_claims_note(&web_host, &c), EAGAIN);
        ASSERT_ERROR(memory_sum_get(&web_host, 3, 0, &open, &on_device), EAGAIN);
        book = shared_close(book);

        /* One adds up for all. */
        ASSERT_OK(memory_sum_get(&web_host, 3, USEC_PER_SEC * 60, &open, &on_device));
        assert_true(open == 100 * MIB && on_device == 100 * MIB);
        ASSERT_OK(write_file_atomic(sum, text, strlen(text), 0644));
        ASSERT_OK(memory_sum_get(&mail_host, 7, USEC_INFINITY, &open, &on_device));
        assert_true(open == 5 && on_device == 2);
        ASSERT_OK(memory_sum_get(&mail_host, 3, 0, &open, &on_device));
        assert_true(open == 100 * MIB && on_device == 100 * MIB);
        ASSERT_OK(write_file_atomic(sum, "1 5\n7", 5, 0644)); /* nonsense */
        ASSERT_OK(memory_sum_get(&mail_host, 9, USEC_INFINITY, &open, &on_device));
        assert_true(open == 100 * MIB && on_device == 0);
        ASSERT_OK(memory_sum_others(&mail_host, 3, 0, &open));
        assert_true(open == 50 * MIB);
        ASSERT_OK(memory_sum_others(&mail_host, 0, 0, &open));
        assert_true(open == 50 * MIB);
        ASSERT_OK(memory_sum_others(&mail_host, 9, 0, &open));
        assert_true(open == 0);

        web = safe_close(web); /* killed */
        assert_true(web < 0);
        ASSERT_OK(memory_claims_others(&mail_host, &others));
        assert_int_equal(others.n, 0);
        ASSERT_OK(memory_claims_drop(&mail_host));
        ASSERT_OK(memory_claims_drop(&mail_host));
        assert_int_equal(access(left, F_OK), -1);
        ASSERT_OK(rm_rf(runtime));
}

/* A claim that changes changes the sum, unless nobody can tell by how much. */
static void test_changed_sum(void **state) {
        static const struct {
                MemoryClaim from, to;
                const char *before, *after; /* NULL: removed */
        } changes[] = {
                { {}, { 10, 3, 0, 0 }, "1 5\n3 3\n7 2\n", "1 15\n3 13\n7 2\n" },
                { { 3, 3, 0, 0 }, { 10, 7, 0, 0 }, "1 5\n3 3\n7 2\n", "1 12\n3 0\n7 12\n" },
                { { 3, 3, 0, 0 }, { 3, 3, 9, 77 }, "1 5\n3 3\n7 2\n", "1 5\n3 3\n7 2\n" },
                { { 9, 3, 0, 0 }, { 1, 8, 0, 0 }, "1 5\n3 3\n", "1 1\n3 0\n8 1\n" },
                { {},
                  { UINT64_MAX, 3, 0, 0 },
                  "1 5\n3 3\n",
                  "1 18446744073709551615\n3 18446744073709551615\n" },
                { { 3, 3, 9, 77 }, { 3, 3, 0, 0 }, "1 5\n3 3\n7 2\n", NULL },
                { {}, { 10, 3, 0, 0 }, "nonsense", "nonsense" },
                { {},
                  { 1, 99, 0, 0 },
                  "1 16\n1 1\n2 1\n3 1\n4 1\n5 1\n6 1\n7 1\n8 1\n9 1\n10 1\n11 1\n12 1\n13 1\n14 "
                  "1\n15 1\n16 1\n",
                  NULL },
        };
        _cleanup_free_ char *shared = strfmt("/tmp/test-sum.%d", getpid()),
                            *left = strfmt("%s/memory", shared), *sum = strfmt("%s/sum", left);
        const Host h = { .shared = shared };

        ASSERT_OK(mkdir_p(left, 0755));
        FOREACH_ELEMENT (c, changes) {
                _cleanup_free_ char *after = NULL;

                ASSERT_OK(write_file_atomic(sum, c->before, strlen(c->before), 0644));
                memory_sum_change(&h, &c->from, &c->to);
                if (c->after) {
                        assert_true(read_file(sum, 4096, &after) > 0);
                        assert_string_equal(after, c->after);
                } else
                        assert_int_equal(access(sum, F_OK), -1);
        }
        ASSERT_OK(rm_rf(shared));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),   cmocka_unit_test(test_open),
                cmocka_unit_test(test_mapped), cmocka_unit_test(test_sums),
                cmocka_unit_test(test_book),   cmocka_unit_test(test_changed_sum),
        };

        return RUN_TESTS(tests);
}
