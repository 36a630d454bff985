/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resident.c - keeps an idle process small. */

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/resident.h"

/* Code and constants, which can be read from the file again. Segments that are writable, or were
 * while they were relocated, are not. */
static int drop_constant_segments(struct dl_phdr_info *info, size_t size, void *userdata) {
        uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);

        for (size_t i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *p = &info->dlpi_phdr[i];
                uintptr_t from = (info->dlpi_addr + p->p_vaddr + page - 1) / page * page;
                uintptr_t to = (info->dlpi_addr + p->p_vaddr + p->p_memsz) / page * page;

                if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && from < to)
                        (void) madvise((void *) from, to - from, MADV_DONTNEED);
        }
        return 0;
}

/* Buffers from here on are mapped by themselves, and the free end of the heap is no larger. By
 * itself the C library raises both limits to the largest buffer that was ever freed: one look at
 * the tables of many guests, and as much stays resident. */
#define LARGE (64 * 1024)

enum {
        STACK_LEFT = 16 * 1024, /* for the calls that give it back */
        STACK_LOOK = 256 * 1024,
};

/* What a deep call left below the stack of this one. Nothing else is there: the kernel keeps
 * mappings further away from a stack (stack_guard_gap). */
static void drop_unused_stack(void) {
        uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
        uintptr_t here = (uintptr_t) __builtin_frame_address(0) / page * page;

        (void) madvise((void *) (here - STACK_LEFT - STACK_LOOK), STACK_LOOK, MADV_DONTNEED);
}

void resident_begin(void) {
        (void) mallopt(M_ARENA_MAX, 1); /* threads only wait for a disk */
        (void) mallopt(M_MMAP_THRESHOLD, LARGE);
        (void) mallopt(M_TRIM_THRESHOLD, LARGE);
}

void resident_trim_heap(void) {
        (void) malloc_trim(0);
}

void resident_trim(void) {
        (void) dl_iterate_phdr(drop_constant_segments, NULL);
        (void) malloc_trim(0);
        drop_unused_stack();
}
