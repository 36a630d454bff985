/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

int fd_nonblock(int fd, bool nonblock);
int fd_cloexec(int fd, bool cloexec);

/* Takes fd and returns it, or a copy that no dup2() to standard input, output or error will
 * overwrite. */
int fd_above_stdio(int fd);

/* For a child that does not exec: closes all but the standard ones and these. */
void fd_close_all_but(const int *keep, size_t n);

/* For the start of a program: standard descriptors that are closed become /dev/null, lest a file
 * opened later be taken for one; all others that it was given will not be handed on by exec. */
int fd_tidy_inherited(void);

/* Reads until size bytes or the end; returns the number of bytes read. */
ssize_t read_all(int fd, void *buf, size_t size);

/* Writes everything; 0 or negative errno. */
int write_all(int fd, const void *buf, size_t size);
