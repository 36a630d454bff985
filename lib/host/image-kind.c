/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image-kind.c - knows the files that people take for disk images, and partitioned disks. */

#include <endian.h>
#include <unistd.h>

#include "host/image-kind.h"

enum {
        SECTOR = 512,
        LOOK = 72 * 1024, /* behind the superblocks of all Linux file systems; btrfs has its own
                             at 64 KiB */
        MBR_TABLE_AT = 446,
        MBR_ENTRIES = 4,
        MBR_ENTRY_SIZE = 16,
        GPT_ENTRIES_MAX = 128,
};

#define UNPACK "unpack it, or make an image of it: umlctl create NAME --from FILE"
#define RAW    "convert it: qemu-img convert -O raw FILE root.img"

static const struct {
        size_t at;
        const char *magic;
        size_t size;
        ImageKind kind;
} known[] = {
#define KIND(at, magic, what, remedy)                                                              \
        {                                                                                          \
                at, magic, sizeof(magic) - 1, {                                                    \
                        what, remedy, 0                                                            \
                }                                                                                  \
        }
        KIND(0, "QFI\xfb", "a qcow2 image", RAW),
        KIND(0, "KDMV", "a VMDK image", RAW),
        KIND(64, "\x7f\x10\xda\xbe", "a VDI image", RAW),
        KIND(0, "conectix", "a VHD image", RAW),
        KIND(0, "vhdxfile", "a VHDX image", RAW),
        KIND(0, "\x1f\x8b", "compressed by gzip", UNPACK),
        KIND(0, "BZh", "compressed by bzip2", UNPACK),
        KIND(0,
             "\xfd"
             "7zXZ",
             "compressed by xz", UNPACK),
        KIND(0, "\x28\xb5\x2f\xfd", "compressed by zstd", UNPACK),
        KIND(257, "ustar", "a tar archive", UNPACK),
        KIND(0, "PK\x03\x04", "a zip archive", UNPACK),
        KIND(0,
             "\x7f"
             "ELF",
             "a program", "give it to Kernel= if it is a UML kernel"),
        KIND(0x8001, "CD001", "a CD image (ISO 9660)",
             "install from it, or take the distribution's root file system"),
#undef KIND
};

/* File systems that begin where an MBR would be, or leave what looks like one alone. */
static bool has_superblock(const uint8_t *b, size_t n) {
        static const struct {
                size_t at;
                const char *magic;
                size_t size;
        } file_systems[] = {
                { 1080, "\x53\xef", 2 },         /* ext2 to ext4 */
                { 0, "XFSB", 4 },                /* XFS */
                { 65600, "_BHRfS_M", 8 },        /* btrfs */
                { 0, "hsqs", 4 },                /* squashfs */
                { 1024, "\x10\x20\xf5\xf2", 4 }, /* F2FS */
                { 65588, "ReIsEr", 6 },          /* reiserfs */
                { 1024, "\xe2\xe1\xf5\xe0", 4 }, /* EROFS */
                { 54, "FAT1", 4 },
                { 82, "FAT32", 5 }, /* FAT */
        };

        FOREACH_ELEMENT (f, file_systems)
                if (f->at + f->size <= n && memcmp(b + f->at, f->magic, f->size) == 0)
                        return true;
        return false;
}

static uint32_t get32(const uint8_t *b) {
        uint32_t v;

        memcpy(&v, b, sizeof(v));
        return le32toh(v);
}

static uint64_t get64(const uint8_t *b) {
        uint64_t v;

        memcpy(&v, b, sizeof(v));
        return le64toh(v);
}

/* The number of the largest partition of an MBR, 0 where that is none. */
static unsigned largest_of_mbr(const uint8_t *b) {
        unsigned which = 0;
        uint32_t largest = 0;

        for (unsigned i = 0; i < MBR_ENTRIES; i++) {
                const uint8_t *e = b + MBR_TABLE_AT + i * MBR_ENTRY_SIZE;
                uint32_t sectors = get32(e + 12);

                if ((e[0] & 0x7f) || (e[4] == 0) != (sectors == 0))
                        return 0;
                if (sectors > largest) {
                        largest = sectors;
                        which = i + 1;
                }
        }
        return which;
}

/* The same of a GPT, whose table begins right behind its header unless somebody moved it. */
static unsigned largest_of_gpt(const uint8_t *b, size_t n) {
        const uint8_t *header = b + SECTOR;
        uint64_t at = get64(header + 72), largest = 0;
        uint32_t entries = MIN(get32(header + 80), (uint32_t) GPT_ENTRIES_MAX),
                 size = get32(header + 84);
        unsigned which = 1;

        if (size < 128 || size > 4096 || at > LOOK / SECTOR)
                return which;
        for (uint32_t i = 0; i < entries && at * SECTOR + (i + 1) * (uint64_t) size <= n; i++) {
                const uint8_t *e = b + at * SECTOR + i * (uint64_t) size;
                uint64_t first = get64(e + 32), last = get64(e + 40);

                if (last >= first && first > 0 && last - first + 1 > largest) {
                        largest = last - first + 1;
                        which = i + 1;
                }
        }
        return which;
}

static bool all_zero(const uint8_t *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (b[i] != 0)
                        return false;
        return true;
}

static void judge(const uint8_t *b, size_t n, ImageKind *ret) {
        FOREACH_ELEMENT (k, known)
                if (k->at + k->size <= n && memcmp(b + k->at, k->magic, k->size) == 0) {
                        *ret = k->kind;
                        return;
                }
        if (has_superblock(b, n))
                return;
        if (all_zero(b, n))
                *ret = (ImageKind){ .what = "blank",
                                    .remedy = "make a file system in it, or an image with one: "
                                              "umlctl create" };
        else if (n >= 2 * SECTOR && memcmp(b + SECTOR, "EFI PART", 8) == 0)
                *ret = (ImageKind){ .what = "a partitioned disk",
                                    .partition = largest_of_gpt(b, n) };
        else if (n >= SECTOR && b[510] == 0x55 && b[511] == 0xaa)
                ret->partition = largest_of_mbr(b);
        if (ret->partition > 0)
                ret->what = "a partitioned disk";
}

int image_kind(int fd, ImageKind *ret) {
        uint8_t buf[LOOK];
        size_t n = 0;

        while (n < sizeof(buf)) {
                ssize_t k = pread(fd, buf + n, sizeof(buf) - n, (off_t) n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        *ret = (ImageKind){};
        judge(buf, n, ret);
        return 0;
}
