/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-file.c - distinguishes a UML kernel from any other file without running it.
 *
 * The linker script of every UML kernel collects its command line parameters in the sections
 * .uml.setup.init and .uml.help.init. No other program has these, strip(1) leaves the section table
 * in place, and the table is at the end of the file, so that a few small reads also detect a
 * truncated one. */

#include <elf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "uml/kernel-file.h"

#if defined(__x86_64__)
        #define NATIVE_MACHINE EM_X86_64
#else
        #define NATIVE_MACHINE EM_NONE /* UML is not supported on this machine */
#endif

enum {
        HEADERS_MAX = 1024, /* real kernels have about a dozen segments and 50 sections */
        NAMES_MAX = 65536,
};

typedef struct ElfFile {
        int fd;
        uint64_t size;
        Elf64_Ehdr header;
        bool interpreter;
} ElfFile;

static const char remedy[] =
        "set Kernel= to a UML kernel (Debian's package user-mode-linux has one)";

/* Is [offset, offset + len) within the file? */
static bool within(const ElfFile *e, uint64_t offset, uint64_t len) {
        return len <= e->size && offset <= e->size - len;
}

/* 1 = read, 0 = the file is too short. */
static int read_at(const ElfFile *e, uint64_t offset, void *buf, size_t len) {
        size_t done = 0;

        if (!within(e, offset, len))
                return 0;
        while (done < len) {
                ssize_t n = pread(e->fd, (char *) buf + done, len - done, (off_t) (offset + done));

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        return 0;
                if (n > 0)
                        done += (size_t) n;
        }
        return 1;
}

/* Returns what the file is if it is not an ELF program for this machine; NULL if it is one. */
static const char *foreign_format(const ElfFile *e) {
        const unsigned char *ident = e->header.e_ident;

        if (e->size == 0)
                return "is empty";
        if (ident[0] == '#' && ident[1] == '!')
                return "is a script, not a UML kernel";
        if (memcmp(ident, ELFMAG, SELFMAG) != 0)
                return "is not a program";
        if (e->size < sizeof(e->header))
                return "is truncated";
        if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
            e->header.e_machine != NATIVE_MACHINE)
                return "is a program for another kind of machine";
        if (e->header.e_type != ET_EXEC && e->header.e_type != ET_DYN)
                return "is an object file, not a program";
        return NULL;
}

/* Checks that the file contains everything that its segments are loaded from. *ret_what is NULL if
 * so. */
static int check_segments(ElfFile *e, const char **ret_what) {
        const Elf64_Ehdr *h = &e->header;

        *ret_what = "is truncated or damaged";
        if (h->e_phnum == 0 || h->e_phnum > HEADERS_MAX || h->e_phentsize != sizeof(Elf64_Phdr))
                return 0;
        for (unsigned i = 0; i < h->e_phnum; i++) {
                Elf64_Phdr p;
                int r = read_at(e, h->e_phoff + i * sizeof(p), &p, sizeof(p));

                if (r < 0)
                        return r;
                if (r == 0 || !within(e, p.p_offset, p.p_filesz))
                        return 0;
                if (p.p_type == PT_INTERP)
                        e->interpreter = true;
        }
        *ret_what = NULL;
        return 0;
}

static bool has_mark(const Elf64_Shdr *sections, size_t n, const char *names, size_t len,
                     const char *mark) {
        for (size_t i = 0; i < n; i++)
                if (sections[i].sh_name < len && streq(names + sections[i].sh_name, mark))
                        return true;
        return false;
}

static int check_sections(const ElfFile *e, const char **ret_what) {
        _cleanup_free_ Elf64_Shdr *sections = NULL;
        _cleanup_free_ char *names = NULL;
        const Elf64_Ehdr *h = &e->header;
        size_t bytes = h->e_shnum * sizeof(*sections), len;
        int r;

        if (h->e_shoff == 0 || h->e_shnum == 0) {
                *ret_what = "has no section table (strip keeps it), so it cannot be recognised as "
                            "a UML kernel";
                return 0;
        }
        *ret_what = "is truncated or damaged";
        if (h->e_shnum > HEADERS_MAX || h->e_shentsize != sizeof(*sections) ||
            h->e_shstrndx >= h->e_shnum)
                return 0;
        sections = malloc(bytes);
        if (!sections)
                return -ENOMEM;
        r = read_at(e, h->e_shoff, sections, bytes);
        if (r <= 0)
                return r;
        len = MIN(sections[h->e_shstrndx].sh_size, (uint64_t) NAMES_MAX);
        names = calloc(1, len + 1);
        if (!names)
                return -ENOMEM;
        r = read_at(e, sections[h->e_shstrndx].sh_offset, names, len);
        if (r <= 0)
                return r;
        if (has_mark(sections, h->e_shnum, names, len, ".uml.setup.init") &&
            has_mark(sections, h->e_shnum, names, len, ".uml.help.init"))
                *ret_what = NULL;
        else
                *ret_what = "is a program, but not a UML kernel";
        return 0;
}

/* *ret_what is what is wrong with the file; NULL: nothing. */
static int check(ElfFile *e, const char **ret_what) {
        int r = read_at(e, 0, &e->header, MIN(e->size, (uint64_t) sizeof(e->header)));

        if (r < 0)
                return r;
        *ret_what = foreign_format(e);
        if (*ret_what)
                return 0;
        r = check_segments(e, ret_what);
        if (r < 0 || *ret_what)
                return r;
        return check_sections(e, ret_what);
}

int kernel_file_check(int fd, const char *path, bool *ret_static, char **ret_error) {
        const char *what = NULL;
        ElfFile e = { .fd = fd };
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode)) {
                *ret_error = strfmt(
                        "kernel %s is %s, not a file; %s", path,
                        S_ISDIR(st.st_mode) ? "a directory" : "a device, pipe or socket", remedy);
                return S_ISDIR(st.st_mode) ? -EISDIR : -ENOEXEC;
        }
        e.size = (uint64_t) st.st_size;
        r = check(&e, &what);
        if (r < 0) {
                *ret_error =
                        strfmt("kernel %s cannot be read: %s; check its disk", path, strerror(-r));
                return r;
        }
        if (what) {
                *ret_error = strfmt("kernel %s %s; %s", path, what, remedy);
                return -ENOEXEC;
        }
        *ret_static = !e.interpreter;
        return 0;
}

int kernel_file_has_string(int fd, const char *const *strings) {
        struct stat st;
        void *map;
        int found = 0;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size == 0)
                return 0;
        map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        for (; *strings && !found; strings++) {
                size_t len = strlen(*strings) + 1; /* including its NUL */
                const char *p = map, *end = p + st.st_size;

                while ((p = memmem(p, (size_t) (end - p), *strings, len)) && !found) {
                        found = p > (const char *) map && p[-1] == '\0';
                        p++;
                }
        }
        (void) munmap(map, (size_t) st.st_size);
        return found;
}
