/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-image-undo.c - a change of an image is undone, wherever it was interrupted. */

#include <endian.h>
#include <ext2fs/ext2_fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "undo-paths.h"

#include "api/image-undo.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/undo-record.h"

enum {
        SIZE = 300 * 1024 + 100, /* more than one part; not whole blocks */
        MORE = 64 * 1024,
};

static unsigned char original[SIZE];

/* An image of which a part is a hole. */
static int make_image(void) {
        int fd = open(image_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_return_code(ftruncate(fd, SIZE), errno);
        for (size_t i = 0; i < SIZE; i++)
                original[i] = i > 100 * 1024 && i < 200 * 1024 ? 0 : (unsigned char) random();
        assert_int_equal(pwrite(fd, original, 100 * 1024, 0), 100 * 1024);
        assert_int_equal(pwrite(fd, original + 200 * 1024, SIZE - 200 * 1024, 200 * 1024),
                         SIZE - 200 * 1024);
        original[100 * 1024] = 0;
        return fd;
}

static void change(int image, off_t at, size_t size) {
        static unsigned char data[SIZE + MORE];

        memset(data, (int) (random() % 255) + 1, size);
        assert_int_equal(undo_record((uint64_t) at, size), 0);
        assert_int_equal(pwrite(image, data, size, at), size);
}

static void change_much(int image) {
        for (int i = 0; i < 40; i++) {
                off_t at = random() % (SIZE + MORE);

                change(image, at, (size_t) (random() % (SIZE + MORE - at)) / 4 + 1);
        }
}

static void assert_as_before(int image) {
        static unsigned char now[SIZE];
        struct stat st;

        assert_return_code(fstat(image, &st), errno);
        assert_int_equal(st.st_size, SIZE);
        assert_int_equal(pread(image, now, SIZE, 0), SIZE);
        assert_memory_equal(now, original, SIZE);
        assert_int_equal(access(undo_path, F_OK), -1);
}

static int begin(int image) {
        int undo = image_undo_create(image, SIZE + MORE);

        assert_true(undo >= 0);
        assert_true(image_undo_pending(image));
        ASSERT_OK(undo_record_begin(image, undo));
        return undo;
}

/* By two programs, of which the second records again what the first has changed. */
static void test_undone(void **state) {
        _cleanup_close_ int image = make_image();

        for (int i = 0; i < 20; i++) {
                int undo = begin(image);

                change_much(image);
                ASSERT_OK(undo_record_begin(image, undo));
                change_much(image);
                close(undo);
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
                assert_as_before(image);
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_NONE);
        }
}

/* It gets larger by the change. */
static void test_larger(void **state) {
        _cleanup_close_ int image = make_image();
        int undo = image_undo_create(image, SIZE + MORE);

        assert_true(undo >= 0);
        ASSERT_OK(undo_record_begin(image, undo));
        assert_int_equal(undo_record_size(), SIZE);
        change(image, SIZE - 100, 5000);
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
        assert_as_before(image);
}

static void test_complete(void **state) {
        _cleanup_close_ int image = make_image();
        int undo = image_undo_create(image, SIZE + MORE);
        struct stat st;

        assert_true(undo >= 0);
        ASSERT_OK(undo_record_begin(image, undo));
        change(image, 0, SIZE);
        assert_int_equal(pread(image, original, SIZE, 0), SIZE);
        ASSERT_OK(image_undo_complete(image, undo));
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_COMPLETE);
        assert_return_code(fstat(image, &st), errno);
        assert_int_equal(st.st_size, SIZE + MORE);
        assert_return_code(ftruncate(image, SIZE), errno);
        assert_as_before(image);
}

static bool sync_fails;

/* Instead of libc's. */
int fdatasync(int fd) {
        errno = ENOSPC;
        return sync_fails ? -1 : fsync(fd);
}

