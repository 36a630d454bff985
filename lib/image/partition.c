/* SPDX-License-Identifier: GPL-2.0-or-later */
/* partition.c - partition tables. */

#include <endian.h>

#include "image/partition.h"

enum {
        SECTOR = 512,
        MBR_TABLE = 446,
        MBR_ENTRY = 16,
        MBR_ENTRIES = 4,
        MBR_LINUX = 0x83,
        MBR_GPT = 0xee, /* a protective MBR entry, for programs that do not know GPT */
        GPT_ENTRY_MIN = 128,
        GPT_ENTRIES_MAX = 1024,
};

/* Type GUIDs in the byte order of the disk. */
static const unsigned char gpt_linux[16] =
        "\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";
static const unsigned char gpt_roots[][16] = {
        "\xe3\xbc\x68\x4f\xcd\xe8\xb1\x4d\x96\xe7\xfb\xca\xf9\x84\xb7\x09", /* x86-64 */
        "\x40\x95\x47\x44\x97\xf2\xb2\x41\x9a\xf7\xd1\x31\xd5\xf0\x45\x8a", /* x86 */
};

static uint32_t read32(const unsigned char *p) {
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

static uint64_t read64(const unsigned char *p) {
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return le64toh(v);
}

typedef struct Choice {
        Partition best;
        bool found, root;
} Choice;

static void offer(Choice *c, bool root, unsigned number, uint64_t first, uint64_t n,
                  uint64_t sector) {
        if (n == 0 || first == 0 || first > INT64_MAX / sector || n > INT64_MAX / sector ||
            first * sector > INT64_MAX - n * sector)
                return;
        if (c->found && (c->root > root || (c->root == root && c->best.size >= n * sector)))
                return;
        *c = (Choice){ .best = { .number = number, .offset = first * sector, .size = n * sector },
                       .found = true,
                       .root = root };
}

static bool is_gpt_root(const unsigned char *type) {
        FOREACH_ELEMENT (root, gpt_roots)
                if (memcmp(type, *root, sizeof(*root)) == 0)
                        return true;
        return false;
}

/* The sector size follows from where the header is found: in the second sector. */
static void read_gpt(const unsigned char *head, size_t size, uint64_t sector, Choice *c) {
        const unsigned char *h = head + sector;
        uint64_t at = read64(h + 72);
        uint32_t n = read32(h + 80), length = read32(h + 84);

        if (length < GPT_ENTRY_MIN || length > SECTOR || n > GPT_ENTRIES_MAX || at > size / sector)
                return;
        for (uint32_t i = 0; i < n && at * sector + (uint64_t) (i + 1) * length <= size; i++) {
                const unsigned char *e = head + at * sector + (uint64_t) i * length;
                uint64_t first = read64(e + 32), last = read64(e + 40);
                bool root = is_gpt_root(e);

                if ((root || memcmp(e, gpt_linux, sizeof(gpt_linux)) == 0) && last >= first &&
                    last - first < UINT64_MAX)
                        offer(c, root, i + 1, first, last - first + 1, sector);
        }
}

static void read_mbr(const unsigned char *head, Choice *c) {
        for (unsigned i = 0; i < MBR_ENTRIES; i++) {
                const unsigned char *e = head + MBR_TABLE + (size_t) i * MBR_ENTRY;

                if (e[4] == MBR_LINUX)
                        offer(c, false, i + 1, read32(e + 8), read32(e + 12), SECTOR);
        }
}

int partition_find(const void *head, size_t size, Partition *ret) {
        static const uint64_t sectors[] = { 512, 4096 };
        const unsigned char *h = head;
        Choice c = {};

        if (size < SECTOR || h[510] != 0x55 || h[511] != 0xaa)
                return -EMEDIUMTYPE;
        FOREACH_ELEMENT (sector, sectors)
                if (size >= *sector + SECTOR && memcmp(h + *sector, "EFI PART", 8) == 0)
                        read_gpt(h, size, *sector, &c);
        if (!c.found)
                read_mbr(h, &c);
        if (!c.found)
                return -ENOENT;
        *ret = c.best;
        return 0;
}
