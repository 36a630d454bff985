/* SPDX-License-Identifier: GPL-2.0-or-later */
/* busybox.c - finds a static busybox. */

#include <elf.h>
#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "imager/busybox.h"

enum {
        BUSYBOX_MAX = 32 * 1024 * 1024,
};

/* A program that asks for no loader has all it needs in itself. */
static bool is_static(const char *data, size_t size) {
        Elf64_Ehdr h;

        if (size < sizeof(h))
                return false;
        memcpy(&h, data, sizeof(h));
        if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
            h.e_phoff > size || h.e_phentsize != sizeof(Elf64_Phdr) ||
            (size - h.e_phoff) / sizeof(Elf64_Phdr) < h.e_phnum)
                return false;
        for (unsigned i = 0; i < h.e_phnum; i++) {
                Elf64_Phdr p;

                memcpy(&p, data + h.e_phoff + i * sizeof(p), sizeof(p));
                if (p.p_type == PT_INTERP)
                        return false;
        }
        return true;
}

ssize_t busybox_read(const char **ret_path, char **ret) {
        const char *const places[] = { getenv("BUSYBOX"), "/bin/busybox", "/usr/bin/busybox" };

        FOREACH_ELEMENT (place, places) {
                _cleanup_free_ char *data = NULL;
                ssize_t n = *place ? read_file(*place, BUSYBOX_MAX, &data) : -ENOENT;

                if (n > 0 && is_static(data, (size_t) n)) {
                        *ret_path = *place;
                        *ret = TAKE_PTR(data);
                        return n;
                }
        }
        return -ENOENT;
}

const char *busybox_path(void) {
        _cleanup_free_ char *data = NULL;
        const char *path = NULL;

        (void) busybox_read(&path, &data);
        return path;
}