/* Whoever was told that it has failed must not find it complete later. */
static void test_not_completed(void **state) {
        _cleanup_close_ int image = make_image();
        int undo = begin(image);

        change(image, 0, 5000);
        sync_fails = true;
        assert_int_equal(image_undo_complete(image, undo), -ENOSPC);
        sync_fails = false;
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
        assert_as_before(image);
}

/* The holes are holes again. */
static void test_sparse(void **state) {
        _cleanup_close_ int image = make_image();
        struct stat before, after;
        int undo;

        assert_return_code(fstat(image, &before), errno);
        undo = begin(image);
        change(image, 0, SIZE);
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
        assert_as_before(image);
        assert_return_code(fstat(image, &after), errno);
        assert_int_equal(after.st_blocks, before.st_blocks);
}

/* A record that was killed in the midst of its writing is one of a change that did not begin. */
static void test_cut(void **state) {
        _cleanup_close_ int image = make_image();

        for (off_t cut = 1; cut < 9000; cut += 1 + random() % 200) {
                int undo = begin(image);
                off_t end;

                change(image, 5000, 60000);
                assert_int_equal(undo_record(260 * 1024, 5000), 0); /* and nothing is written */
                end = lseek(undo, 0, SEEK_END);
                assert_return_code(ftruncate(undo, end - MIN(cut, (off_t) SIZE - 256 * 1024 + 24)),
                                   errno);
                close(undo);
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
                assert_as_before(image);
        }
        for (size_t left = 0; left < sizeof(UndoHeader); left++) {
                int undo = begin(image);

                assert_return_code(ftruncate(undo, (off_t) left), errno);
                assert_return_code(ftruncate(image, SIZE), errno); /* it did not come to the mark */
                close(undo);
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_NONE);
                assert_as_before(image);
        }
}

/* ---- another image ---- */

/* What is recorded of one must not come into another, which does not have the mark. */
static void assert_left(int image) {
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_REPLACED);
        assert_as_before(image);
}

static void interrupt_change(int image) {
        int undo = begin(image);

        change(image, 0, 5000);
        close(undo);
}

static void test_other_image(void **state) {
        _cleanup_close_ int old = make_image(), image = -EBADF;

        interrupt_change(old);
        assert_return_code(unlink(image_path), errno);
        image = make_image();
        assert_left(image);
}

/* A backup of the same one, made before, and copied over it. */
static void test_copied_over(void **state) {
        _cleanup_close_ int image = make_image();

        interrupt_change(image);
        assert_return_code(ftruncate(image, 0), errno);
        assert_int_equal(pwrite(image, original, SIZE, 0), SIZE);
        assert_left(image);
}

