/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-needs.c - finds the shared objects of a dynamically linked kernel. */

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "uml/kernel-needs.h"

enum {
        SEGMENTS_MAX = 64,
        ENTRIES_MAX = 512, /* of a dynamic section */
        OBJECTS_MAX = 32,
        CACHE_MAX = 16 * 1024 * 1024,
};

#define CACHE "/etc/ld.so.cache"
/* Loaded by pthread_cancel() and pthread_exit() of glibc, which kernels from 6.16 on use. */
#define UNWINDER "libgcc_s.so.1"

static const char *const trusted[] = {
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
};

void kernel_needs_done(KernelNeeds *n) {
        free(n->loader);
        strv_done(&n->names);
        strv_done(&n->paths);
        *n = (KernelNeeds){};
}

/* ---- one object ---- */

typedef struct Object {
        int fd;
        Elf64_Phdr segments[SEGMENTS_MAX];
        size_t n_segments;
} Object;

static int read_at(int fd, uint64_t offset, void *buf, size_t size) {
        ssize_t n = pread(fd, buf, size, (off_t) offset);

        if (n < 0)
                return -errno;
        return (size_t) n == size ? 0 : -ENOEXEC;
}

/* A text of at most size - 1 bytes. */
static int read_text(int fd, uint64_t offset, char *buf, size_t size) {
        ssize_t n = pread(fd, buf, size, (off_t) offset);

        if (n < 0)
                return -errno;
        return memchr(buf, '\0', (size_t) n) ? 0 : -ENOEXEC;
}

static int read_segments(Object *o) {
        Elf64_Ehdr h;
        int r = read_at(o->fd, 0, &h, sizeof(h));

        if (r < 0)
                return r;
        if (memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 ||
            h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum > SEGMENTS_MAX)
                return -ENOEXEC;
        o->n_segments = h.e_phnum;
        return read_at(o->fd, h.e_phoff, o->segments, h.e_phnum * sizeof(Elf64_Phdr));
}

static const Elf64_Phdr *segment(const Object *o, uint32_t type) {
        for (size_t i = 0; i < o->n_segments; i++)
                if (o->segments[i].p_type == type)
                        return &o->segments[i];
        return NULL;
}

/* Returns the offset in the file of what is loaded at that address. */
static int offset_of(const Object *o, uint64_t address, uint64_t *ret) {
        for (size_t i = 0; i < o->n_segments; i++) {
                const Elf64_Phdr *p = &o->segments[i];

                if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
                    address - p->p_vaddr < p->p_filesz) {
                        *ret = address - p->p_vaddr + p->p_offset;
                        return 0;
                }
        }
        return -ENOEXEC;
}

static int add_needed(const Object *o, const Elf64_Dyn *entries, size_t n, Strv *names) {
        uint64_t strings = 0;
        int r = -ENOEXEC;

        for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++)
                if (entries[i].d_tag == DT_STRTAB)
                        r = offset_of(o, entries[i].d_un.d_ptr, &strings);
        for (size_t i = 0; r >= 0 && i < n && entries[i].d_tag != DT_NULL; i++) {
                char name[256];

                if (entries[i].d_tag != DT_NEEDED)
                        continue;
                r = read_text(o->fd, strings + entries[i].d_un.d_val, name, sizeof(name));
                if (r >= 0 && strchr(name, '/'))
                        r = -ENOEXEC;
                if (r >= 0 && !strv_holds(names, name))
                        r = strv_push(names, name);
        }
        return r;
}

/* Adds the names of what an object needs; loader: what loads it, unless NULL. */
static int read_object(const char *path, Strv *names, char **loader) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        Object o = { .fd = fd };
        _cleanup_free_ Elf64_Dyn *entries = NULL;
        const Elf64_Phdr *p;
        char text[256];
        size_t n;
        int r = fd < 0 ? -errno : read_segments(&o);

        if (r < 0)
                return r;
        p = segment(&o, PT_INTERP);
        if (p && loader && !*loader) {
                r = read_text(fd, p->p_offset, text, sizeof(text));
                if (r < 0)
                        return r;
                *loader = strdup(text);
                if (!*loader)
                        return -ENOMEM;
        }
        p = segment(&o, PT_DYNAMIC);
        if (!p)
                return 0;
        n = MIN(p->p_filesz / sizeof(*entries), (uint64_t) ENTRIES_MAX);
        entries = calloc(n + 1, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        r = read_at(fd, p->p_offset, entries, n * sizeof(*entries));
        return r < 0 ? r : add_needed(&o, entries, n, names);
}

