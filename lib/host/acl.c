/* SPDX-License-Identifier: GPL-2.0-or-later */
/* acl.c - who may read and write a file: mode and access control list, as the kernel keeps them. */

#include <endian.h>
#include <inttypes.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "host/acl.h"

#define ACL_ATTRIBUTE "system.posix_acl_access"

enum {
        READ_WRITE = ACL_READ | ACL_WRITE,
        MODE_ENTRIES = 3, /* of a list that says what a mode says */
};

/* What the attribute holds, little-endian. */
typedef struct Stored {
        struct posix_acl_xattr_header header;
        struct posix_acl_xattr_entry entries[ACL_ENTRIES_MAX];
} Stored;

static size_t stored_size(size_t n) {
        return sizeof(struct posix_acl_xattr_header) + n * sizeof(struct posix_acl_xattr_entry);
}

static AclEntry unnamed(uint16_t tag, unsigned permissions) {
        return (AclEntry){ tag, (uint16_t) permissions, (uint32_t) ACL_UNDEFINED_ID };
}

static int from_mode(const char *path, Acl *ret) {
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        *ret = (Acl){ .n = MODE_ENTRIES,
                      .entries = { unnamed(ACL_USER_OBJ, st.st_mode >> 6 & 7),
                                   unnamed(ACL_GROUP_OBJ, st.st_mode >> 3 & 7),
                                   unnamed(ACL_OTHER, st.st_mode & 7) } };
        return 0;
}

int acl_get(const char *path, Acl *ret) {
        Stored s;
        ssize_t size = getxattr(path, ACL_ATTRIBUTE, &s, sizeof(s));

        if (size < 0)
                return errno == ENODATA || errno == EOPNOTSUPP ? from_mode(path, ret) : -errno;
        if ((size_t) size < stored_size(MODE_ENTRIES) ||
            le32toh(s.header.a_version) != POSIX_ACL_XATTR_VERSION)
                return -EBADMSG;
        ret->n = ((size_t) size - stored_size(0)) / sizeof(s.entries[0]);
        for (size_t i = 0; i < ret->n; i++)
                ret->entries[i] =
                        (AclEntry){ le16toh(s.entries[i].e_tag), le16toh(s.entries[i].e_perm),
                                    le32toh(s.entries[i].e_id) };
        return 0;
}

/* The first such entry, of a user the one of that id. */
static const AclEntry *find(const Acl *a, uint16_t tag, uint32_t id) {
        for (const AclEntry *e = a->entries; e < a->entries + a->n; e++)
                if (e->tag == tag && (tag != ACL_USER || e->id == id))
                        return e;
        return NULL;
}

static AclEntry *find_mutable(Acl *a, uint16_t tag, uint32_t id) {
        return (AclEntry *) find(a, tag, id);
}

static unsigned permissions(const Acl *a, uint16_t tag) {
        const AclEntry *e = find(a, tag, 0);

        return e ? e->permissions : 0;
}

static bool names_anybody(const Acl *a) {
        for (size_t i = 0; i < a->n; i++)
                if (a->entries[i].tag == ACL_USER || a->entries[i].tag == ACL_GROUP)
                        return true;
        return false;
}

/* Of a list without names, on file systems without lists. */
static int set_mode(const char *path, const Acl *a) {
        struct stat st;

        if (names_anybody(a))
                return -EOPNOTSUPP;
        if (stat(path, &st) < 0)
                return -errno;
        return RET_NERRNO(chmod(path, (st.st_mode & 07000) | permissions(a, ACL_USER_OBJ) << 6 |
                                              permissions(a, ACL_GROUP_OBJ) << 3 |
                                              permissions(a, ACL_OTHER)));
}

int acl_set(const char *path, const Acl *a) {
        Stored s = { .header.a_version = htole32(POSIX_ACL_XATTR_VERSION) };

        for (size_t i = 0; i < a->n; i++)
                s.entries[i] = (struct posix_acl_xattr_entry){ htole16(a->entries[i].tag),
                                                               htole16(a->entries[i].permissions),
                                                               htole32(a->entries[i].id) };
        if (setxattr(path, ACL_ATTRIBUTE, &s, stored_size(a->n), 0) >= 0)
                return 0;
        return errno == EOPNOTSUPP ? set_mode(path, a) : -errno;
}

