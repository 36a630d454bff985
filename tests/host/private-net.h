/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every test of lib/host begins with: namespaces of its own, so that nothing it does can reach
 * the machine's network, tables or files. */

#include <sys/types.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/macro.h"

/* Moves this process into a new network and a new mount namespace, with an empty /run (and so a
 * lock file of its own for iptables). Exits where that fails. */
void private_net_enter(void);

/* Empties the network namespace by moving on to another one. */
void private_net_renew(void);

/* Runs a shell command line that must succeed. */
void shell(const char *format, ...) _printf_(1, 2);

/* What a shell command line prints; the caller frees it. */
char *shell_output(const char *format, ...) _printf_(1, 2);

/* Runs fn in a child that may spoil itself. It checks with assert(): cmocka's asserts would jump
 * back into the child's copy of the test run. */
void in_child(void (*fn)(void));

/* fork() whose child does not outlive this process, however the test ends. */
pid_t tied_fork(void);

/* A tied child that runs begin() to its end and then stays as it is until child_kill(); returns
 * once it has. begin() checks with assert(). */
pid_t child_that_stays(void (*begin)(const void *userdata), const void *userdata);

/* Ends the child, and with it its descriptors and namespaces. */
void child_kill(pid_t pid);
