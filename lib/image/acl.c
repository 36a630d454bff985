/* SPDX-License-Identifier: GPL-2.0-or-later */
/* acl.c - access control lists. */

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <stdlib.h>

#include "image/acl.h"

typedef struct Grant {
        uint16_t tag, permissions;
        uint32_t id;
} Grant;

/* In the order that Linux requires, which is that of their values. */
static uint16_t linux_tag(int tag) {
        switch (tag) {
        case ARCHIVE_ENTRY_ACL_USER_OBJ:
                return 0x01;
        case ARCHIVE_ENTRY_ACL_USER:
                return 0x02;
        case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
                return 0x04;
        case ARCHIVE_ENTRY_ACL_GROUP:
                return 0x08;
        case ARCHIVE_ENTRY_ACL_MASK:
                return 0x10;
        case ARCHIVE_ENTRY_ACL_OTHER:
                return 0x20;
        default:
                return 0;
        }
}

static int compare(const void *a, const void *b) {
        const Grant *x = a, *y = b;

        if (x->tag != y->tag)
                return x->tag < y->tag ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

/* 1 = added, 0 = the user or group has only a name, no number. */
static int read_grant(int permset, int tag, int id, Grant *ret) {
        bool named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;

        *ret = (Grant){ .tag = linux_tag(tag),
                        .permissions = (uint16_t) (permset & 7),
                        .id = named ? (uint32_t) id : UINT32_MAX };
        return ret->tag != 0 && (!named || id >= 0);
}

static int write_grants(Grant *grants, size_t n, unsigned char *buf) {
        uint32_t version = htole32(2);

        qsort(grants, n, sizeof(*grants), compare);
        memcpy(buf, &version, 4);
        for (size_t i = 0; i < n; i++) {
                uint16_t tag = htole16(grants[i].tag), permissions = htole16(grants[i].permissions);
                uint32_t id = htole32(grants[i].id);

                memcpy(buf + 4 + 8 * i, &tag, 2);
                memcpy(buf + 6 + 8 * i, &permissions, 2);
                memcpy(buf + 8 + 8 * i, &id, 4);
        }
        return (int) (4 + 8 * n);
}

int acl_to_xattr(struct archive_entry *e, bool def, unsigned char buf[static ACL_SIZE_MAX]) {
        int want = def ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT : ARCHIVE_ENTRY_ACL_TYPE_ACCESS, type,
            permset, tag, id;
        Grant grants[ACL_ENTRIES_MAX];
        const char *name;
        size_t n = 0;

        if (archive_entry_acl_reset(e, want) == 0)
                return 0;
        while (archive_entry_acl_next(e, want, &type, &permset, &tag, &id, &name) == ARCHIVE_OK) {
                if (n == ACL_ENTRIES_MAX)
                        return -E2BIG;
                if (read_grant(permset, tag, id, &grants[n++]) == 0)
                        return 0;
        }
        return write_grants(grants, n, buf);
}
