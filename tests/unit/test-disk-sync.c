/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-disk-sync.c - images are made durable in time, on the side, and only when it is needed. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#include "basic/time-util.h"
#include "daemon/watch/disk-sync.h"

#define MS USEC_PER_MSEC

static unsigned calls;
static int fail_with_errno;
static usec_t takes;

/* In place of libc's. */
int fdatasync(int fd) {
        assert(fd >= 0);
        __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
        if (takes > 0)
                usleep((useconds_t) takes);
        errno = fail_with_errno;
        return fail_with_errno ? -1 : 0;
}

typedef struct Fixture {
        sd_event *event;
        DiskSync *sync;
        int fds[3];
        bool distant[3];
        nlink_t threads; /* without one that syncs */
} Fixture;

static nlink_t count_threads(void) {
        struct stat st;

        assert_int_equal(stat("/proc/self/task", &st), 0);
        return st.st_nlink;
}

static int set_up(void **state) {
        static Fixture f;
        char path[] = "/tmp/test-disk-sync.XXXXXX";

        f = (Fixture){ .fds = { -EBADF, mkstemp(path), -EBADF } };
        assert_true(f.fds[1] >= 0);
        (void) unlink(path);
        calls = 0;
        fail_with_errno = 0;
        takes = 0;
        f.threads = count_threads();
        ASSERT_OK(sd_event_new(&f.event));
        ASSERT_OK(disk_sync_new(f.event, f.fds, f.distant, 3, &f.sync));
        *state = &f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        disk_sync_free(f->sync);
        sd_event_unref(f->event);
        close(f->fds[1]);
        return 0;
}

static void run(Fixture *f, usec_t span) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + span;

        for (usec_t now; (now = now_usec(CLOCK_MONOTONIC)) < end;)
                ASSERT_OK(sd_event_run(f->event, end - now));
}

/* At least that long, and until the end of a sync has been seen, which takes longer on a busy
 * machine. */
static void run_round(Fixture *f, usec_t span) {
        run(f, span);
        do {
                while (count_threads() > f->threads)
                        run(f, MS);
                while (ASSERT_OK(sd_event_run(f->event, 0)) > 0)
                        ;
        } while (count_threads() > f->threads);
}

static void write_image(const Fixture *f) {
        assert_int_equal(pwrite(f->fds[1], "x", 1, 0), 1);
}

static void test_only_what_was_written(void **state) {
        Fixture *f = *state;
        usec_t last;

        write_image(f);
        usleep(60 * 1000);
        assert_int_equal(disk_sync_last(f->sync), 0);
        disk_sync_now(f->sync); /* the first time nobody knows */
        run_round(f, 30 * MS);
        assert_int_equal(calls, 1);
        last = disk_sync_last(f->sync);
        assert_true(last > 0);
        for (int i = 0; i < 5; i++) {
                disk_sync_now(f->sync);
                run_round(f, 5 * MS);
        }
        assert_int_equal(calls, 1);
        assert_true(disk_sync_last(f->sync) > last);
        write_image(f);
        usleep(60 * 1000);
        disk_sync_now(f->sync);
        run_round(f, 30 * MS);
        assert_int_equal(calls, 2);
}

/* Its time stamp would be a question to a server that may be gone. */
static void test_distant(void **state) {
        Fixture *f = *state;

        f->distant[1] = true;
        for (int i = 1; i <= 3; i++) {
                disk_sync_now(f->sync);
                run_round(f, 30 * MS);
                assert_int_equal(calls, i);
        }
}

/* A write in the same tick of the file system's clock leaves the same time stamp. */
static void test_fresh_writes_are_looked_at_again(void **state) {
        Fixture *f = *state;

        write_image(f);
        disk_sync_now(f->sync);
        run_round(f, 80 * MS);
        disk_sync_now(f->sync);
        run_round(f, 20 * MS);
        assert_int_equal(calls, 2);
        disk_sync_now(f->sync);
        run_round(f, 20 * MS);
        assert_int_equal(calls, 2);
}

static void test_in_time(void **state) {
        Fixture *f = *state;

        ASSERT_OK(disk_sync_start(f->sync, 100 * MS));
        write_image(f);
        run(f, 50 * MS);
        assert_int_equal(calls, 0);
        for (int i = 0; i < 5; i++) {
                write_image(f);
                run(f, 100 * MS);
        }
        assert_in_range(calls, 2, 6);
        ASSERT_OK(disk_sync_start(f->sync, 0));
        run(f, 50 * MS); /* one may be under way */
        calls = 0;
        write_image(f);
        run(f, 250 * MS);
        assert_int_equal(calls, 0);
}

