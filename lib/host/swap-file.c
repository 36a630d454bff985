/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swap-file.c - swap space in a file. */

#include <string.h>
#include <unistd.h>

#include "host/swap-file.h"

/* The first page of swap space, from its byte 1024 on; the bytes before it are left to boot
 * loaders. Numbers are those of the machine. */
typedef struct SwapHeader {
        uint32_t version;
        uint32_t last_page;
        uint32_t bad_pages;
        uint8_t uuid[16];
        char label[16];
} SwapHeader;

enum {
        HEADER_AT = 1024,
        VERSION = 1,
};

#define MAGIC "SWAPSPACE2" /* the last bytes of the first page */

int swap_file_write(int fd, uint64_t size) {
        char page[SWAP_PAGE] = {};
        SwapHeader h = { .version = VERSION, .last_page = (uint32_t) (size / SWAP_PAGE - 1) };

        if (size % SWAP_PAGE != 0 || size / SWAP_PAGE < SWAP_PAGES_MIN ||
            size / SWAP_PAGE > UINT32_MAX)
                return -EINVAL;
        memcpy(page + HEADER_AT, &h, sizeof(h));
        memcpy(page + SWAP_PAGE - strlen(MAGIC), MAGIC, strlen(MAGIC));
        if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t) size) < 0)
                return -errno;
        if (pwrite(fd, page, SWAP_PAGE, 0) != SWAP_PAGE)
                return -EIO;
        return 0;
}

int swap_file_size(int fd, uint64_t *ret) {
        char page[SWAP_PAGE];
        SwapHeader h;
        ssize_t n = pread(fd, page, SWAP_PAGE, 0);

        if (n < 0)
                return -errno;
        if (n != SWAP_PAGE || memcmp(page + SWAP_PAGE - strlen(MAGIC), MAGIC, strlen(MAGIC)) != 0)
                return -EBADMSG;
        memcpy(&h, page + HEADER_AT, sizeof(h));
        if (h.version != VERSION)
                return -EBADMSG;
        *ret = ((uint64_t) h.last_page + 1) * SWAP_PAGE;
        return 0;
}
