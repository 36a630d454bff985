/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-power-cut.c - a change of an image is undone after a power cut, whatever had reached the
 * disk by then.
 *
 * A disk keeps for certain what was there at the last sync, and of what was written since, any
 * sectors in any order. So a child changes an image until it ends at some point, and each sector
 * of the image and of the undo file gets at random what it held last, or at the last sync. */

#include <endian.h>
#include <ext2fs/ext2_fs.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "undo-paths.h"

#include "api/image-undo.h"
#include "basic/cleanup.h"
#include "basic/undo-record.h"

enum {
        SIZE = 600 * 1024 + 100, /* several chunks; not whole blocks */
        AFTER = SIZE + 64 * 1024,
        FILE_MAX = 2 << 20,
        SECTOR = 512,
        SUPERBLOCK_OFFSET = 1024,
        CUTS = 160,
        STEPS = 40, /* of a whole change and its end */
};

typedef struct Contents {
        unsigned char data[FILE_MAX];
        size_t size;
} Contents;

/* In memory that is shared with the child. */
static struct {
        Contents image, undo; /* as of the last sync */
        Contents changed;
        bool named; /* the entry of the undo file is on the disk */
        bool completing;
        int steps_left;
} * disk;

static unsigned char original[SIZE];

static void load(int fd, Contents *c) {
        ssize_t n = pread(fd, c->data, sizeof(c->data), 0);

        assert_in_range(n, 0, FILE_MAX - 1);
        c->size = (size_t) n;
        memset(c->data + n, 0, sizeof(c->data) - (size_t) n);
}

static void load_path(const char *path, Contents *c) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        *c = (Contents){};
        if (fd >= 0)
                load(fd, c);
}

static void store(const char *path, const Contents *c) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, c->data, c->size, 0), c->size);
}

/* The power may be cut before anything that the child does. */
static void step(void) {
        if (disk->steps_left > 0 && --disk->steps_left == 0)
                _exit(0);
}

/* Instead of libc's. */
int fsync(int fd) {
        struct stat st, image, undo;

        step();
        if (fstat(fd, &st) < 0)
                return -1;
        if (S_ISDIR(st.st_mode))
                disk->named = access(undo_path, F_OK) >= 0;
        else if (stat(image_path, &image) >= 0 && image.st_ino == st.st_ino)
                load(fd, &disk->image);
        else if (stat(undo_path, &undo) >= 0 && undo.st_ino == st.st_ino)
                load(fd, &disk->undo);
        step();
        return 0;
}

int fdatasync(int fd) {
        return fsync(fd);
}

static void put_superblock(unsigned char *data, uint32_t time) {
        const struct ext2_super_block s = { .s_magic = htole16(EXT2_SUPER_MAGIC),
                                            .s_wtime = htole32(time),
                                            .s_uuid = { 1 } };

        memcpy(data + SUPERBLOCK_OFFSET, &s, sizeof(s));
}

static void change(int image, off_t at, size_t size) {
        static unsigned char data[AFTER];

        memset(data, (int) (random() % 255) + 1, size);
        if (at == 0)
                put_superblock(data, (uint32_t) undo_record_time());
        step();
        assert_int_equal(undo_record((uint64_t) at, size), 0);
        step();
        assert_int_equal(pwrite(image, data, size, at), size);
}

static void change_some(int image, int undo) {
        ASSERT_OK(undo_record_begin(image, undo));
        change(image, 0, SUPERBLOCK_OFFSET + sizeof(struct ext2_super_block));
        for (int i = 0; i < 2; i++) {
                off_t at = 4096 + random() % (AFTER - 4096);

                change(image, at, (size_t) (random() % (AFTER - at)) / 4 + 1);
        }
}

/* By two programs. */
static void change_all(void) {
        int image = open(image_path, O_RDWR | O_CLOEXEC), undo;

        assert_true(image >= 0);
        undo = image_undo_create(image, AFTER);
        assert_true(undo >= 0);
        change_some(image, undo);
        change_some(image, undo);
        load(image, &disk->changed);
        disk->changed.size = AFTER;
        memset(disk->changed.data + AFTER, 0, FILE_MAX - AFTER);
        disk->completing = true;
        ASSERT_OK(image_undo_complete(image, undo));
        close(undo);
        assert_int_equal(image_undo_apply(image), IMAGE_UNDO_COMPLETE);
}

static void apply(void) {
        int image = open(image_path, O_RDWR | O_CLOEXEC);

        assert_true(image >= 0);
        assert_true(image_undo_apply(image) >= 0);
        close(image);
}

/* What is on the disk when the power is back. */
static void mix(const char *path, const Contents *synced) {
        static Contents now;

        load_path(path, &now);
        for (size_t at = 0; at < FILE_MAX; at += SECTOR)
                if (random() % 2)
                        memcpy(now.data + at, synced->data + at, SECTOR);
        if (random() % 2)
                now.size = synced->size;
        store(path, &now);
}

/* Ends after so many steps, then the power is cut. */
static void run_until(int steps, void (*work)(void)) {
        pid_t pid;
        int status;

        load_path(image_path, &disk->image);
        load_path(undo_path, &disk->undo);
        disk->named = access(undo_path, F_OK) >= 0;
        disk->steps_left = steps;
        pid = fork();
        if (pid == 0) {
                srandom((unsigned) steps);
                work();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        disk->steps_left = 0;
        mix(image_path, &disk->image);
        if (access(undo_path, F_OK) >= 0 && (disk->named || random() % 2))
                mix(undo_path, &disk->undo);
        else if (disk->named && random() % 2)
                store(undo_path, &disk->undo); /* its removal did not reach the disk */
        else
                (void) unlink(undo_path);
}

static bool same(const Contents *c, const unsigned char *data, size_t size) {
        return c->size == size && memcmp(c->data, data, size) == 0;
}

/* Returns whether the change was completed. */
static bool check_outcome(void) {
        static Contents now;

        load_path(image_path, &now);
        assert_int_equal(access(undo_path, F_OK), -1);
        if (same(&now, original, SIZE))
                return false;
        assert_true(disk->completing);
        assert_true(same(&now, disk->changed.data, AFTER));
        return true;
}

static void make_image(void) {
        static Contents c;

        memcpy(c.data, original, SIZE);
        c.size = SIZE;
        store(image_path, &c);
        disk->completing = false;
}

/* Its undoing may meet with a power cut as well. */
static void test_power_cut(void **state) {
        unsigned completed = 0, undone = 0;

        for (int i = 0; i < CUTS; i++) {
                make_image();
                run_until(1 + i % STEPS, change_all);
                if (random() % 2)
                        run_until(1 + (int) (random() % 6), apply);
                apply();
                if (check_outcome())
                        completed++;
                else
                        undone++;
        }
        assert_true(completed > 0 && undone > 0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_power_cut) };

        for (size_t i = 0; i < SIZE; i++) /* with a hole in it */
                original[i] = i > 100 * 1024 && i < 300 * 1024 ? 0 : (unsigned char) random();
        put_superblock(original, 1700000000);
        disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return disk == MAP_FAILED || RUN_UNDO_TESTS(tests);
}