static int insert(Acl *a, const AclEntry *before, AclEntry new) {
        size_t at = before ? (size_t) (before - a->entries) : a->n;

        if (a->n == ACL_ENTRIES_MAX)
                return -E2BIG;
        memmove(a->entries + at + 1, a->entries + at, (a->n - at) * sizeof(new));
        a->entries[at] = new;
        a->n++;
        return 0;
}

static void drop(Acl *a, const AclEntry *e) {
        size_t at = e ? (size_t) (e - a->entries) : a->n;

        if (!e)
                return;
        a->n--;
        memmove(a->entries + at, a->entries + at + 1, (a->n - at) * sizeof(*e));
}

/* One that hides nothing: what the group may is not to change with it. */
static int make_mask(Acl *a) {
        if (find(a, ACL_MASK, 0))
                return (permissions(a, ACL_MASK) & READ_WRITE) == READ_WRITE ? 0 : -EBUSY;
        return insert(a, find(a, ACL_OTHER, 0),
                      unnamed(ACL_MASK, permissions(a, ACL_GROUP_OBJ) | READ_WRITE));
}

int acl_add_user(Acl *a, uid_t uid) {
        AclEntry *user = find_mutable(a, ACL_USER, uid);
        int r = make_mask(a);

        if (r < 0)
                return r;
        if (!user)
                return insert(a, find(a, ACL_GROUP_OBJ, 0),
                              (AclEntry){ ACL_USER, READ_WRITE, uid });
        user->permissions |= READ_WRITE;
        return 0;
}

void acl_remove_user(Acl *a, uid_t uid) {
        drop(a, find(a, ACL_USER, uid));
        if (!names_anybody(a))
                drop(a, find(a, ACL_MASK, 0));
}

bool acl_has_user(const Acl *a, uid_t uid) {
        const AclEntry *user = find(a, ACL_USER, uid);

        return user && (user->permissions & permissions(a, ACL_MASK) & READ_WRITE) == READ_WRITE;
}

void acl_add_all(Acl *a) {
        for (AclEntry *e = a->entries; e < a->entries + a->n; e++)
                if (e->tag != ACL_USER && e->tag != ACL_GROUP)
                        e->permissions |= READ_WRITE;
}

bool acl_has_all(const Acl *a) {
        return (permissions(a, ACL_OTHER) & READ_WRITE) == READ_WRITE;
}

/* TAG:PERMISSIONS:ID for each entry, as numbers. */
const char *acl_format(const Acl *a, char ret[static ACL_TEXT_MAX]) {
        size_t used = 0;

        ret[0] = '\0';
        for (const AclEntry *e = a->entries; e < a->entries + a->n; e++)
                used += (size_t) snprintf(ret + used, ACL_TEXT_MAX - used, "%s%u:%u:%" PRIu32,
                                          used ? " " : "", e->tag, e->permissions,
                                          e->tag == ACL_USER || e->tag == ACL_GROUP ? e->id : 0);
        return ret;
}

int acl_parse(const char *text, Acl *ret) {
        Acl a = {};
        int used;

        for (; *text; text += used + (text[used] == ' ')) {
                AclEntry e;

                if (sscanf(text, "%" SCNu16 ":%" SCNu16 ":%" SCNu32 "%n", &e.tag, &e.permissions,
                           &e.id, &used) != 3)
                        return -EINVAL;
                if (e.tag != ACL_USER && e.tag != ACL_GROUP)
                        e.id = (uint32_t) ACL_UNDEFINED_ID;
                if (insert(&a, NULL, e) < 0)
                        return -EINVAL;
        }
        if (a.n < MODE_ENTRIES)
                return -EINVAL;
        *ret = a;
        return 0;
}