/* With the undo file it can be moved and copied. */
static void test_moved(void **state) {
        _cleanup_close_ int image = make_image(), other = -EBADF;
        static unsigned char all[SIZE + MORE + sizeof(UndoMark)];
        char other_path[96], other_undo[112];
        ssize_t n;

        interrupt_change(image);
        snprintf(other_path, sizeof(other_path), "%s.other", image_path);
        snprintf(other_undo, sizeof(other_undo), "%s.undo", other_path);
        other = open(other_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        n = pread(image, all, sizeof(all), 0);
        assert_int_equal(pwrite(other, all, (size_t) n, 0), n);
        assert_return_code(rename(undo_path, other_undo), errno);
        assert_int_equal(image_undo_apply(other), IMAGE_UNDO_DONE);
        assert_int_equal(access(other_undo, F_OK), -1);
        assert_as_before(other);
}

/* ---- a file system, which others write to ---- */

enum {
        LAST_MOUNTED = 1700000000,
};

static void put_superblock(int image, uint32_t time, uint8_t uuid) {
        struct ext2_super_block s = { .s_magic = htole16(EXT2_SUPER_MAGIC),
                                      .s_wtime = htole32(time),
                                      .s_uuid = { uuid } };

        assert_int_equal(pwrite(image, &s, sizeof(s), 1024), sizeof(s));
}

static int make_file_system_of(uint32_t time) {
        int image = make_image();

        put_superblock(image, time, 1);
        assert_int_equal(pread(image, original, SIZE, 0), SIZE);
        return image;
}

static int make_file_system(void) {
        return make_file_system_of(LAST_MOUNTED);
}

/* Returns the time that the programs of the change write in the superblock. */
static uint32_t interrupt_in_file_system(int image) {
        int undo = begin(image);

        change(image, 8192, 5000);
        change(image, 1024, 1024);
        close(undo);
        put_superblock(image, (uint32_t) undo_record_time(), 1);
        return (uint32_t) undo_record_time();
}

/* The last writer was one of the change, or the journal was replayed by it. */
static void test_of_this_change(void **state) {
        _cleanup_close_ int image = make_file_system();
        struct stat before, after;

        for (int i = 0; i < 3; i++) {
                uint32_t now;

                assert_return_code(fstat(image, &before), errno);
                now = interrupt_in_file_system(image);
                put_superblock(image, i == 0 ? LAST_MOUNTED : i == 1 ? LAST_MOUNTED + 1 : now, 1);
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
                assert_as_before(image);
                assert_return_code(fstat(image, &after), errno);
                assert_memory_equal(&after.st_mtim, &before.st_mtim, sizeof(before.st_mtim));
        }
}

/* Nothing is done, and the undo file stays for the one who decides. */
static void assert_refused(int image) {
        static unsigned char before[SIZE], after[SIZE];
        ssize_t n = pread(image, before, SIZE, 0);

        assert_int_equal(image_undo_apply(image), -ESTALE);
        assert_non_null(strstr(image_undo_why(-ESTALE), "e2fsck"));
        assert_int_equal(pread(image, after, SIZE, 0), n);
        assert_memory_equal(before, after, n);
        assert_return_code(unlink(undo_path), errno);
}

/* Mounted or repaired since, a backup that is older copied over it without truncation, or the mark
 * cut off by what has resized it: even if the change did not get as far as to the superblock, or
 * just to the replay of the journal. */
static void test_written_since(void **state) {
        static const struct {
                int32_t time; /* added to that of the change, or of the last mount */
                uint8_t uuid;
                bool mounted, cut;
        } cases[] = { { .time = 1, .uuid = 1 },
                      { .time = 1, .uuid = 1, .cut = true },
                      { .time = 0, .uuid = 1, .cut = true },
                      { .time = 0, .uuid = 1, .mounted = true, .cut = true },
                      { .time = 1, .uuid = 1, .mounted = true, .cut = true },
                      { .time = 0, .uuid = 2 },
                      { .time = -1, .uuid = 1, .mounted = true } };

        FOREACH_ELEMENT (c, cases) {
                _cleanup_close_ int image = make_file_system();
                uint32_t now = interrupt_in_file_system(image);

                put_superblock(image, (c->mounted ? LAST_MOUNTED : now) + (uint32_t) c->time,
                               c->uuid);
                if (c->cut)
                        assert_return_code(ftruncate(image, SIZE - 4096), errno);
                assert_refused(image);
        }
}

/* The host's clock was set back before the change; who writes after it has a time in between. */
static void test_clock_set_back(void **state) {
        const uint32_t future = (uint32_t) time(NULL) + 1000;

        for (int i = 0; i < 3; i++) {
                _cleanup_close_ int image = make_file_system_of(future);
                uint32_t now = interrupt_in_file_system(image);

                put_superblock(image, i == 0 ? future : i == 1 ? now : now + 10, 1);
                if (i == 2) {
                        assert_refused(image);
                        continue;
                }
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
                assert_as_before(image);
        }
}

static void copy_over(int image) {
        assert_return_code(ftruncate(image, 0), errno);
        assert_int_equal(pwrite(image, original, SIZE, 0), SIZE);
}

/* By what was recorded first, for the second program has recorded what the first has written. */
static void test_latest_backup(void **state) {
        _cleanup_close_ int image = make_file_system(), undo = begin(image);

        (void) state;
        change_much(image);
        ASSERT_OK(undo_record_begin(image, undo));
        change_much(image);
        copy_over(image);
        assert_int_equal(close(TAKE_FD(undo)), 0);
        assert_left(image);
}

/* Another file system, or an older copy of this one. */
static void test_restored(void **state) {
        for (uint8_t uuid = 1; uuid <= 2; uuid++) {
                _cleanup_close_ int image = make_file_system();
                uint32_t now = interrupt_in_file_system(image);

                copy_over(image);
                put_superblock(image, uuid == 1 ? LAST_MOUNTED - 5 : now + 5, uuid);
                assert_int_equal(pread(image, original, SIZE, 0), SIZE);
                assert_left(image);
        }
}

/* Its undo file would be taken for one that is not whole. */
static void test_other_version(void **state) {
        _cleanup_close_ int image = make_image();
        int undo;

        interrupt_change(image);
        undo = open(undo_path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(undo, "umld-undo 9", 12, 0), 12);
        close(undo);
        assert_int_equal(image_undo_apply(image), -EPROTONOSUPPORT);
        assert_true(image_undo_pending(image));
        assert_return_code(unlink(undo_path), errno);
}

/* In a directory like /tmp anybody can put one beside the image. Its owner could change the image
 * itself as well. */
static void test_of_others(void **state) {
        _cleanup_close_ int image = make_image();
        int undo = begin(image);

        change(image, 0, 5000);
        assert_return_code(fchmod(undo, 0602), errno);
        assert_int_equal(image_undo_apply(image), -EKEYREJECTED);
        assert_return_code(fchmod(undo, 0600), errno);
        if (geteuid() == 0 && fchown(undo, 65534, 65534) >= 0) {
                assert_int_equal(image_undo_apply(image), -EKEYREJECTED);
                assert_return_code(fchown(image, 65534, 65534), errno);
        }
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
        assert_as_before(image);
}

/* Offsets that lead out of the image are nothing that was recorded. */
static void test_forged(void **state) {
        static const struct {
                uint64_t offset;
                uint32_t size;
        } records[] = { { SIZE, 1 },
                        { SIZE - 1, 2 },
                        { UINT64_MAX, 2 },
                        { UINT64_MAX - 1, 1 },
                        { 0, UNDO_PART_MAX + 1 } };
        _cleanup_close_ int image = make_image();

        FOREACH_ELEMENT (r, records) {
                int undo = begin(image);
                UndoRecord forged = { .offset = r->offset, .size = r->size, .kind = UNDO_ZEROS };

                forged.hash = undo_record_hash(&forged, NULL);
                assert_int_equal(write_all(undo, &forged, sizeof(forged)), 0);
                close(undo);
                assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
                assert_as_before(image);
        }
}

static void test_one_at_a_time(void **state) {
        _cleanup_close_ int image = make_image();
        int undo = begin(image);

        assert_int_equal(image_undo_create(image, 0), -EEXIST);
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_DONE);
        assert_false(image_undo_pending(image));
        assert_as_before(image);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_undone),        cmocka_unit_test(test_sparse),
                cmocka_unit_test(test_cut),           cmocka_unit_test(test_other_image),
                cmocka_unit_test(test_forged),        cmocka_unit_test(test_moved),
                cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_copied_over),
                cmocka_unit_test(test_of_others),     cmocka_unit_test(test_larger),
                cmocka_unit_test(test_complete),      cmocka_unit_test(test_of_this_change),
                cmocka_unit_test(test_written_since), cmocka_unit_test(test_restored),
                cmocka_unit_test(test_latest_backup), cmocka_unit_test(test_other_version),
                cmocka_unit_test(test_not_completed), cmocka_unit_test(test_clock_set_back),
        };

        return RUN_UNDO_TESTS(tests);
}
