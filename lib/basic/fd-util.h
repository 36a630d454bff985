/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "basic/macro.h"

int fd_nonblock(int fd, bool nonblock);
int fd_cloexec(int fd, bool cloexec);

/* Takes fd and returns it, or a duplicate that no dup2() to standard input, output or error will
 * overwrite. */
int fd_above_stdio(int fd);

/* For a child that does not exec: closes all descriptors but the standard ones and these. */
void fd_close_all_but(const int *keep, size_t n);

/* For the start of a program: opens /dev/null for standard descriptors that are closed, so that no
 * file opened later is mistaken for one; sets close-on-exec on all others that were inherited. */
int fd_tidy_inherited(void);

/* As fstat(), but from what the kernel remembers: the server of a network file system is not asked,
 * and may be gone. */
int fd_stat(int fd, struct stat *ret);

/* Sends a message through a local socket, and n descriptors with it, at most FDS_SEND_MAX. Never
 * waits. */
#define FDS_SEND_MAX 4
int fds_send(int socket, const void *message, size_t size, const int *fds, size_t n);

/* Reads until size bytes or the end of file; returns the number of bytes read. */
ssize_t read_all(int fd, void *buf, size_t size);

/* Writes everything; 0 or negative errno. */
int write_all(int fd, const void *buf, size_t size);