/* The loop goes on while the disk takes its time, and a wish meanwhile is not forgotten. */
static void test_slow_disk(void **state) {
        Fixture *f = *state;
        usec_t began = now_usec(CLOCK_MONOTONIC);

        takes = 300 * MS;
        write_image(f);
        disk_sync_now(f->sync);
        disk_sync_now(f->sync);
        assert_true(now_usec(CLOCK_MONOTONIC) - began < 200 * MS);
        ASSERT_OK(sd_event_run(f->event, 0));
        run(f, 100 * MS);
        assert_int_equal(disk_sync_last(f->sync), 0);
        run_round(f, 900 * MS);
        assert_int_equal(calls, 2);
        assert_true(disk_sync_last(f->sync) > 0);
}

/* Until it is done, in the loop's own time. */
static void finish(Fixture *f) {
        int fd, r;

        while ((r = disk_sync_finish(f->sync, &fd)) == -EAGAIN) {
                assert_true(fd >= 0);
                ASSERT_OK(sd_event_run(f->event, 20 * MS));
        }
        ASSERT_OK(r);
}

static void test_finish(void **state) {
        Fixture *f = *state;
        usec_t began;
        int fd;

        takes = 300 * MS;
        write_image(f);
        usleep(60 * 1000);
        disk_sync_now(f->sync);
        began = now_usec(CLOCK_MONOTONIC);
        ASSERT_ERROR(disk_sync_finish(f->sync, &fd), EAGAIN);
        assert_true(now_usec(CLOCK_MONOTONIC) - began < 200 * MS);
        finish(f);
        assert_true(now_usec(CLOCK_MONOTONIC) - began >= 200 * MS);
        assert_int_equal(calls, 1); /* nothing was written behind that round */
        /* What it knew of these descriptors is forgotten, too. */
        takes = 0;
        finish(f);
        assert_int_equal(calls, 2);
}

/* What is written while the last round but one is under way is not lost. */
static void test_finish_with_late_writes(void **state) {
        Fixture *f = *state;
        int fd;

        takes = 200 * MS;
        write_image(f);
        disk_sync_now(f->sync);
        ASSERT_ERROR(disk_sync_finish(f->sync, &fd), EAGAIN);
        usleep(60 * 1000);
        write_image(f);
        finish(f);
        assert_int_equal(calls, 2);
}

/* The thread has what it needs for as long as it needs it. */
static void test_free_does_not_wait(void **state) {
        Fixture *f = *state;
        usec_t began = now_usec(CLOCK_MONOTONIC);

        takes = 300 * MS;
        write_image(f);
        disk_sync_now(f->sync);
        f->sync = disk_sync_free(f->sync);
        assert_true(now_usec(CLOCK_MONOTONIC) - began < 200 * MS);
        usleep(500 * 1000);
        assert_int_equal(calls, 1);
}

/* Where no sync can be begun, which takes a descriptor, the end of the guest does not wait for
 * ever. */
static void test_finish_without_sync(void **state) {
        Fixture *f = *state;
        struct rlimit before, none;
        unsigned attempts = 0;
        int fd;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
        write_image(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        while (disk_sync_finish(f->sync, &fd) == -EAGAIN && attempts < 1000) {
                assert_int_equal(fd, -EBADF);
                attempts++;
        }
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_in_range(attempts, 10, 100);
        assert_int_equal(calls, 0);
        write_image(f); /* and the next one does */
        finish(f);
        assert_int_equal(calls, 1);
}

static void test_broken_disk(void **state) {
        Fixture *f = *state;

        fail_with_errno = EIO;
        write_image(f);
        usleep(60 * 1000);
        disk_sync_now(f->sync);
        run_round(f, 20 * MS);
        assert_int_equal(disk_sync_last(f->sync), 0);
        fail_with_errno = 0;
        disk_sync_now(f->sync); /* tried again */
        run_round(f, 20 * MS);
        assert_int_equal(calls, 2);
        assert_true(disk_sync_last(f->sync) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_only_what_was_written),
                TEST(test_distant),
                TEST(test_fresh_writes_are_looked_at_again),
                TEST(test_in_time),
                TEST(test_slow_disk),
                TEST(test_finish),
                TEST(test_finish_without_sync),
                TEST(test_finish_with_late_writes),
                TEST(test_free_does_not_wait),
                TEST(test_broken_disk),
        };

        return RUN_TESTS(tests);
}