/* ---- where an object is ---- */

/* glibc's sysdeps/generic/dl-cache.h. */
typedef struct CacheHeader {
        char magic[20];
        uint32_t n, strings;
        uint32_t unused[5];
} CacheHeader;

typedef struct CacheEntry {
        int32_t flags;
        uint32_t name, path;
        uint32_t version;
        uint64_t hwcap; /* 0: for every CPU */
} CacheEntry;

static const char cache_magic[] = "glibc-ld.so.cache1.1";

enum {
        CACHE_X86_64 = 0x0303, /* ELF of libc 6, 64 bits */
};

typedef struct Cache {
        char *text;
        size_t size;
} Cache;

static void cache_done(Cache *c) {
        free(c->text);
}

/* Without a cache only the trusted directories are searched, as by ld.so(8). */
static int cache_load(Cache *c) {
        _cleanup_close_ int fd = open(CACHE, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > CACHE_MAX)
                return 0;
        c->text = calloc(1, (size_t) st.st_size + 1);
        if (!c->text)
                return -ENOMEM;
        if (read_at(fd, 0, c->text, (size_t) st.st_size) >= 0)
                c->size = (size_t) st.st_size;
        return 0;
}

static const char *cache_text(const char *begin, size_t size, uint32_t offset) {
        return offset < size ? begin + offset : "";
}

/* The buffer ends in a NUL, so every text in it ends. */
static const char *cache_look(const Cache *c, const char *name) {
        const char *begin =
                c->size == 0 ? NULL
                             : memmem(c->text, c->size, cache_magic, sizeof(cache_magic) - 1);
        size_t size = begin ? (size_t) (c->text + c->size - begin) : 0;
        CacheHeader h;

        if (size < sizeof(h))
                return NULL;
        memcpy(&h, begin, sizeof(h));
        for (size_t i = 0; i < MIN(h.n, (size - sizeof(h)) / sizeof(CacheEntry)); i++) {
                CacheEntry e;

                memcpy(&e, begin + sizeof(h) + i * sizeof(e), sizeof(e));
                if (e.flags == CACHE_X86_64 && e.hwcap == 0 &&
                    streq(cache_text(begin, size, e.name), name))
                        return cache_text(begin, size, e.path);
        }
        return NULL;
}

static char *look_for(const Cache *c, const char *name) {
        const char *cached = cache_look(c, name);

        if (cached && access(cached, R_OK) >= 0)
                return strdup(cached);
        FOREACH_ELEMENT (directory, trusted) {
                char *path = strfmt("%s/%s", *directory, name);

                if (!path || access(path, R_OK) >= 0)
                        return path;
                free(path);
        }
        errno = ENOENT;
        return NULL;
}

/* ---- all of them ---- */

static int add_path(KernelNeeds *needs, const char *path) {
        int r = strv_push(&needs->paths, path);

        return r < 0 ? r : read_object(path, &needs->names, NULL);
}

/* The list of names grows with each object that is read. */
static int find_all(KernelNeeds *needs, const Cache *cache, char **ret_missing) {
        for (size_t i = 0; i < needs->names.n; i++) {
                _cleanup_free_ char *path = look_for(cache, needs->names.v[i]);
                int r;

                if (i == OBJECTS_MAX)
                        return -E2BIG;
                if (!path) {
                        *ret_missing = strdup(needs->names.v[i]);
                        return -ENOENT;
                }
                r = add_path(needs, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

int kernel_needs_find(const char *const *programs, size_t n, KernelNeeds *ret, char **ret_missing) {
        _cleanup_(kernel_needs_done) KernelNeeds needs = {};
        _cleanup_(cache_done) Cache cache = {};
        _cleanup_free_ char *unwinder = NULL;
        int r = cache_load(&cache);

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = read_object(programs[i], &needs.names, &needs.loader);
        if (r >= 0 && needs.loader && !strv_holds(&needs.names, UNWINDER) &&
            (unwinder = look_for(&cache, UNWINDER)))
                r = strv_push(&needs.names, UNWINDER);
        if (r >= 0)
                r = find_all(&needs, &cache, ret_missing);
        if (r < 0)
                return r;
        *ret = needs;
        needs = (KernelNeeds){};
        return 0;
}
