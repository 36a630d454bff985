/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Ownership by declaration: what a variable owns is freed when it goes out of scope. Every such
 * variable has an initialiser; TAKE_PTR() and TAKE_FD() hand the value over to another owner. */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "basic/macro.h"

#define _cleanup_(f) __attribute__((cleanup(f)))

#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                typeof(p) *_pp = &(p);                                                             \
                typeof(p) _taken = *_pp;                                                           \
                *_pp = NULL;                                                                       \
                _taken;                                                                            \
        })

#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *_fdp = &(fd);                                                                 \
                int _taken = *_fdp;                                                                \
                *_fdp = -EBADF;                                                                    \
                _taken;                                                                            \
        })

/* Defines func##p(), the pointer-to-variable form of a destructor that accepts NULL. */
#define DEFINE_CLEANUP(type, func)                                                                 \
        static inline void func##p(type *p) {                                                      \
                if (*p)                                                                            \
                        func(*p);                                                                  \
        }

static inline void freep(void *p) {
        free(*(void **) p);
}

/* Preserves errno, so that it can be called between a failing call and its report. Returns -EBADF.
 */
static inline int safe_close(int fd) {
        if (fd >= 0) {
                int saved = errno;

                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void closep(int *fd) {
        safe_close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(DIR *, closedir)

#define _cleanup_free_     _cleanup_(freep)
#define _cleanup_close_    _cleanup_(closep)
#define _cleanup_fclose_   _cleanup_(fclosep)
#define _cleanup_closedir_ _cleanup_(closedirp)
